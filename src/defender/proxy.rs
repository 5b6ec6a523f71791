//! What a proxy says when it opens no tunnel. The HTTP client only tells that it did not, so after
//! such a failure the proxy is asked once more, by hand, for its status and for the kinds of
//! sign-in that it takes. Only the proxy that was used is asked, and only what its own address
//! holds is sent to it.

use std::time::Duration;

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use oauth2::http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use super::text::excerpt;

/// How long a proxy is given for its answer. It refused a moment ago, so it is there.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest head of an answer that is read.
const HEAD: u64 = 16 << 10;

/// Asks the proxy of an address why it opens no tunnel, and says that with what to do. `None` if
/// no proxy is used, if it cannot be asked, or if it opens one now.
pub(super) async fn refusal(to: &Url) -> Option<String> {
    let target: Uri = to.as_str().parse().ok()?;
    let proxy = Matcher::from_system().intercept(&target)?;
    let host = format!("{}:{}", to.host_str()?, to.port_or_known_default()?);
    let answer = tokio::time::timeout(PATIENCE, ask(&proxy, &host)).await.ok()??;
    let name = proxy.uri().authority()?.as_str();
    meaning(name, &host, proxy.basic_auth().is_some(), &answer)
}

/// The answer to a request for a tunnel, which is let go of again.
async fn ask(proxy: &Intercept, host: &str) -> Option<Answer> {
    let uri = proxy.uri();
    if uri.scheme_str() != Some("http") {
        return None;
    }
    let bare = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    let mut stream = TcpStream::connect((bare, uri.port_u16().unwrap_or(80))).await.ok()?;
    let mut request = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n").into_bytes();
    if let Some(value) = proxy.basic_auth() {
        request.extend([b"Proxy-Authorization: ", value.as_bytes(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    stream.write_all(&request).await.ok()?;
    let (mut head, mut rest) = (Vec::new(), stream.take(HEAD));
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if rest.read_buf(&mut head).await.ok()? == 0 {
            break;
        }
    }
    Answer::read(&String::from_utf8_lossy(&head))
}

/// What matters of the head of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// The kinds of sign-in that the proxy takes.
    schemes: Vec<String>,
}

impl Answer {
    fn read(head: &str) -> Option<Self> {
        let mut lines = head.lines();
        let status = lines.next()?.strip_prefix("HTTP/")?.split_whitespace().nth(1)?;
        let mut schemes = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            let Some((name, value)) = line.split_once(':') else { continue };
            if !name.trim().eq_ignore_ascii_case("proxy-authenticate") {
                continue;
            }
            // One header may offer several, with parameters of each in between.
            for offered in value.split(',') {
                let word = offered.split_whitespace().next().unwrap_or_default();
                if !word.is_empty() && !word.contains('=') {
                    schemes.push(excerpt(word));
                }
            }
        }
        Some(Self { status: status.parse().ok()?, schemes })
    }
}

fn meaning(proxy: &str, host: &str, signed_in: bool, answer: &Answer) -> Option<String> {
    let Answer { status, schemes } = answer;
    let spoken = schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case("basic"));
    Some(match status {
        200..=299 => return None,
        407 if !spoken && !schemes.is_empty() => format!(
            "the proxy {proxy} wants a sign-in by {} (407), which fleetsweep does not speak; name \
             a proxy that takes Basic or none in HTTPS_PROXY, such as a helper on this machine \
             that signs in for it (px, cntlm), or have the sign-in service and the API, such as \
             {host}, exempted from the sign-in",
            schemes.join(" or ")
        ),
        407 if signed_in => format!(
            "the proxy {proxy} refuses the name and password of HTTPS_PROXY (407); check them, and \
             write special characters in them as %XX"
        ),
        407 => format!(
            "the proxy {proxy} wants a name and password (407); set \
             HTTPS_PROXY=http://NAME:PASSWORD@{proxy}"
        ),
        401 | 403 => format!(
            "the proxy {proxy} does not allow {host} ({status} to CONNECT); have whoever runs it \
             allow that host, or name another proxy in HTTPS_PROXY"
        ),
        500..=599 => format!(
            "the proxy {proxy} cannot reach {host} ({status} to CONNECT); check that name with \
             whoever runs the proxy, or name another proxy in HTTPS_PROXY"
        ),
        300..=399 => format!(
            "the proxy {proxy} leads elsewhere ({status} to CONNECT) in place of a way to {host}, \
             as a portal does that a person must sign in to first; check HTTPS_PROXY"
        ),
        _ => format!(
            "{proxy} opens no way to {host} ({status} to CONNECT); check that HTTPS_PROXY names a \
             proxy for https"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(head: &str, signed_in: bool) -> String {
        let answer = Answer::read(head).unwrap();
        meaning("proxy:3128", "api.example:443", signed_in, &answer).unwrap_or_default()
    }

    #[test]
    fn each_refusal_of_a_tunnel_says_what_the_proxy_wants() {
        for (head, signed_in, words) in [
            (
                "HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\n\r\n",
                false,
                &["sign-in by NTLM (407)", "px, cntlm", "api.example:443"][..],
            ),
            (
                "HTTP/1.0 407 No\r\nproxy-authenticate: Negotiate\r\nPROXY-AUTHENTICATE: NTLM\r\n",
                true,
                &["Negotiate or NTLM"],
            ),
            (
                "HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM, Basic realm=\"a, b\"\r\n\r\n",
                false,
                &["wants a name and password", "HTTPS_PROXY=http://NAME:PASSWORD@proxy:3128"],
            ),
            (
                "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n",
                true,
                &["refuses the name and password of HTTPS_PROXY"],
            ),
            ("HTTP/1.1 407 No\r\n\r\n", false, &["wants a name and password"]),
            (
                "HTTP/1.1 403 No\r\n\r\n",
                false,
                &["does not allow api.example:443 (403 to CONNECT)"],
            ),
            ("HTTP/1.1 502 No\r\n\r\n", false, &["cannot reach api.example:443 (502"]),
            ("HTTP/1.1 302 No\r\n\r\n", false, &["a portal"]),
            ("HTTP/1.1 405 No\r\n\r\n", false, &["names a proxy for https"]),
            ("HTTP/1.1 200 OK\r\n\r\n", false, &[]),
        ] {
            let said = said(head, signed_in);
            assert_eq!(said.is_empty(), words.is_empty(), "{head}: {said}");
            assert!(words.iter().all(|word| said.contains(word)), "{head}: {said}");
        }
        for head in ["", "SSH-2.0-x", "HTTP/1.1", "HTTP/1.1 x"] {
            assert_eq!(Answer::read(head), None, "{head}");
        }
    }
}
