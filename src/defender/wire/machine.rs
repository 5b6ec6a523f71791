//! One record of the inventory out of its JSON. What is missing, null or of another type is
//! missing; fields that Microsoft adds change nothing. It judges nothing.

use serde_json::{Map, Value};

use crate::defender::shallow::TAGS;
use crate::defender::text::{text_of, time_of};
use crate::domain::{Facts, Machine};

/// The machine. Returns `None` if it has no id that a call could name.
pub(super) fn machine_of(fields: &Map<String, Value>) -> Option<Machine> {
    let text = |names: &[&str]| {
        let found = names.iter().filter_map(|name| fields.get(*name)).find_map(text_of);
        found.filter(|text| !text.trim().is_empty())
    };
    let id = text(&["id"])?.parse().ok()?;
    let tags = fields.get("machineTags").and_then(Value::as_array);
    let tags = tags.into_iter().flatten().filter_map(text_of).take(TAGS).collect();
    Some(Machine {
        id,
        name: text(&["computerDnsName"]),
        facts: Facts {
            platform: text(&["osPlatform"]),
            version: text(&["version"]),
            build: text(&["osBuild"]).and_then(|build| build.trim().parse().ok()),
            client: text(&["agentVersion"]),
            // The documentation writes it in another case than the API.
            onboarding: text(&["onboardingStatus", "onboardingstatus"]),
            health: text(&["healthStatus"]),
            last_seen: text(&["lastSeen"]).as_deref().and_then(time_of),
            group: text(&["rbacGroupName", "groupName"]),
            value: text(&["deviceValue"]),
            merged_into: text(&["mergedIntoMachineId"]),
            exclusion: match fields.get("isExcluded") {
                Some(Value::Bool(is)) => Some(is.to_string()),
                _ => text(&["isExcluded"]),
            },
            // Fields that only the portal and hunting have.
            ..Facts::default()
        },
        tags,
        risk: text(&["riskScore"]),
        exposure: text(&["exposureLevel"]),
    })
}
