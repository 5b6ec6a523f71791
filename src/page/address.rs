//! Where the page listens, and by which addresses browsers reach it. What is refused there is
//! `door`'s to say.

use std::net::SocketAddr;
use std::path::PathBuf;

use url::Url;

use crate::ops::failure::Failure;

/// Where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// On an address of TCP.
    Tcp(SocketAddr),
    /// On a socket in the file system, which its rights guard.
    Socket(PathBuf),
}

/// By which address browsers reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// The hosts that a request may name, with their ports, in small letters.
    pub(super) hosts: Vec<String>,
    /// What its address ends with, without a slash at its end: `/fleetsweep`, or nothing.
    pub(super) prefix: String,
    /// Where it begins, without a slash at its end.
    pub(super) origin: String,
    /// Browsers reach it by https.
    pub(super) secure: bool,
    /// The port that tells it from other programs of its host.
    pub(super) port: u16,
    /// Whoever can open the socket is let in: a proxy, which asks who its users are.
    pub(super) by_proxy: bool,
}

impl Address {
    /// The addresses of what listens here.
    ///
    /// # Errors
    /// `Failure` if others than this machine could reach it unasked, or if the public address is
    /// none.
    pub(super) fn of(listen: &Listen, public: Option<&str>) -> Result<Self, Failure> {
        let public = public.map(public_url).transpose()?;
        let mut hosts = Vec::new();
        let mut port = 0;
        if let Listen::Tcp(at) = listen {
            if !at.ip().is_loopback() && public.is_none() {
                return Err(too_wide(at));
            }
            port = at.port();
            hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(|host| format!("{host}:{port}")));
            if !hosts.contains(&at.to_string()) {
                hosts.push(at.to_string());
            }
            if port == 80 {
                hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
            }
        } else {
            hosts.push("localhost".to_owned());
        }
        let by_proxy = matches!(listen, Listen::Socket(_)) && public.is_some();
        let Some(public) = public else {
            let origin = format!("http://{}", hosts.get(1).unwrap_or(&hosts[0]));
            let (prefix, secure) = (String::new(), false);
            return Ok(Self { hosts, prefix, origin, secure, port, by_proxy });
        };
        let host = public.host_str().unwrap_or_default().to_ascii_lowercase();
        let named = public.port_or_known_default().unwrap_or_default();
        hosts.push(format!("{host}:{named}"));
        if public.port().is_none() {
            hosts.push(host);
        }
        Ok(Self {
            hosts,
            prefix: public.path().trim_end_matches('/').to_owned(),
            origin: public.origin().ascii_serialization(),
            secure: public.scheme() == "https",
            port,
            by_proxy,
        })
    }

    /// The address of a path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.prefix)
    }
}

fn public_url(text: &str) -> Result<Url, Failure> {
    let wrong = |why: &str| {
        Failure::usage(
            format!("{text} cannot be the public address of the page"),
            why,
            "write it as browsers are to open it, such as https://soc.example/fleetsweep",
        )
    };
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    let is_bare = url.query().is_none() && url.fragment().is_none();
    if !is_web || !is_bare || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it is no plain address of http or https"));
    }
    Ok(url)
}

fn too_wide(at: &SocketAddr) -> Failure {
    Failure::usage(
        format!("the page does not listen on {at}"),
        "everybody who can reach that address could try to read it, without TLS",
        "leave --listen out and come by `ssh -L`, or put a proxy with TLS and sign-in before it \
         and name its address with --public-url",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(text: &str) -> Listen {
        Listen::Tcp(text.parse().unwrap())
    }

    #[test]
    fn a_wide_address_is_refused_unless_a_proxy_stands_before_it() {
        assert!(Address::of(&tcp("0.0.0.0:8722"), None).is_err());
        assert!(Address::of(&tcp("192.0.2.1:8722"), None).is_err());
        let behind = Address::of(&tcp("0.0.0.0:8722"), Some("https://soc.example/fleetsweep/"));
        let behind = behind.unwrap();
        assert_eq!(behind.url("/"), "https://soc.example/fleetsweep/");
        assert!(behind.secure && !behind.by_proxy);
        for host in ["soc.example", "soc.example:443", "127.0.0.1:8722"] {
            assert!(behind.hosts.contains(&host.to_owned()), "{host}: {behind:?}");
        }
    }

    #[test]
    fn a_socket_behind_a_proxy_needs_no_ticket_and_alone_it_does() {
        let socket = Listen::Socket("page.sock".into());
        assert!(!Address::of(&socket, None).unwrap().by_proxy);
        assert!(Address::of(&socket, Some("http://soc.example:8080")).unwrap().by_proxy);
    }

    #[test]
    fn what_is_no_address_of_a_page_is_refused() {
        let wrong = ["soc.example", "ftp://soc.example", "https://a:b@soc.example", "https://a?b"];
        for wrong in wrong {
            assert!(Address::of(&tcp("127.0.0.1:1"), Some(wrong)).is_err(), "{wrong}");
        }
    }
}
