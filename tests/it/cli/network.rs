//! The real binary through a real TLS server with an authority of its own and a real proxy: hosts
//! that no name service knows are reached by CONNECT alone, and each failure names the setting to
//! look at.

use std::sync::{Arc, Mutex};

use fleetsweep::emulator::Emulator;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Place, Said, beside, emulate, json_lines, run};
use crate::kit::certificates::authority_and_server;
use crate::kit::support::device;

/// A variable of the environment and its value.
type Variable<'a> = (&'a str, &'a str);

const API: &str = "api.fleetsweep.test";
const LOGIN: &str = "login.fleetsweep.test";

/// Names that the emulator lets itself be called by, and that only the proxy leads to it.
const NEAR_API: &str = "api.fleetsweep.localhost";
pub(super) const NEAR_LOGIN: &str = "login.fleetsweep.localhost";

/// Two host names of the real service, an old and a new one; no call gets farther than the proxy.
pub(super) const WORLD: [&str; 2] =
    ["api.security.microsoft.com", "api.securitycenter.microsoft.com"];

/// Puts TLS in front of an emulator; the port, and the authority's certificate.
pub(super) async fn tls_before(emulator: &Emulator) -> (u16, String) {
    let (root, certificate, key) =
        authority_and_server(&[LOGIN, NEAR_API, NEAR_LOGIN, "localhost", WORLD[0], WORLD[1]]);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = emulator.address();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust the authority leaves here; that is its right.
                let outer = acceptor.accept(stream).await.ok()?;
                let inner = TcpStream::connect(behind).await.ok()?;
                let (asks, mut told) = tokio::io::split(outer);
                let (mut answers, behind) = inner.into_split();
                tokio::spawn(as_loopback(asks, behind));
                tokio::io::copy(&mut answers, &mut told).await.ok()
            });
        }
    });
    (port, root)
}

/// Passes requests on under a name of this machine, since the emulator answers to no other.
async fn as_loopback(
    mut asks: impl AsyncRead + Unpin,
    mut behind: impl AsyncWrite + Unpin,
) -> Option<()> {
    let mut bytes = vec![0; 1 << 16];
    loop {
        let read = asks.read(&mut bytes).await.ok()?;
        if read == 0 {
            return behind.shutdown().await.ok();
        }
        // A head of a request comes in one piece, and no body here holds such a line.
        let mut request = String::from_utf8_lossy(&bytes[..read]).into_owned();
        for name in [API, LOGIN, WORLD[0], WORLD[1]] {
            request = request.replace(&format!("host: {name}\r\n"), "host: localhost\r\n");
        }
        behind.write_all(request.as_bytes()).await.ok()?;
    }
}

/// A proxy that leads every CONNECT to one port of this machine, or refuses it with this status.
pub(super) async fn proxy(to: u16, status: u16) -> (String, Arc<Mutex<Vec<String>>>) {
    proxy_that_says(to, if status == 200 { "200 X" } else { "407 X" }).await
}

/// The same, with headers after its status.
async fn proxy_that_says(to: u16, says: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(lead(stream, to, says, kept.clone()));
        }
    });
    (url, asked)
}

async fn lead(
    mut stream: TcpStream,
    to: u16,
    says: &'static str,
    asked: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let line = head.lines().next().unwrap_or_default().to_owned();
    let of_user =
        |line: &&str| line.to_ascii_lowercase().starts_with("proxy-authorization: basic ");
    let signed_in = head.lines().find(of_user).map(|_| "signed in".to_owned());
    asked.lock().unwrap().extend([line].into_iter().chain(signed_in));
    let answer = format!("HTTP/1.1 {says}\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.ok()?;
    if !says.starts_with("200") {
        return stream.shutdown().await.ok();
    }
    let mut inner = TcpStream::connect(("127.0.0.1", to)).await.ok()?;
    copy_bidirectional(&mut stream, &mut inner).await.ok().map(drop)
}

/// Scans two devices towards these hosts; the tenant's domain makes the sign-in come first.
async fn scan(place: &Place, api: &str, login: &str, environment: &[Variable<'_>]) -> Said {
    let args = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=9", "--json"];
    let mut command = place.fleetsweep(&args);
    command
        .env("AZURE_TENANT_ID", "contoso.example")
        .env("AZURE_CLIENT_ID", "66666666-7777-8888-9999-000000000000")
        .env("AZURE_CLIENT_SECRET", fleetsweep::emulator::DEFAULT_SECRET)
        .env("FLEETSWEEP_API_URL", format!("https://{api}"))
        .env("FLEETSWEEP_LOGIN_URL", format!("https://{login}"))
        .envs(environment.iter().copied());
    beside(move || run(command)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_authority_and_a_proxy_lead_to_the_api() {
    let emulator = emulate("quiet", &[(100, 60.0)], 1.0).await;
    let (port, root) = tls_before(&emulator).await;
    let place = Place::new();
    place.list(2);
    std::fs::write(place.path("ca.pem"), root).unwrap();
    let ca = ("FLEETSWEEP_CA_FILE", "ca.pem");
    // Directly, on this machine: no proxy is asked, whatever the environment says.
    let here = format!("localhost:{port}");
    let (url, asked) = proxy(port, 200).await;
    let said = scan(&place, &here, &here, &[ca, ("HTTPS_PROXY", url.as_str())]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!((emulator.ledger().accepted, asked.lock().unwrap().len()), (2, 0));
    // Through the proxy, which alone knows the names.
    std::fs::write(place.path("list.txt"), [10, 11].map(|n| device(n).to_string()).join("\n"))
        .unwrap();
    let by = ("HTTPS_PROXY", url.as_str());
    let said = scan(&place, NEAR_API, NEAR_LOGIN, &[ca, by]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let plan = &json_lines(&said.out)[0];
    assert_eq!(plan["api"], format!("https://{NEAR_API}"));
    let asked = asked.lock().unwrap().clone();
    println!("{asked:?}");
    for host in [NEAR_API, NEAR_LOGIN] {
        let line = format!("CONNECT {host}:443 HTTP/1.1");
        assert!(asked.contains(&line), "{asked:?}");
    }
    assert_eq!(emulator.ledger().accepted, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_of_tls_proxy_or_name_names_its_setting() {
    let emulator = emulate("quiet", &[(100, 60.0)], 1.0).await;
    let (port, root) = tls_before(&emulator).await;
    let place = Place::new();
    place.list(2);
    std::fs::write(place.path("ca.pem"), root).unwrap();
    let ca = ("FLEETSWEEP_CA_FILE", "ca.pem");
    let (good, _) = proxy(port, 200).await;
    let (locked, _) = proxy(port, 407).await;
    let here = format!("localhost:{port}");
    let (good, locked) = (("HTTPS_PROXY", good.as_str()), ("HTTPS_PROXY", locked.as_str()));
    let nobody = ("HTTPS_PROXY", "http://127.0.0.1:9");
    let cases: [(&str, &str, &[Variable<'_>], &str); 5] = [
        ("an authority that nobody knows", &here, &[], "--ca-file"),
        ("the same behind a proxy", LOGIN, &[good], "--ca-file"),
        ("a proxy that wants a password", LOGIN, &[ca, locked], "HTTPS_PROXY"),
        ("a proxy that is not there", LOGIN, &[ca, nobody], "HTTPS_PROXY"),
        ("a name that NO_PROXY keeps from the proxy", LOGIN, &[ca, good, ("NO_PROXY", ".test")], {
            "HTTPS_PROXY"
        }),
    ];
    for (name, login, environment, setting) in cases {
        let said = scan(&place, login, login, environment).await;
        let why = said.err.lines().find(|line| line.contains("why: ")).unwrap_or_default();
        println!("{name}: exit {}\n{why}", said.code);
        assert_eq!(said.code, 1, "{name}: {}", said.err);
        assert!(why.contains(setting), "{name}: {}", said.err);
    }
    assert_eq!(emulator.ledger().entries.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_opens_no_tunnel_is_told_in_its_own_words() {
    let emulator = emulate("quiet", &[(100, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(2);
    for (says, user, words) in [
        (
            "407 X\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM",
            "",
            ["wants a sign-in by Negotiate or NTLM (407)", "px, cntlm"],
        ),
        (
            "407 X\r\nProxy-Authenticate: Basic realm=\"x\"",
            "",
            ["wants a name and password", "NAME:"],
        ),
        (
            "407 X\r\nProxy-Authenticate: Basic realm=\"x\"",
            "user:canary@",
            ["refuses the name and password of HTTPS_PROXY", "%XX"],
        ),
        ("403 Forbidden", "", ["does not allow login.fleetsweep.test:443", "(403 to CONNECT)"]),
        ("503 X", "user:canary@", ["cannot reach login.fleetsweep.test:443", "(503 to CONNECT)"]),
    ] {
        let (url, asked) = proxy_that_says(emulator.address().port(), says).await;
        let url = url.replace("://", &format!("://{user}"));
        let said = scan(&place, API, LOGIN, &[("HTTPS_PROXY", url.as_str())]).await;
        let why = said.err.lines().find(|line| line.contains("why: ")).unwrap_or_default();
        println!("{says:?}: exit {}\n{why}", said.code);
        assert_eq!(said.code, 1, "{says}: {}", said.err);
        assert!(words.iter().all(|word| why.contains(word)), "{says}: {}", said.err);
        assert!(!said.err.contains("canary") && !said.err.contains("dXNlcj"), "{}", said.err);
        let asked = asked.lock().unwrap().clone();
        let signed_in = asked.iter().filter(|line| line.as_str() == "signed in").count();
        let tunnels = asked.iter().filter(|line| line.starts_with("CONNECT")).count();
        assert_eq!(signed_in, if user.is_empty() { 0 } else { tunnels }, "{asked:?}");
        assert!((2..=4).contains(&tunnels), "each failure asks once more: {asked:?}");
    }
}
