//! A real browser without a window: Chromium, told what to do by its DevTools protocol over a pipe,
//! so that nothing but the browser itself is needed. No browser on this machine is a failure and no
//! reason to skip. It tests nothing.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};

use crate::kit::child::tool;

/// How long an answer of the browser may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a browser whose commands come by standard input, and whose answers go to standard output.
/// Without most of its switches it would ask hosts of its maker.
const RUN: &str = r#"exec chromium --headless --no-sandbox --disable-gpu --disable-quic \
    --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --disable-extensions \
    --hide-scrollbars --force-color-profile=srgb --user-data-dir="$1" --remote-debugging-pipe \
    3<&0 4>&1 0</dev/null 1>/dev/null 2>"$1/log" about:blank"#;

/// A browser with one page.
pub(super) struct Browser {
    child: Child,
    input: ChildStdin,
    output: Receiver<Value>,
    /// What it told since the last page was opened, in its own words.
    told: VecDeque<Value>,
    session: String,
    number: u64,
    _profile: tempfile::TempDir,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) dark: bool,
}

impl Browser {
    /// Starts one.
    pub(super) fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = tool("sh");
        command.args(["-c", RUN, "sh"]).arg(profile.path()).env("HOME", profile.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let mut pipe = BufReader::new(child.stdout.take().unwrap());
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while pipe.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else { break };
                if sender.send(value).is_err() {
                    break;
                }
                message.clear();
            }
        });
        let told = VecDeque::new();
        let session = String::new();
        let mut browser =
            Self { child, input, output, told, session, number: 0, _profile: profile };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.ask("Target.attachToTarget", attach);
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Network", "Log", "Runtime", "Audits"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Asks for something and waits for the answer.
    pub(super) fn ask(&mut self, method: &str, params: Value) -> Value {
        self.number += 1;
        let mut message = json!({ "id": self.number, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.input.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let told = self.next(method);
            if told["id"] == self.number {
                assert!(told.get("error").is_none(), "{method}: {}", told["error"]);
                return told["result"].clone();
            }
            self.told.push_back(told);
        }
    }

    fn next(&self, what: &str) -> Value {
        let next = self.output.recv_timeout(PATIENCE);
        next.unwrap_or_else(|error| panic!("the browser says nothing to {what}: {error}"))
    }

    /// Looks at pages in this way from now on.
    pub(super) fn look(&mut self, look: Look) {
        let Look { width, height, dark } = look;
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", metrics);
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// Opens a page and waits until all of it is there.
    pub(super) fn open(&mut self, url: &str) {
        self.told.clear();
        let went = self.ask("Page.navigate", json!({ "url": url }));
        assert!(went.get("errorText").is_none(), "{url}: {went}");
        while !self.told.iter().any(|told| told["method"] == "Page.loadEventFired") {
            let told = self.next(url);
            self.told.push_back(told);
        }
    }

    /// What a script of ours returns, whatever the page allows to its own.
    pub(super) fn eval(&mut self, script: &str) -> Value {
        let asked = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", asked);
        assert!(answer.get("exceptionDetails").is_none(), "{answer}");
        answer["result"]["value"].clone()
    }

    /// Every address that was asked for since the page was opened.
    pub(super) fn asked_for(&self) -> Vec<String> {
        let asked = self.told.iter().filter(|told| told["method"] == "Network.requestWillBeSent");
        asked.map(|told| told["params"]["request"]["url"].as_str().unwrap().to_owned()).collect()
    }

    /// What it complained of since the page was opened: what a policy forbade, what failed, what a
    /// script threw or wrote.
    pub(super) fn complaints(&self) -> Vec<&Value> {
        let bad = ["Log.entryAdded", "Audits.issueAdded", "Runtime.exceptionThrown"];
        let bad = |told: &&Value| bad.iter().any(|method| told["method"] == *method);
        self.told.iter().filter(bad).collect()
    }

    /// The whole page as a PNG.
    pub(super) fn picture(&mut self) -> Vec<u8> {
        let asked = json!({ "captureBeyondViewport": true });
        decoded(&self.ask("Page.captureScreenshot", asked))
    }

    /// What of the page fits the window, as a PNG.
    pub(super) fn window(&mut self) -> Vec<u8> {
        decoded(&self.ask("Page.captureScreenshot", json!({})))
    }

    /// The page as a printer gets it.
    pub(super) fn print(&mut self) -> Vec<u8> {
        let asked = json!({ "preferCSSPageSize": true, "printBackground": false });
        decoded(&self.ask("Page.printToPDF", asked))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn decoded(answer: &Value) -> Vec<u8> {
    let data = answer["data"].as_str().unwrap();
    base64::engine::general_purpose::STANDARD.decode(data).unwrap()
}
