//! The defaults of a scenario's parts, the scenarios that come with the program, and the check of
//! one that does not. What the fields mean stands in `scenario.rs`.

use std::path::Path;

use super::message::Operation;
use super::play::Play;
use super::scenario::{
    Actions, BusyForm, Devices, Enforce, Faults, Latency, List, Machines, Outage, RetryAfter,
    Scenario, Throttle, Tokens,
};

/// The most entries that the API puts on a page (page "List machine actions API").
pub(super) const MAX_PAGE: usize = 10_000;

/// The scenarios that come with the program: name and TOML.
const NAMED: [(&str, &str); 10] = [
    ("calm", include_str!("../../fixtures/scenarios/calm.toml")),
    ("quiet", include_str!("../../fixtures/scenarios/quiet.toml")),
    ("faults", include_str!("../../fixtures/scenarios/faults.toml")),
    ("throttled", include_str!("../../fixtures/scenarios/throttled.toml")),
    ("busy", include_str!("../../fixtures/scenarios/busy.toml")),
    ("scan_only", include_str!("../../fixtures/scenarios/scan_only.toml")),
    ("forbidden", include_str!("../../fixtures/scenarios/forbidden.toml")),
    ("stale_list", include_str!("../../fixtures/scenarios/stale_list.toml")),
    ("outage", include_str!("../../fixtures/scenarios/outage.toml")),
    ("comment_changed", include_str!("../../fixtures/scenarios/comment_changed.toml")),
];

/// Why a scenario cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Neither a name that is known nor a file that can be read.
    #[error(
        "{name:?} is none of the built-in scenarios ({known}), and as a file it cannot be read: \
         {why}"
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names that there are.
        known: String,
        /// Why it was not read as a file.
        why: std::io::Error,
    },
    /// The TOML does not have the form of a scenario.
    #[error("the scenario is not as it should be: {0}")]
    Toml(#[from] toml::de::Error),
    /// A value makes no sense.
    #[error("the scenario's {field} is {value}; it must be {must}")]
    Value {
        /// The field, as in the TOML.
        field: String,
        /// What it says.
        value: String,
        /// What it may say.
        must: &'static str,
    },
}

impl Scenario {
    /// The names of the scenarios that come with the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, _)| *name)
    }

    /// The scenario of that name, if it comes with the program.
    pub fn named(name: &str) -> Option<Scenario> {
        let (_, text) = NAMED.iter().find(|(known, _)| *known == name)?;
        Some(Scenario::from_toml(text).expect("a test reads every scenario of the program"))
    }

    /// Reads a scenario from TOML and checks it.
    ///
    /// # Errors
    /// [`ScenarioError::Toml`] with line and column, or [`ScenarioError::Value`].
    pub fn from_toml(text: &str) -> Result<Scenario, ScenarioError> {
        let scenario: Scenario = toml::from_str(text)?;
        scenario.check()?;
        Ok(scenario)
    }

    /// The scenario of that name, else the one in the TOML file of that name.
    ///
    /// # Errors
    /// [`ScenarioError`] if there is neither, or the file holds no scenario.
    pub fn open(name: &str) -> Result<Scenario, ScenarioError> {
        if let Some(scenario) = Scenario::named(name) {
            return Ok(scenario);
        }
        let text = std::fs::read_to_string(Path::new(name)).map_err(|why| {
            let known = Scenario::names().collect::<Vec<_>>().join(", ");
            ScenarioError::Unknown { name: name.to_owned(), known, why }
        })?;
        Scenario::from_toml(&text)
    }

    /// Says what makes no sense in this scenario.
    ///
    /// # Errors
    /// [`ScenarioError::Value`] for the first field that is out of range.
    pub fn check(&self) -> Result<(), ScenarioError> {
        let (l, d, f, t) = (&self.latency, &self.devices, &self.faults, &self.token);
        shares(
            "latency",
            &[
                ("tail_share", l.tail_share),
                ("timeout_share", l.timeout_share),
                ("timeout_processed_share", l.timeout_processed_share),
            ],
        )?;
        let classes = [
            ("busy_share", d.busy_share),
            ("not_found_share", d.not_found_share),
            ("transient_not_found_share", d.transient_not_found_share),
            ("unsupported_share", d.unsupported_share),
            ("client_version_share", d.client_version_share),
            ("forbidden_share", d.forbidden_share),
        ];
        shares("devices", &classes)?;
        sum("devices", &classes)?;
        shares("devices", &[("scope_quick_share", d.scope_quick_share)])?;
        shares("devices", &[("null_machine_share", d.null_machine_share)])?;
        let m = &self.machines;
        let systems = [
            ("mobile_share", m.mobile_share),
            ("discovered_share", m.discovered_share),
            ("old_windows_share", m.old_windows_share),
            ("old_client_share", m.old_client_share),
        ];
        shares("machines", &systems)?;
        sum("machines", &systems)?;
        shares(
            "machines",
            &[
                ("inactive_share", m.inactive_share),
                ("not_onboarded_share", m.not_onboarded_share),
                ("merged_share", m.merged_share),
                ("excluded_share", m.excluded_share),
                ("high_value_share", m.high_value_share),
                ("shared_name_share", m.shared_name_share),
            ],
        )?;
        let faults = f.shares().map(|(name, share, _)| (name, share));
        shares("faults", &faults)?;
        sum("faults", &faults)?;
        let a = &self.actions;
        shares("actions", &[("failed_share", a.failed_share), ("timeout_share", a.timeout_share)])?;
        shares("actions", &[("cancel_refused_share", a.cancel_refused_share)])?;
        shares("throttle", &[("random_share", self.throttle.random_share)])?;
        shares(
            "token",
            &[
                ("reject_share", t.reject_share),
                ("error_500_share", t.error_500_share),
                ("unauthorized_share", t.unauthorized_share),
            ],
        )?;
        self.check_amounts()
    }

    fn check_amounts(&self) -> Result<(), ScenarioError> {
        let (l, d, a) = (&self.latency, &self.devices, &self.actions);
        let amounts = [
            ("latency.median_ms", l.median_ms),
            ("latency.spread", l.spread),
            ("latency.tail_min_ms", l.tail_min_ms),
            ("latency.tail_max_ms", l.tail_max_ms),
            ("devices.busy_age_s", d.busy_age_s),
            ("devices.busy_for_s", d.busy_for_s),
            ("actions.pending_s", a.pending_s),
            ("actions.quick_s", a.quick_s),
            ("actions.full_s", a.full_s),
            ("outage.from_s", self.outage.from_s),
            ("outage.for_s", self.outage.for_s),
            ("list.lag_ms", self.list.lag_ms),
            ("token.lifetime_s", self.token.lifetime_s),
        ];
        for (field, value) in amounts {
            if !(0.0..=1e9).contains(&value) {
                return Err(wrong(field.into(), value, "between 0 and 1e9"));
            }
        }
        if !(1..=MAX_PAGE).contains(&self.list.page_size) {
            return Err(wrong("list.page_size".into(), self.list.page_size, "1 to 10000"));
        }
        match self.script.iter().find(|script| !super::machines::is_machine_id(&script.device)) {
            Some(script) => {
                Err(wrong("script.device".into(), &script.device, "40 hexadecimal characters"))
            }
            None => Ok(()),
        }
    }
}

fn wrong(field: String, value: impl ToString, must: &'static str) -> ScenarioError {
    ScenarioError::Value { field, value: value.to_string(), must }
}

fn shares(part: &str, shares: &[(&str, f64)]) -> Result<(), ScenarioError> {
    match shares.iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
        Some((name, share)) => Err(wrong(format!("{part}.{name}"), share, "between 0 and 1")),
        None => Ok(()),
    }
}

fn sum(part: &str, shares: &[(&str, f64)]) -> Result<(), ScenarioError> {
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    if sum > 1.0 + 1e-9 {
        return Err(wrong(format!("sum of the shares in {part}"), sum, "at most 1"));
    }
    Ok(())
}

impl Faults {
    /// Every share with its name and with what is played.
    pub(super) fn shares(&self) -> [(&'static str, f64, Play); 12] {
        [
            ("error_500_share", self.error_500_share, Play::ServerError(500)),
            ("error_500_after_share", self.error_500_after_share, Play::ServerErrorAfter(500)),
            ("error_503_share", self.error_503_share, Play::ServerError(503)),
            ("cut_before_share", self.cut_before_share, Play::CutBefore),
            ("cut_after_share", self.cut_after_share, Play::CutAfter),
            ("cut_mid_head_share", self.cut_mid_head_share, Play::CutHead(None)),
            ("cut_mid_body_share", self.cut_mid_body_share, Play::CutBody(None)),
            ("html_share", self.html_share, Play::Html),
            ("wrong_json_share", self.wrong_json_share, Play::WrongJson),
            ("empty_share", self.empty_share, Play::Empty),
            ("redirect_share", self.redirect_share, Play::Redirect),
            ("other_device_share", self.other_device_share, Play::OtherDevice),
        ]
    }
}

impl Default for Latency {
    fn default() -> Latency {
        Latency {
            median_ms: 0.0,
            spread: 0.4,
            tail_share: 0.0,
            tail_min_ms: 0.0,
            tail_max_ms: 0.0,
            timeout_share: 0.0,
            timeout_processed_share: 0.5,
        }
    }
}

impl Default for Devices {
    fn default() -> Devices {
        Devices {
            fleet_size: 100,
            busy_share: 0.0,
            scope_quick_share: 0.5,
            busy_age_s: 7200.0,
            busy_for_s: 259_200.0,
            busy_form: BusyForm::BadRequest,
            not_found_share: 0.0,
            transient_not_found_share: 0.0,
            unsupported_share: 0.0,
            client_version_share: 0.0,
            forbidden_share: 0.0,
            null_machine_share: 0.0,
        }
    }
}

impl Default for Machines {
    fn default() -> Machines {
        Machines {
            inactive_share: 0.05,
            not_onboarded_share: 0.0,
            merged_share: 0.0,
            excluded_share: 0.0,
            high_value_share: 0.0,
            shared_name_share: 0.0,
            mobile_share: 0.0,
            discovered_share: 0.0,
            old_windows_share: 0.0,
            old_client_share: 0.0,
            groups: Vec::new(),
            tags: Vec::new(),
        }
    }
}

impl Default for Actions {
    fn default() -> Actions {
        let (pending_s, quick_s, full_s) = (20.0, 35.0, 3600.0);
        let (failed_share, timeout_share) = (0.0, 0.0);
        let (cancel_forbidden, cancel_refused_share) = (false, 0.0);
        Actions {
            pending_s,
            quick_s,
            full_s,
            failed_share,
            timeout_share,
            cancel_forbidden,
            cancel_refused_share,
        }
    }
}

impl Default for Faults {
    fn default() -> Faults {
        Faults {
            on: vec![Operation::Scan, Operation::Cancel, Operation::Read],
            error_500_share: 0.0,
            error_500_after_share: 0.0,
            error_503_share: 0.0,
            cut_before_share: 0.0,
            cut_after_share: 0.0,
            cut_mid_head_share: 0.0,
            cut_mid_body_share: 0.0,
            html_share: 0.0,
            wrong_json_share: 0.0,
            empty_share: 0.0,
            redirect_share: 0.0,
            other_device_share: 0.0,
        }
    }
}

impl Default for Outage {
    fn default() -> Outage {
        Outage { from_s: 0.0, for_s: 0.0, play: Play::ServerError(503) }
    }
}

impl Default for Throttle {
    fn default() -> Throttle {
        Throttle {
            enforce: Enforce::Sliding,
            retry_after: RetryAfter::Seconds,
            count_refused: false,
            random_share: 0.0,
            random_wait_s: 5,
            others_per_hour: 0,
        }
    }
}

impl Default for List {
    fn default() -> List {
        List { lag_ms: 0.0, page_size: MAX_PAGE, forbidden: false }
    }
}

impl Default for Tokens {
    fn default() -> Tokens {
        Tokens {
            lifetime_s: 3599.0,
            roles: vec!["Machine.Scan".into(), "Machine.Read.All".into()],
            scopes: vec!["Machine.Scan".into(), "Machine.Read".into()],
            code_after_polls: 1,
            error: 0,
            error_from_s: 0.0,
            reject_share: 0.0,
            error_500_share: 0.0,
            unauthorized_share: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_of_the_program_can_be_read() {
        for name in Scenario::names() {
            assert!(Scenario::named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn quiet_is_the_default() {
        assert_eq!(Scenario::named("quiet"), Some(Scenario::default()));
    }

    #[test]
    fn a_wrong_field_is_named() {
        let error = |text: &str| Scenario::from_toml(text).unwrap_err().to_string();
        assert!(error("[devices]\nbusy_shar = 0.1").contains("busy_shar"));
        assert!(error("[devices]\nbusy_share = 1.5").contains("devices.busy_share is 1.5"));
        assert!(error("[faults]\nhtml_share = 0.6\nempty_share = 0.6").contains("sum"));
        assert!(error("comment = \"shout\"").contains("strip_brackets"));
        assert!(error("[[script]]\ndevice = \"pc1\"\nanswers = []").contains("40 hexadecimal"));
    }

    #[test]
    fn a_scenario_survives_the_way_through_toml() {
        for name in Scenario::names() {
            let scenario = Scenario::named(name).expect("it has a name");
            let text = toml::to_string(&scenario).expect("a scenario is plain data");
            assert_eq!(Scenario::from_toml(&text).expect("it was written from one"), scenario);
        }
    }
}
