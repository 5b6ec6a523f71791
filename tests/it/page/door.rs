//! Whom the page lets in: each way around its door is tried on the real program.

use super::kit::{Page, STORE, campaign};
use crate::kit::child::{around, line};
use crate::kit::program::{Place, run};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::process::Stdio;

#[tokio::test]
async fn every_way_around_the_door_is_shut_and_the_link_works_once() {
    let place = Place::new();
    campaign(&place, "night-1");
    let command = place.fleetsweep(&["serve", "--listen=127.0.0.1:0", STORE]);
    let page = Page::locked(command);
    let (host, port) = (page.host(), page.port);
    let path = page.link[page.link.find("/?ticket=").unwrap()..].to_owned();
    let status = async |head: &str| page.raw(head).await.status;
    // Whose host it is.
    assert_eq!(status("GET / HTTP/1.1\r\nHost: evil.example\r\n").await, 421);
    assert_eq!(status(&format!("GET / HTTP/1.1\r\nHost: evil.example:{port}\r\n")).await, 421);
    assert_eq!(status(&format!("GET / HTTP/1.1\r\n{host}Host: evil.example\r\n")).await, 421);
    assert_eq!(status(&format!("GET http://evil.example/ HTTP/1.1\r\n{host}")).await, 421);
    assert_eq!(status("GET / HTTP/1.0\r\n").await, 421);
    // Who asks, and how.
    for head in ["GET / HTTP/1.1\r\n", "GET /limits HTTP/1.1\r\n", "GET /style.css HTTP/1.1\r\n"] {
        assert_eq!(status(&format!("{head}{host}")).await, 401, "{head}");
    }
    let wrong = format!("{host}Cookie: fleetsweep-{port}=guess\r\n");
    assert_eq!(status(&format!("GET / HTTP/1.1\r\n{wrong}")).await, 401);
    assert_eq!(status(&format!("GET /?ticket=guess HTTP/1.1\r\n{host}")).await, 401);
    assert_eq!(status(&format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\n")).await, 421);
    // The ticket, once.
    let first = page.raw(&format!("GET {path} HTTP/1.1\r\n{host}")).await;
    assert_eq!((first.status, first.header("location")), (303, Some("/")), "{}", first.head);
    let cookie = first.header("set-cookie").unwrap();
    assert!(cookie.starts_with(&format!("fleetsweep-{port}=")), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"), "{cookie}");
    assert_eq!(status(&format!("GET {path} HTTP/1.1\r\n{host}")).await, 401, "it was used");
    // The session.
    let with = format!("{host}Cookie: {}\r\n", cookie.split(';').next().unwrap());
    let shown = page.raw(&format!("GET / HTTP/1.1\r\n{with}")).await;
    assert!(shown.status == 200 && shown.body.contains("night-1"), "{}", shown.head);
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let head = format!("{method} / HTTP/1.1\r\nContent-Length: 0\r\n{with}");
        assert_eq!(status(&head).await, 405, "{method}");
    }
    let cross = format!("{with}Sec-Fetch-Site: cross-site\r\n");
    assert_eq!(status(&format!("GET /limits HTTP/1.1\r\n{cross}")).await, 403);
    assert_eq!(
        status(&format!("GET / HTTP/1.1\r\n{cross}")).await,
        200,
        "a link to the front page"
    );
    let same = format!("{with}Sec-Fetch-Site: same-origin\r\n");
    assert_eq!(status(&format!("GET /limits HTTP/1.1\r\n{same}")).await, 200);
}

#[test]
fn a_port_that_is_taken_is_named_with_how_to_take_another() {
    let place = Place::new();
    campaign(&place, "night-1");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let listen = format!("--listen=127.0.0.1:{port}");
    let said = run(place.fleetsweep(&["serve", &listen, STORE]));
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains(&format!("another program has port {port}")), "{}", said.err);
    assert!(said.err.contains("--listen 127.0.0.1:0"), "{}", said.err);
}

#[tokio::test]
async fn every_answer_forbids_what_did_not_come_from_here_and_nobody_keeps_it() {
    let place = Place::new();
    campaign(&place, "night-1");
    let page = Page::of(&place).await;
    let csp = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
               img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    for path in
        ["/", "/style.css", "/live.js", "/nothing", "/c/1/night-1/devices.csv", "/?ticket=x"]
    {
        let answer = page.get(path).await;
        assert_eq!(answer.header("content-security-policy"), Some(csp), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}: {name}");
        }
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
}

#[tokio::test]
async fn behind_a_proxy_its_host_and_its_path_are_ours_and_the_cookie_is_bound_to_https() {
    let place = Place::new();
    campaign(&place, "night-1");
    // Its port is not told, since browsers come by the proxy's: so it is given here.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut page = Page::locked(place.fleetsweep(&[
        "serve",
        &format!("--listen={free}"),
        "--public-url=https://soc.example/fleetsweep",
        STORE,
    ]));
    page.port = free.port();
    let path = page.link.strip_prefix("https://soc.example").unwrap().to_owned();
    assert!(path.starts_with("/fleetsweep/?ticket="), "{path}");
    let first = page.raw(&format!("GET {path} HTTP/1.1\r\nHost: soc.example\r\n")).await;
    assert_eq!((first.status, first.header("location")), (303, Some("/fleetsweep/")));
    let cookie = first.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-fleetsweep-") && cookie.ends_with("; Secure"), "{cookie}");
    let with = format!("Host: soc.example\r\nCookie: {}\r\n", cookie.split(';').next().unwrap());
    let shown = page.raw(&format!("GET /fleetsweep/ HTTP/1.1\r\n{with}")).await;
    assert!(shown.body.contains("href=\"/fleetsweep/c/1/night-1\""), "{}", shown.body);
    let direct = page.raw("GET /fleetsweep/ HTTP/1.1\r\nHost: soc.example\r\n").await;
    assert_eq!(direct.status, 401, "who comes past the proxy needs a ticket");
}

#[tokio::test]
async fn who_can_open_the_socket_behind_a_proxy_needs_no_ticket() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let place = Place::new();
    campaign(&place, "night-1");
    let public = "--public-url=https://soc.example";
    let page = Page::locked(place.fleetsweep(&["serve", "--socket=p.sock", public, STORE]));
    assert_eq!(page.link, "https://soc.example/");
    let socket = place.path("p.sock");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&socket).unwrap());
    assert_eq!(mode & 0o777, 0o660);
    for (host, status) in [("soc.example", "200"), ("evil.example", "421")] {
        // By way of its folder, since the name of a socket is short and a folder's may be long.
        let folder = std::fs::File::open(place.path(".")).unwrap();
        let socket = format!("/proc/self/fd/{}/p.sock", folder.as_raw_fd());
        let mut stream = tokio::net::UnixStream::connect(socket).await.unwrap();
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[test]
fn what_is_said_fits_a_narrow_terminal_and_the_link_stays_whole_on_a_line_of_its_own() {
    use std::io::Read;
    let place = Place::new();
    campaign(&place, "night-1");
    let serve = place.fleetsweep(&["serve", "--listen=127.0.0.1:0", STORE]);
    let script = format!("stty rows 24 cols 40\nexec {}\n", line(&serve));
    std::fs::write(place.path("on-terminal.sh"), script).unwrap();
    let mut terminal = around("script", &serve);
    terminal.args(["-q", "-e", "-c", "exec sh on-terminal.sh", "/dev/null"]);
    terminal.env("TERM", "dumb").env("SHELL", "/bin/sh");
    // `script` hands on what is typed, and ends with its input.
    let mut child = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut out, mut said, mut byte) = (child.stdout.take().unwrap(), String::new(), [0]);
    while !(said.contains("?ticket=") && said.ends_with('\n')) {
        assert_eq!(out.read(&mut byte).unwrap(), 1, "{said}");
        said.push(char::from(byte[0]));
    }
    child.stdin.as_ref().unwrap().write_all(&[3]).unwrap();
    child.wait().unwrap();
    let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
    let (link, words) = lines.split_last().unwrap();
    assert!(link.starts_with("http://127.0.0.1:") && !link.contains(' '), "{said}");
    assert!(words.len() > 4 && words.join(" ").contains("Open this link"), "{said}");
    let too_long = words.iter().filter(|line| line.chars().count() > 40 && !line.contains('`'));
    assert_eq!(too_long.collect::<Vec<_>>(), Vec::<&&str>::new(), "{said}");
}

#[test]
fn nobody_listens_for_the_whole_network_by_mistake() {
    let place = Place::new();
    campaign(&place, "night-1");
    for at in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8722"] {
        let said = run(place.fleetsweep(&["serve", "--listen", at, STORE]));
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{at}");
        assert!(said.err.contains("--public-url") && said.err.contains("ssh -L"), "{}", said.err);
    }
    let said = run(place.fleetsweep(&["serve", "--public-url=soc.example", STORE]));
    assert_eq!(said.code, 2, "{}", said.err);
}
