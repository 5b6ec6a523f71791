//! Hostile answers through the real client over real sockets: what each is judged to be, that none
//! makes the program panic or swell, and that no second host is called. The snapshot is the table
//! of all cases; a change of it is a change of what the program promises.
//!
//! Memory is measured for a whole process, so the client has one of its own: the test starts itself
//! again, with the addresses of its servers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use fleetsweep::defender::{ActionQuery, HttpApi, ListPage, ScanApi, ScanOrder};
use fleetsweep::domain::budget::BudgetState;
use fleetsweep::domain::text::{cut, printable};
use fleetsweep::domain::verdict::{Asked, list_verdict, verdict};
use fleetsweep::domain::{ScanType, Stamp, Timing, Verdict};

use super::cases::{COMMENT, Case, all, ours};
use super::entries::{DEVICE, mark};
use crate::defender::http::api_at;
use crate::kit::canned::{Act, Canned, close, response, stored};
use crate::kit::child::again;
use crate::kit::support::http;

/// Names the folder that the two processes share; set only in the one that calls.
const FOLDER: &str = "FLEETSWEEP_HOSTILE_FOLDER";

/// The test that both processes run.
const TEST: &str = "each_hostile_answer_is_judged_as_the_table_says_and_memory_stays_bounded";

/// How much a process may grow by all of these answers.
const MOST_GROWTH_KIB: u64 = 16 * 1024;

/// How much it may grow by hostile pages of the list, of which it reads up to 16 MiB.
const MOST_GROWTH_BY_LISTS_KIB: u64 = 64 * 1024;

/// Orders one scan, and judges what comes back.
async fn order(api: &HttpApi) -> Verdict {
    let comment = mark().comment(COMMENT);
    let device = DEVICE.parse().unwrap();
    let reply = api.scan(&ScanOrder { device, scan_type: ScanType::Full, comment }).await;
    let mark = mark();
    let took = Duration::from_secs(1);
    let asked = Asked { device, scan_type: ScanType::Full, mark: &mark, comment: COMMENT, took };
    verdict(&reply, &asked, &Timing::default())
}

/// A verdict in a line, without what differs from run to run.
fn told(verdict: &Verdict) -> String {
    let why = match verdict {
        Verdict::Accepted { comment_changed: true, .. } => "the comment was changed".to_owned(),
        Verdict::Accepted { .. } | Verdict::Busy { action: None, .. } => String::new(),
        Verdict::Busy { action: Some(action), .. } => {
            format!("scope {}", action.scope.as_deref().unwrap_or("?"))
        }
        Verdict::Throttled { wait, .. } => paused(*wait),
        // What follows are the words of the HTTP library.
        Verdict::Doubtful { why, status: None } => why.split(':').next().unwrap_or(why).to_owned(),
        Verdict::Doubtful { why, .. } | Verdict::NeverLeft { why } => why.clone(),
        Verdict::Rejected(refusal)
        | Verdict::Forbidden(refusal)
        | Verdict::NotFound(refusal)
        | Verdict::Unauthorized(refusal) => {
            let said = [&refusal.code, &refusal.message].into_iter().flatten();
            said.map(|text| printable(&cut(text, 30))).collect::<Vec<_>>().join(": ")
        }
    };
    let status = verdict.status().map_or("-".to_owned(), |status| status.to_string());
    format!("{:<12} {status:<4} {}", verdict.name(), cut(&why, 90)).trim_end().to_owned()
}

/// What a 429 asks for, and how long nothing is sent after it.
fn paused(wait: Option<Duration>) -> String {
    let (timing, now) = (Timing::default(), Stamp(1_000_000_000));
    let mut budget = BudgetState::default();
    budget.on_claim(now, &timing);
    budget.on_throttled(now, now, wait, &timing);
    let asked = wait.map_or("nothing".to_owned(), |wait| format!("{} s", wait.as_secs()));
    format!("asks for {asked}; the next call after {:?}", budget.earliest().since(now))
}

/// A server that is waiting, and how the client is to call it.
struct Ready {
    server: Canned,
    name: String,
    endless: bool,
    /// How often it is called; an answer that is cut at each byte is asked for again and again.
    calls: usize,
    /// It is asked for the list of actions and not for a scan.
    list: bool,
}

impl Ready {
    async fn of(case: Case) -> Self {
        let Case { name, act, endless, .. } = case;
        Self { server: Canned::always(act).await, name, endless, calls: 1, list: false }
    }

    /// Our answer cut after 0, 1, 2, ... bytes, and whole at last.
    async fn cut_at_each_byte(name: &str, whole: Vec<u8>) -> Self {
        let calls = whole.len() + 1;
        let server = Canned::serve(move |number, _| Act::Close(whole[..number].to_vec())).await;
        let name = format!("cut at each byte, {name}");
        Self { server, name, endless: false, calls, list: false }
    }
}

async fn lists() -> Vec<Ready> {
    let mut ready = Vec::new();
    for case in super::cases::lists() {
        ready.push(Ready { list: true, ..Ready::of(case).await });
    }
    ready
}

async fn cuts() -> Vec<Ready> {
    let body = ours();
    let packed = response(201, "Content-Encoding: gzip\r\n", stored(body.as_bytes()));
    let head = "HTTP/1.1 201 Created\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\n";
    let open = format!("{head}\r\n{body}");
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}");
    vec![
        Ready::cut_at_each_byte("with a length", response(201, "", body)).await,
        Ready::cut_at_each_byte("packed", packed).await,
        Ready::cut_at_each_byte("in chunks", chunked.into_bytes()).await,
        Ready::cut_at_each_byte("until the connection ends", open.into_bytes()).await,
    ]
}

/// Kibibytes of a line of this process' status.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|text| text.strip_prefix(line)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

/// The client's side, in a process of its own: calls the servers of a file, and writes what it made
/// of each answer, after a line with how much the process grew meanwhile.
async fn call_all(folder: &Path) {
    let servers = std::fs::read_to_string(folder.join("servers")).unwrap();
    let servers: Vec<Vec<&str>> = servers.lines().map(|line| line.split(' ').collect()).collect();
    // What is made once, such as buffers and certificates, is no growth.
    let warm = api_at(servers[0][0], Timing::default()).await;
    order(&warm).await;
    let start = memory("VmRSS:");
    let (mut lines, mut growth) = (Vec::new(), [0, 0]);
    for server in &servers {
        // Makes the kernel forget the greatest size so far.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = memory("VmRSS:");
        let mut timing = Timing::default();
        if server[1] == "true" {
            timing.request_timeout = Duration::from_secs(1);
        }
        let api = api_at(server[0], timing).await;
        let list = server[3] == "true";
        lines.push(if list { listed(&api).await } else { ordered(&api, server[2]).await });
        // What one answer takes is given back; what all of them take together must not add up.
        let grown = &mut growth[usize::from(list)];
        *grown = memory("VmHWM:").saturating_sub(before).max(*grown);
        *grown = memory("VmHWM:").saturating_sub(start).max(*grown);
    }
    let [scans, pages] = growth;
    let told = format!("{scans} {pages}\n{}", lines.join("\n"));
    std::fs::write(folder.join("told"), told).unwrap();
}

/// Orders so many scans, and tells the last verdict, and how often each came before it.
async fn ordered(api: &HttpApi, calls: &str) -> String {
    let calls: usize = calls.parse().unwrap();
    let mut verdicts = BTreeMap::<&str, usize>::new();
    for _ in 1..calls {
        *verdicts.entry(order(api).await.name()).or_default() += 1;
    }
    let last = told(&order(api).await);
    if calls == 1 { last } else { format!("{verdicts:?} before its end, then {last}") }
}

/// Asks for a page of the list.
async fn listed(api: &HttpApi) -> String {
    match api.actions(&ActionQuery::Open, None).await {
        Ok(ListPage { items, next, .. }) => {
            format!("a page of {}{}", items.len(), if next.is_some() { " and more" } else { "" })
        }
        Err(reply) => told(&list_verdict(&reply)),
    }
}

/// Lets another process call these servers. What it told of each, and its growth in KiB.
async fn called_by_another_process(servers: &[Ready]) -> ([u64; 2], Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let lines = servers.iter().map(|ready| {
        let Ready { server, endless, calls, list, .. } = ready;
        format!("{} {endless} {calls} {list}\n", server.origin())
    });
    std::fs::write(folder.path().join("servers"), lines.collect::<String>()).unwrap();
    let test = format!("{}::{TEST}", module_path!().trim_start_matches("it::"));
    let mut process = again(&test);
    process.env(FOLDER, folder.path());
    let output = tokio::task::spawn_blocking(move || process.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !said.contains("panicked"), "{said}");
    let told = std::fs::read_to_string(folder.path().join("told")).unwrap();
    let (growth, lines) = told.split_once('\n').unwrap();
    let (scans, pages) = growth.split_once(' ').unwrap();
    let growth = [scans, pages].map(|kib| kib.parse().unwrap());
    (growth, lines.lines().map(str::to_owned).collect())
}

/// The cases that a judge accepts and must not, or the reverse.
fn misjudged<'a>(
    servers: &'a [Ready],
    told: &[String],
    believed: &[bool],
    accepts: impl Fn(&str) -> bool,
) -> Vec<&'a str> {
    let judged = servers.iter().zip(told).zip(believed);
    let wrong = judged.filter(|((_, told), believed)| accepts(told) != **believed);
    wrong.map(|((ready, _), _)| ready.name.as_str()).collect()
}

#[tokio::test]
async fn each_hostile_answer_is_judged_as_the_table_says_and_memory_stays_bounded() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return call_all(Path::new(&folder)).await;
    }
    let other = Canned::always(close(201, ours())).await;
    let cases = all(&other.origin());
    let believed: Vec<bool> = cases.iter().map(|case| case.ours).collect();
    let mut servers = Vec::new();
    for case in cases {
        servers.push(Ready::of(case).await);
    }
    servers.extend(cuts().await);
    servers.extend(lists().await);
    let ([growth, by_lists], told) = called_by_another_process(&servers).await;
    let mut table = String::new();
    for (ready, told) in servers.iter().zip(&told) {
        writeln!(table, "{:<52} {told}", ready.name).unwrap();
        // The first server is called once more, to warm up.
        let calls = ready.calls + usize::from(ready.name == "ours");
        assert_eq!(ready.server.seen().len(), calls, "{}: a call is a request", ready.name);
    }
    let count = table.lines().count();
    println!("{count} cases; the client grew by {growth} KiB, and by {by_lists} KiB for lists");
    let ours = |told: &str| told.starts_with("accepted");
    assert_eq!(misjudged(&servers, &told, &believed, ours), Vec::<&str>::new());
    // The control: whoever believes each 200 and 201 is wrong about many of these answers.
    let by_status = |told: &str| matches!(told.split_whitespace().nth(1), Some("200" | "201"));
    let wrong = misjudged(&servers, &told, &believed, by_status);
    assert!(wrong.len() > 60, "{wrong:?}");
    let cut: Vec<&String> = told.iter().filter(|told| told.contains("before its end")).collect();
    assert_eq!(cut.len(), 4);
    assert!(cut.iter().all(|told| told.starts_with("{\"doubtful\": ")), "{cut:?}");
    assert_eq!(other.seen(), Vec::<String>::new(), "the second host was called");
    assert!(growth <= MOST_GROWTH_KIB, "the client grew by {growth} KiB");
    assert!(by_lists <= MOST_GROWTH_BY_LISTS_KIB, "the client grew by {by_lists} KiB for lists");
    assert!(count >= 200, "{count} cases");
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("hostile-answers", table);
    });
}

#[tokio::test]
async fn a_bomb_of_these_tests_goes_off_where_nothing_bounds_it() {
    // The control of the bombs: a client without a limit unpacks them whole.
    let bytes = crate::kit::canned::bomb(1 << 22);
    assert!(bytes.len() * 1000 <= 1 << 22, "{} bytes", bytes.len());
    let server = Canned::always(Act::Close(response(200, "Content-Encoding: gzip\r\n", bytes)));
    let request = http().get(server.await.origin());
    let mut answer = request.send().await.unwrap();
    let mut unpacked = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        unpacked += chunk.len();
    }
    assert!(unpacked + 258 >= 1 << 22, "{unpacked} bytes");
}

#[tokio::test]
async fn a_client_that_follows_redirects_would_call_the_second_host() {
    // The control of the count: the HTTP library's own ways do what the program must not.
    let other = Canned::always(close(201, ours())).await;
    let mut followed = 0;
    for case in all(&other.origin()).into_iter().filter(|case| case.name.contains("redirect,")) {
        let server = Canned::always(case.act).await;
        let answer = http().post(server.origin()).body("order").send().await;
        followed += usize::from(answer.is_ok_and(|answer| answer.status() == 201));
    }
    assert_eq!(followed, 5, "301, 302, 303, 307 and 308");
    assert_eq!(other.seen().len(), followed);
}
