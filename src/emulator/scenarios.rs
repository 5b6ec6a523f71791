//! The scenarios that come with the program, and the check of one that does not. What the fields
//! mean, and their defaults, stand in `scenario.rs`.

use std::path::Path;

use super::machines::is_machine_id;
use super::play::Play;
use super::scenario::{Faults, MAX_PAGE, Scenario};

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
        "{name:?} is none of the built-in scenarios ({known}), and {}",
        as_a_file(.why)
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

fn as_a_file(why: &std::io::Error) -> String {
    match why.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => format!("as a file it cannot be read: {why}"),
    }
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
        let fleet_size = self.devices.fleet_size;
        if i64::try_from(fleet_size).is_err() {
            return Err(wrong("devices.fleet_size", fleet_size, "at most 9223372036854775807"));
        }
        let parts = toml::Table::try_from(self).expect("its whole numbers are those of TOML");
        for (part, fields) in &parts {
            for (name, value) in fields.as_table().into_iter().flatten() {
                check_number(&format!("{part}.{name}"), value)?;
            }
        }
        check_sum("devices", self.devices.classes(true).map(|(share, _)| share))?;
        check_sum("machines", self.machines.systems().map(|(share, _)| share))?;
        check_sum("faults", self.faults.shares().map(|(share, _)| share))?;
        if !(1..=MAX_PAGE).contains(&self.list.page_size) {
            return Err(wrong("list.page_size", self.list.page_size, "1 to 10000"));
        }
        match self.script.iter().find(|script| !is_machine_id(&script.device)) {
            Some(script) => {
                Err(wrong("script.device", &script.device, "40 hexadecimal characters"))
            }
            None => Ok(()),
        }
    }
}

/// Checks a field by the unit that its name tells; whole numbers may be any.
fn check_number(field: &str, value: &toml::Value) -> Result<(), ScenarioError> {
    let toml::Value::Float(value) = value else { return Ok(()) };
    let (most, must) = if field.ends_with("_share") {
        (1.0, "between 0 and 1")
    } else {
        (1e9, "between 0 and 1e9")
    };
    if (0.0..=most).contains(value) { Ok(()) } else { Err(wrong(field, value, must)) }
}

/// Checks shares of which at most one is drawn.
fn check_sum<const N: usize>(part: &str, shares: [f64; N]) -> Result<(), ScenarioError> {
    let sum: f64 = shares.iter().sum();
    if sum > 1.0 + 1e-9 {
        return Err(wrong(&format!("sum of the shares in {part}"), sum, "at most 1"));
    }
    Ok(())
}

fn wrong(field: &str, value: impl ToString, must: &'static str) -> ScenarioError {
    ScenarioError::Value { field: field.to_owned(), value: value.to_string(), must }
}

impl Faults {
    /// The share of each fault, with what is played.
    pub(super) fn shares(&self) -> [(f64, Play); 12] {
        [
            (self.error_500_share, Play::ServerError(500)),
            (self.error_500_after_share, Play::ServerErrorAfter(500)),
            (self.error_503_share, Play::ServerError(503)),
            (self.cut_before_share, Play::CutBefore),
            (self.cut_after_share, Play::CutAfter),
            (self.cut_mid_head_share, Play::CutHead(None)),
            (self.cut_mid_body_share, Play::CutBody(None)),
            (self.html_share, Play::Html),
            (self.wrong_json_share, Play::WrongJson),
            (self.empty_share, Play::Empty),
            (self.redirect_share, Play::Redirect),
            (self.other_device_share, Play::OtherDevice),
        ]
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
        assert!(error("[token]\nlifetime_s = -1").contains("token.lifetime_s is -1; it must be"));
        assert!(error("[latency]\nspread = nan").contains("latency.spread is NaN"));
        assert!(error("[machines]\nmobile_share = 0.7\nold_client_share = 0.7").contains("sum"));
        assert!(error("[list]\npage_size = 0").contains("1 to 10000"));
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
