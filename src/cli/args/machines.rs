//! What the user typed about which of the tenant's machines are meant, for `devices` and for
//! `scan --from-tenant`. Which of them go to the server is not decided here.

use super::typed::typed;

use crate::domain::request::Length;
use crate::domain::words::same_word;

typed! {
    /// Which machines. Different flags all hold; of one flag given twice either may hold.
    MachineArgs => MachineFilters {
        /// Health: active, inactive, impaired-communication, no-sensor-data, ...; repeatable
        #[arg(long, value_name = "STATE", value_parser = health)]
        health: Vec<String>,

        /// Onboarding: onboarded, can-be-onboarded, unsupported, insufficient-info; repeatable
        #[arg(long, value_name = "STATE", value_parser = onboarding)]
        onboarding: Vec<String>,

        /// System: windows, windows-server, macos, linux or mobile, or as Defender writes it, such
        /// as Windows11 or Ubuntu; repeatable
        #[arg(long, value_name = "NAME")]
        os: Vec<String>,

        /// Tag; repeatable
        #[arg(long = "tag", value_name = "TEXT")]
        tags: Vec<String>,

        /// Device group; repeatable
        #[arg(long = "group", value_name = "NAME")]
        groups: Vec<String>,

        /// Last report within this time, such as 7d
        #[arg(long, value_name = "TIME")]
        seen_within: Option<Length>,

        /// No report for this time, such as 30d
        #[arg(long, value_name = "TIME")]
        not_seen_for: Option<Length>,

        /// Device value: low, normal or high; repeatable
        #[arg(long, value_name = "VALUE", value_parser = value)]
        device_value: Vec<String>,

        /// DNS name, * for any characters; repeatable
        #[arg(long = "name", value_name = "NAME")]
        dns_names: Vec<String>,

        /// More in the API's own language, such as "riskScore eq 'High'"
        #[arg(long, value_name = "ODATA")]
        filter: Option<String>,
    }
}

fn one_of(text: &str, words: &[&str]) -> Result<String, String> {
    let known = words.iter().find(|word| same_word(word, text));
    known.map(|word| (*word).to_owned()).ok_or_else(|| format!("write one of {}", words.join(", ")))
}

fn health(text: &str) -> Result<String, String> {
    const WORDS: [&str; 6] = [
        "Active",
        "Inactive",
        "ImpairedCommunication",
        "NoSensorData",
        "NoSensorDataImpairedCommunication",
        "Unknown",
    ];
    one_of(text, &WORDS)
}

fn onboarding(text: &str) -> Result<String, String> {
    one_of(text, &["Onboarded", "CanBeOnboarded", "Unsupported", "InsufficientInfo"])
}

fn value(text: &str) -> Result<String, String> {
    one_of(text, &["Low", "Normal", "High"])
}
