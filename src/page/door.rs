//! Which requests are let in: only those that name one of our hosts, read, come from no other site,
//! and hold a session. A loopback address alone guards nothing: every user of the machine reaches
//! it, and so does a page whose name somebody turned to 127.0.0.1.

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};

use super::address::Address;

/// The door of a page.
#[derive(Debug)]
pub(super) struct Door {
    address: Address,
    cookie: String,
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It names another host, several, or none.
    Host,
    /// It would change something.
    Method,
    /// Another site made the browser send it.
    OtherSite,
    /// It holds no session.
    NoSession,
}

impl Refusal {
    /// The status of its answer.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Refusal::Host => StatusCode::MISDIRECTED_REQUEST,
            Refusal::Method => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::OtherSite => StatusCode::FORBIDDEN,
            Refusal::NoSession => StatusCode::UNAUTHORIZED,
        }
    }

    /// What whoever sent it reads.
    pub(super) fn words(self) -> &'static str {
        match self {
            Refusal::Host => {
                "This page is not at that address. Open the link that `fleetsweep serve` printed, \
                 or tell it the address of the proxy before it with --public-url.\n"
            }
            Refusal::Method => "This page is only read: nothing can be changed here.\n",
            Refusal::OtherSite => "Another site asked for this page; it is not given to sites.\n",
            Refusal::NoSession => {
                "This page is for whoever started `fleetsweep serve`: open the link that it \
                 printed. The link works once, within two minutes; starting it again prints a new \
                 one.\n"
            }
        }
    }
}

impl Door {
    /// The door of this address.
    pub(super) fn new(address: Address) -> Self {
        // Cookies are not told apart by ports, so the name has to be.
        let bind = if address.secure { "__Host-" } else { "" };
        Self { cookie: format!("{bind}fleetsweep-{}", address.port), address }
    }

    /// Where it is.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Whether a request may come in as far as its head tells; whether it holds a session is not
    /// asked.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn admits(&self, request: &Parts) -> Result<(), Refusal> {
        let mut hosts = request.headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Refusal::Host) };
        let host = host.to_str().map_err(|_| Refusal::Host)?.to_ascii_lowercase();
        let named = request.uri.authority().map(|named| named.as_str().to_ascii_lowercase());
        if !self.address.hosts.contains(&host) || named.is_some_and(|named| named != host) {
            return Err(Refusal::Host);
        }
        if request.method != Method::GET && request.method != Method::HEAD {
            return Err(Refusal::Method);
        }
        let site = request.headers.get("sec-fetch-site").map(|site| site.as_bytes());
        match site {
            None | Some(b"none" | b"same-origin") => Ok(()),
            // A link to the front page alone may stand elsewhere; it shows nothing without a
            // session, which other sites do not send.
            Some(_) if self.path(request.uri.path()) == "/" => Ok(()),
            Some(_) => Err(Refusal::OtherSite),
        }
    }

    /// The path of a request below the page's own address, whether a proxy took that away or not.
    pub(super) fn path<'p>(&self, path: &'p str) -> &'p str {
        let below = path.strip_prefix(self.address.prefix.as_str());
        match below {
            Some("") => "/",
            Some(rest) if rest.starts_with('/') => rest,
            _ => path,
        }
    }

    /// The session that a request holds; of several cookies of our name the first that `is_one`.
    pub(super) fn holds_session(&self, headers: &HeaderMap, is_one: impl Fn(&str) -> bool) -> bool {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let cookies = lines.flat_map(|line| line.split(';'));
        let mut ours = cookies.filter_map(|cookie| {
            let (name, value) = cookie.trim().split_once('=')?;
            if name == self.cookie { Some(value) } else { None }
        });
        ours.any(is_one)
    }

    /// The header that gives a browser a session.
    pub(super) fn cookie(&self, session: &str, lives: std::time::Duration) -> String {
        let secure = if self.address.secure { "; Secure" } else { "" };
        let (name, age) = (&self.cookie, lives.as_secs());
        format!("{name}={session}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}")
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::page::address::Listen;

    fn door(public: Option<&str>) -> Door {
        let listen = Listen::Tcp("127.0.0.1:8722".parse().unwrap());
        Door::new(Address::of(&listen, public).unwrap())
    }

    fn admits(door: &Door, method: &str, uri: &str, headers: &[(&str, &str)]) -> Option<Refusal> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        door.admits(&request.body(()).unwrap().into_parts().0).err()
    }

    #[test]
    fn a_request_names_exactly_one_host_and_it_is_ours() {
        let door = door(None);
        let host = |host: &str| admits(&door, "GET", "/", &[("host", host)]);
        for ours in ["127.0.0.1:8722", "localhost:8722", "LOCALHOST:8722", "[::1]:8722"] {
            assert_eq!(host(ours), None, "{ours}");
        }
        for other in
            ["evil.example", "evil.example:8722", "127.0.0.1", "127.0.0.1:80", "", "localhost"]
        {
            assert_eq!(host(other), Some(Refusal::Host), "{other}");
        }
        assert_eq!(admits(&door, "GET", "/", &[]), Some(Refusal::Host), "none");
        let ours = ("host", "127.0.0.1:8722");
        assert_eq!(admits(&door, "GET", "/", &[ours, ours]), Some(Refusal::Host), "two");
        let absolute = "http://evil.example/";
        assert_eq!(admits(&door, "GET", absolute, &[ours]), Some(Refusal::Host));
        assert_eq!(admits(&door, "GET", "http://127.0.0.1:8722/", &[ours]), None);
    }

    #[test]
    fn nothing_but_reading_and_no_other_site_is_let_in() {
        let door = door(None);
        let ours = ("host", "127.0.0.1:8722");
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"] {
            assert_eq!(admits(&door, method, "/", &[ours]), Some(Refusal::Method), "{method}");
        }
        let from = |site, uri| admits(&door, "GET", uri, &[ours, ("sec-fetch-site", site)]);
        for site in ["cross-site", "same-site", "whatever"] {
            assert_eq!(from(site, "/nights"), Some(Refusal::OtherSite), "{site}");
            assert_eq!(from(site, "/?ticket=x"), None, "a link to the front page");
        }
        assert_eq!((from("none", "/nights"), from("same-origin", "/nights")), (None, None));
        assert_eq!(admits(&door, "HEAD", "/nights", &[ours]), None);
    }

    #[test]
    fn a_page_behind_a_proxy_has_its_host_its_path_and_a_cookie_bound_to_https() {
        let door = door(Some("https://soc.example/fleetsweep"));
        let host = [("host", "soc.example")];
        assert_eq!(admits(&door, "GET", "/fleetsweep/", &host), None);
        for (path, below) in [
            ("/fleetsweep", "/"),
            ("/fleetsweep/", "/"),
            ("/fleetsweep/nights", "/nights"),
            ("/nights", "/nights"),
            ("/fleetsweeper", "/fleetsweeper"),
        ] {
            assert_eq!(door.path(path), below, "{path}");
        }
        let cookie = door.cookie("s", std::time::Duration::from_secs(60));
        assert_eq!(
            cookie,
            "__Host-fleetsweep-8722=s; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
    }

    #[test]
    fn a_session_is_found_among_the_cookies_of_other_programs() {
        let door = door(None);
        let headers = |line: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, line.parse().unwrap());
            headers
        };
        let holds = |line: &str| door.holds_session(&headers(line), |one| one == "good");
        assert!(holds("fleetsweep-8722=good") && holds("a=b; fleetsweep-8722=good;c=d"));
        assert!(holds("fleetsweep-8722=old; fleetsweep-8722=good"));
        assert!(!holds("fleetsweep-9000=good") && !holds("fleetsweep-8722=bad") && !holds(""));
    }
}
