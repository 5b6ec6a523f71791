//! The real binary at `-vvv` through a whole life: an order, a kill in mid run, a resume, reports,
//! refusals, and servers that repeat what they were sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::process::{Child, Command};
use std::time::Duration;

use super::disguise::{Canary, SECRET, SIGNATURE, files};
use crate::kit::canned::{Act, Canned, close, response};
use crate::kit::program::{Place, beside};

/// What was found, as place and disguise; and what was looked at.
#[derive(Default)]
struct Search {
    canaries: Vec<Canary>,
    found: BTreeSet<String>,
    /// What stood at each place when it was looked at last.
    last: BTreeMap<String, Vec<u8>>,
    /// The most bytes that were looked at there at once.
    looked_at: BTreeMap<String, usize>,
}

/// More bytes than any disguise has.
const LONGEST: usize = 512;

impl Search {
    fn new() -> Self {
        let canaries = [SECRET, SIGNATURE].map(Canary::new).into();
        Self { canaries, ..Self::default() }
    }

    fn look_at(&mut self, place: &str, bytes: &[u8]) {
        let most = self.looked_at.entry(place.to_owned()).or_default();
        *most = bytes.len().max(*most);
        let last = self.last.insert(place.to_owned(), bytes.to_vec()).unwrap_or_default();
        // What was only appended to is searched from a little before its last end.
        let known = if bytes.starts_with(&last) { last.len().saturating_sub(LONGEST) } else { 0 };
        let bytes = &bytes[known..];
        for canary in &self.canaries {
            let found = canary.found_in(bytes).into_iter().map(|form| format!("{place}: {form}"));
            self.found.extend(found);
        }
    }

    /// Files of the folder, and what the system shows of a process, now.
    fn look_around(&mut self, place: &Place, child: Option<&Child>) {
        for (name, bytes) in files(&place.path("")) {
            // The one file that holds the secret by right.
            if name != "secret" {
                self.look_at(&name, &bytes);
            }
        }
        let Some(child) = child else { return };
        let shown = ["cmdline", "environ"].map(|name| format!("/proc/{}/{name}", child.id()));
        for path in shown {
            if let Ok(bytes) = std::fs::read(&path) {
                self.look_at(path.rsplit('/').next().unwrap(), &bytes);
            }
        }
    }
}

fn token_answer() -> Act {
    let payload = r#"{"tid":"11111111-2222-3333-4444-555555555555",
        "appid":"66666666-7777-8888-9999-000000000000",
        "roles":["Machine.Scan","Machine.Read.All"]}"#;
    let token = format!("e30.{}.{SIGNATURE}", azure_core::base64::encode_url_safe(payload));
    let body = format!(r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{token}"}}"#);
    close(200, body)
}

fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let line = request.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
    line.map_or("", |line| line[name.len()..].trim())
}

/// A service that signs in, and whose API fails in many ways and repeats the token in most of them.
async fn service() -> Canned {
    Canned::serve(|number, request| {
        if request.contains("/oauth2/") {
            return token_answer();
        }
        let echo = header(request, "authorization:");
        let error = |text: &str| format!(r#"{{"error":{{"code":"{text}","message":"{text}"}}}}"#);
        // What keeps the inventory from being read stands in the plan.
        if request.starts_with("GET /api/machines") {
            return close(400, error(echo));
        }
        if request.starts_with("GET") {
            return close(200, r#"{"value":[]}"#);
        }
        let created = r#"{"id":"a","machineId":null,"creationDateTimeUtc":"2026-11-24T12:00:00Z"}"#;
        match number % 9 {
            0 => close(400, error(echo)),
            1 => close(502, format!("<html>your request: {request}</html>")),
            2 => Act::Close(response(302, &format!("Location: /?{echo}\r\nX-E: {echo}\r\n"), "")),
            3 => Act::Close(format!("HTTP/1.1 201 {echo}\r\n").into_bytes()),
            4 => Act::Close(response(429, "Retry-After: 0\r\n", error(echo))),
            _ => close(201, created),
        }
    })
    .await
}

/// The program at its most talkative as it runs a campaign.
fn talkative(place: &Place, server: &Canned, args: &[&str], output: &str) -> Command {
    let mut command = loud(place, server, args, output);
    command.args(["--time-scale=60", "--limit=1000/1s", "--json"]);
    command.args(["--report=r.csv", "--report=r.jsonl"]);
    command
}

/// The program at its most talkative, its output in files of its folder.
fn loud(place: &Place, server: &Canned, args: &[&str], output: &str) -> Command {
    let mut command = place.fleetsweep(args);
    std::fs::create_dir_all(place.path("tmp")).unwrap();
    command
        .args(["-vvv", "--client-secret-file=secret"])
        .env("AZURE_TENANT_ID", "11111111-2222-3333-4444-555555555555")
        .env("AZURE_CLIENT_ID", "66666666-7777-8888-9999-000000000000")
        .env("FLEETSWEEP_API_URL", server.origin())
        .env("FLEETSWEEP_LOGIN_URL", server.origin())
        .env("TMPDIR", place.path("tmp"))
        .stdout(File::create(place.path(&format!("{output}.out"))).unwrap())
        .stderr(File::create(place.path(&format!("{output}.err"))).unwrap());
    command
}

/// Runs a command to its end and looks around all the time.
fn watched(search: &mut Search, place: &Place, mut command: Command) -> i32 {
    let mut child = command.spawn().unwrap();
    loop {
        search.look_around(place, Some(&child));
        if let Some(status) = child.try_wait().unwrap() {
            search.look_around(place, None);
            return status.code().unwrap_or(-1);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn place_with_secret(devices: u64) -> Place {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.list(devices);
    std::fs::write(place.path("secret"), SECRET).unwrap();
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(place.path("secret"), private).unwrap();
    place
}

const SCAN: [&str; 6] = [
    "scan",
    "list.txt",
    "--type=full",
    "--approve-max=1000",
    "--campaign=life",
    "--store=sqlite:store.db",
];

/// Starts a campaign and kills it once the server has seen some orders.
async fn killed(place: &Place, server: &Canned, comment: &str) -> Search {
    let args = [&SCAN[..], &[comment, "--plan-out=plan.json"]].concat();
    let mut child = talkative(place, server, &args, "scan").spawn().unwrap();
    let mut search = Search::new();
    while server.seen().len() < 6 {
        search.look_around(place, Some(&child));
        if let Some(status) = child.try_wait().unwrap() {
            let said = std::fs::read_to_string(place.path("scan.err")).unwrap();
            panic!("it ended too early, {status}: {}", &said[said.len().saturating_sub(1000)..]);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    search.look_around(place, None);
    search
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_life_with_faults_and_echoes_shows_neither_the_secret_nor_the_token() {
    let (place, server) = (place_with_secret(40), service().await);
    let search = killed(&place, &server, "--comment=test run").await;
    let commands = [("resume", "resume"), ("resume", "again")].map(|(name, output)| {
        talkative(&place, &server, &[name, "life", "--store=sqlite:store.db"], output)
    });
    let mut report = place.fleetsweep(&["report", "life", "--store=sqlite:store.db", "-vvv"]);
    report.arg("--report=late.csv").stdout(File::create(place.path("report.out")).unwrap());
    report.stderr(File::create(place.path("report.err")).unwrap());
    let (search, place) = beside(move || {
        let mut search = search;
        for command in commands {
            watched(&mut search, &place, command);
        }
        assert_eq!(watched(&mut search, &place, report), 0);
        (search, place)
    })
    .await;
    assert_eq!(search.found, BTreeSet::new());
    // What was searched is what could hold something.
    for (name, least) in [
        ("cmdline", 100),
        ("environ", 100),
        ("store.db", 10_000),
        ("store.db-wal", 1_000),
        ("store.db-shm", 1_000),
        ("r.csv", 1_000),
        ("r.jsonl", 1_000),
        ("late.csv", 1_000),
        ("plan.json", 1_000),
        ("scan.out", 100),
        ("scan.err", 5_000),
        ("resume.err", 10_000),
    ] {
        let looked_at = search.looked_at.get(name).copied().unwrap_or(0);
        assert!(looked_at >= least, "{name}: {looked_at} bytes of {:?}", search.looked_at);
    }
    let log = std::fs::read_to_string(place.path("scan.err")).unwrap();
    assert!(log.contains("TRACE"), "the log is not at its most talkative");
    let echoes = server.seen().iter().filter(|request| request.contains(SIGNATURE)).count();
    assert!(echoes >= 40, "the token was sent {echoes} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_looks_at_the_tenant_shows_neither_the_secret_nor_the_token() {
    let (place, server) = (place_with_secret(40), service().await);
    let search = killed(&place, &server, "--comment=test run").await;
    let store = "--store=sqlite:store.db";
    let commands = [
        (vec!["doctor", store], "doctor"),
        (vec!["doctor", "--json", store], "doctor-json"),
        (vec!["doctor", "--settings", store], "settings"),
        (vec!["devices", store], "devices"),
        (vec!["follow", "life", "--every=1s", "--follow-for=1s", store], "follow"),
    ];
    let commands = commands.map(|(args, output)| loud(&place, &server, &args, output));
    let search = beside(move || {
        let mut search = search;
        for command in commands {
            watched(&mut search, &place, command);
        }
        search
    })
    .await;
    assert_eq!(search.found, BTreeSet::new());
    for (name, least) in
        [("doctor.out", 500), ("doctor.err", 5_000), ("settings.out", 500), ("devices.err", 3_000)]
    {
        let looked_at = search.looked_at.get(name).copied().unwrap_or(0);
        assert!(looked_at >= least, "{name}: {looked_at} bytes of {:?}", search.looked_at);
    }
}

/// What a sign-in that is refused says, and where something was found.
async fn refused_with(body: String) -> Search {
    let place = place_with_secret(3);
    let server = Canned::always(close(401, body)).await;
    let args = [&SCAN[..], &["--comment=test run"]].concat();
    let command = talkative(&place, &server, &args, "scan");
    beside(move || {
        let mut search = Search::new();
        assert_eq!(watched(&mut search, &place, command), 7);
        search
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_service_that_repeats_the_form_in_its_refusal_is_not_believed_to_keep_secrets() {
    let sent: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let plain = serde_json::to_string(SECRET).unwrap();
    let said = format!("AADSTS7000215: bad form: client_id=x&client_secret={sent}");
    for body in [
        format!(r#"{{"error":"invalid_client","error_description":"{said}"}}"#),
        format!(r#"{{"error":"invalid_request","error_description":{plain}}}"#),
        format!(r#"{{"error":{plain},"error_description":"client_secret={sent}"}}"#),
    ] {
        let search = refused_with(body.clone()).await;
        assert_eq!(search.found, BTreeSet::new(), "{body}");
        assert!(search.looked_at["scan.err"] > 1_000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_search_finds_a_secret_that_is_put_into_the_comment() {
    // The control: this is where a leak would be, in the arguments, the store, the log, the plan.
    let (place, server) = (place_with_secret(40), service().await);
    let search = killed(&place, &server, &format!("--comment={SECRET}")).await;
    let places = |name: &str| search.found.iter().any(|found| found.starts_with(name));
    for name in ["cmdline: plain", "store.db-wal: plain", "scan.out: JSON", "scan.err: plain"] {
        assert!(places(name), "{name} is not among {:?}", search.found);
    }
}
