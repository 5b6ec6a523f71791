//! What the tests of cancelling share: an emulator of any scenario, the API as a stranger calls it,
//! and the judge that compares a report with the list of actions. It tests nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fleetsweep::emulator::{self, Config, Emulator, Limit, Scenario};
use serde_json::Value;

use super::super::{Place, Said, beside, report, run};
use crate::kit::support::{device, http};

pub(super) const TENANT: &str = "11111111-2222-3333-4444-555555555555";

/// An emulator of this scenario with these limits.
pub(super) async fn emulate(toml: &str, limits: &[(u32, f64)]) -> Emulator {
    let limits = limits
        .iter()
        .map(|(calls, seconds)| Limit { calls: *calls, window: Duration::from_secs_f64(*seconds) });
    let scenario = Scenario::from_toml(toml).unwrap();
    let config = Config { scenario, limits: limits.collect(), seed: 7, ..Config::default() };
    emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// The API as somebody else calls it.
pub(super) struct Stranger {
    base: String,
    token: String,
}

impl Stranger {
    pub(super) async fn at(emulator: &Emulator) -> Self {
        let base = emulator.base_url();
        let form = format!(
            "grant_type=client_credentials&client_id=helpdesk&client_secret={}&scope=\
             https://api.securitycenter.microsoft.com/.default",
            emulator::DEFAULT_SECRET
        );
        let url = format!("{base}/{TENANT}/oauth2/v2.0/token");
        let answer = http().post(url).body(form).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        Self { base, token: answer["access_token"].as_str().unwrap().to_owned() }
    }

    async fn post(&self, path: &str, body: &str) -> Value {
        let request = http().post(format!("{}{path}", self.base));
        let request = request.bearer_auth(&self.token).body(body.to_owned());
        request.send().await.unwrap().json().await.unwrap()
    }

    pub(super) async fn scan(&self, n: u64) -> String {
        let path = format!("/api/machines/{}/runAntiVirusScan", device(n));
        let answer = self.post(&path, r#"{"Comment":"by the helpdesk","ScanType":"Full"}"#).await;
        answer["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    pub(super) async fn cancel(&self, id: &str) {
        let path = format!("/api/machineactions/{id}/cancel");
        let answer = self.post(&path, r#"{"Comment":"by the helpdesk"}"#).await;
        assert_eq!(answer["status"], "Cancelled", "{answer}");
    }

    /// All actions, by their ids.
    pub(super) async fn list(&self) -> BTreeMap<String, Value> {
        let request = http().get(format!("{}/api/machineactions", self.base));
        let answer: Value =
            request.bearer_auth(&self.token).send().await.unwrap().json().await.unwrap();
        let all = answer["value"].as_array().unwrap_or_else(|| panic!("{answer}"));
        all.iter().map(|one| (one["id"].as_str().unwrap().to_owned(), one.clone())).collect()
    }
}

pub(super) fn text<'a>(action: &'a Value, field: &str) -> &'a str {
    action[field].as_str().unwrap_or_default()
}

/// The actions that this campaign ordered.
pub(super) fn of_campaign<'a>(
    list: &'a BTreeMap<String, Value>,
    campaign: &str,
) -> BTreeMap<&'a str, &'a Value> {
    let mark = format!("[fleetsweep {campaign}/");
    let ours = list.iter().filter(|(_, one)| text(one, "requestorComment").starts_with(&mark));
    ours.map(|(id, one)| (id.as_str(), one)).collect()
}

/// The actions that calls with this campaign's mark cancelled, by the ledger.
pub(super) fn cancelled_by(emulator: &Emulator, campaign: &str) -> BTreeSet<String> {
    let mark = format!("[fleetsweep {campaign}/");
    let ledger = emulator.ledger();
    let done = ledger.entries.iter().filter(|entry| {
        entry.cancelled && entry.comment.as_deref().is_some_and(|text| text.starts_with(&mark))
    });
    done.filter_map(|entry| entry.action_id.clone()).collect()
}

/// Orders scans of so many devices as a campaign.
pub(super) async fn order(place: &Place, emulator: &Emulator, campaign: &str, devices: u64) {
    let list = place.list(devices);
    let report = format!("--report={campaign}.csv");
    let name = format!("--campaign={campaign}");
    let args = ["scan", &list, "--type=full", "--comment=test", "--approve-max=999", "--no-check"];
    let more = [name.as_str(), "--limit=1000/1s", report.as_str()];
    let command = place.towards(emulator, &[&args[..], &more[..]].concat());
    let said = beside(move || run(command)).await;
    assert!([0, 3].contains(&said.code), "{}", said.err);
}

pub(super) async fn cancel(place: &Place, emulator: &Emulator, args: &[&str]) -> Said {
    let command = place.towards(emulator, &[&["cancel"], args].concat());
    beside(move || run(command)).await
}

/// Report and list say the same: a row is `cancelled` if and only if the list says that a call of
/// this campaign cancelled its action.
pub(super) async fn assert_report_equals_list(
    place: &Place,
    stranger: &Stranger,
    campaign: &str,
) -> usize {
    let list = stranger.list().await;
    let mark = format!("[fleetsweep {campaign}/");
    let rows = report(&place.path(&format!("{campaign}.csv")));
    let mut cancelled = 0;
    for row in &rows {
        let at_server = list.get(&row["action_id"]).filter(|_| row["outcome"] != "open");
        let by_us = at_server.is_some_and(|one| {
            text(one, "status") == "Cancelled"
                && text(one, "cancellationComment").starts_with(&mark)
        });
        assert_eq!(row["outcome"] == "cancelled", by_us, "{row:?} {at_server:?}");
        if by_us {
            assert_eq!(row["action_status"], "Cancelled", "{row:?}");
            cancelled += 1;
        }
    }
    cancelled
}
