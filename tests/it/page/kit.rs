//! The program serving its page, and what comes back from it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::kit::program::{Place, run, start};
use crate::kit::support::http;

/// The arguments of every store of these tests.
pub(super) const STORE: &str = "--store=sqlite:page.db";

/// A list with names that would be markup, a command, or turn the reading direction.
pub(super) const HOSTILE: &str = "Device ID,Device name\n\
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,\"\"\"><script>alert(1)</script>\"\n\
    bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb,\u{202e}exe.fdp-ws-1\n\
    cccccccccccccccccccccccccccccccccccccccc,ber-ws-<img src=x onerror=alert(2)>\n\
    dddddddddddddddddddddddddddddddddddddddd,=cmd|' /C calc'!A0\n\
    eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee,plain\n\
    no id,x\n";

/// Runs a campaign against the emulator inside the program, with hostile names.
pub(super) fn campaign(place: &Place, name: &str) {
    std::fs::write(place.path("list.csv"), HOSTILE).unwrap();
    let said = run(place.fleetsweep(&[
        "scan",
        "list.csv",
        "--type=quick",
        "--comment=\"<b onclick=x>&'",
        "--ticket=CHG<1>",
        "--emulator",
        "--scenario=quiet",
        "--approve-max=10",
        "--skip-bad-rows",
        "--campaign",
        name,
        STORE,
    ]));
    assert!([0, 3].contains(&said.code), "{} {}", said.code, said.err);
}

/// A served page, whose link was opened; it ends when this is dropped.
pub(super) struct Page {
    child: Child,
    /// The link that was printed.
    pub(super) link: String,
    pub(super) port: u16,
    /// The cookie of the session.
    pub(super) cookie: String,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Page {
    /// Serves the store of these tests, and takes the ticket.
    pub(super) async fn of(place: &Place) -> Self {
        Self::by(place.fleetsweep(&["serve", "--listen=127.0.0.1:0", STORE])).await
    }

    /// Serves by this command, and takes the ticket.
    pub(super) async fn by(command: Command) -> Self {
        let mut page = Self::locked(command);
        let at = page.link.find("/?ticket=").unwrap();
        let path = page.link[at..].to_owned();
        let answer = page.raw(&format!("GET {path} HTTP/1.1\r\n{}", page.host())).await;
        assert_eq!(answer.status, 303, "{}", answer.head);
        page.cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        page
    }

    /// Serves, with the ticket unused.
    pub(super) fn locked(command: Command) -> Self {
        let mut child = start(command);
        let mut link = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut link).unwrap();
        let link = link.trim().to_owned();
        let port = url::Url::parse(&link).unwrap().port().unwrap_or(0);
        Self { child, link, port, cookie: String::new() }
    }

    /// How many bytes it has read, from files and from who asks.
    pub(super) fn bytes_read(&self) -> u64 {
        let io = std::fs::read_to_string(format!("/proc/{}/io", self.child.id())).unwrap();
        io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
    }

    /// Ends it; what it logged.
    pub(super) fn end(mut self) -> String {
        self.child.kill().unwrap();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }

    /// The line that names our host.
    pub(super) fn host(&self) -> String {
        format!("Host: 127.0.0.1:{}\r\n", self.port)
    }

    /// Sends a head as it is, with the line that ends it.
    pub(super) async fn raw(&self, head: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut whole = Vec::new();
        stream.read_to_end(&mut whole).await.unwrap();
        let whole = String::from_utf8_lossy(&whole).into_owned();
        let (head, body) = whole.split_once("\r\n\r\n").unwrap_or((&whole, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Asks for a page as a browser with a session does.
    pub(super) async fn get(&self, path: &str) -> Answer {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let answer = http().get(url).header("cookie", &self.cookie).send().await.unwrap();
        let status = answer.status().as_u16();
        let lines = answer.headers().iter();
        let lines = lines.map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()));
        let head = lines.collect();
        Answer { status, head, body: answer.text().await.unwrap() }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Answer {
    /// The first header of this name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}
