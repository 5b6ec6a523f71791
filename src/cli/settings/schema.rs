//! The JSON schema of the settings file, for editors that check what is typed: made from the table
//! of settings and from the options of the same names, so that it knows nothing of its own.

use clap::{Arg, ArgAction, Command};
use serde_json::{Map, Value, json};

use super::keys::{KEYS, Key};
use super::notify;

/// The schema. `options` is a command that has an option for each setting.
pub(in crate::cli) fn schema(options: &Command) -> Value {
    let of = |is_meant: fn(&&Key) -> bool| -> Map<String, Value> {
        let keys = KEYS.iter().filter(is_meant);
        keys.map(|key| (key.name.to_owned(), setting(option(options, key.name)))).collect()
    };
    let mut profile = of(|key| key.tenants);
    let one = table(&profile, "The settings of one tenant");
    profile.remove("tenant");
    let shared = table(&profile, "What all profiles have in common");
    let mut file = of(|key| !key.tenants);
    let name = json!({ "type": "string", "description": "The profile that is used where none is" });
    file.insert("profile".to_owned(), name);
    file.insert("shared".to_owned(), shared);
    file.insert("profiles".to_owned(), json!({ "type": "object", "additionalProperties": one }));
    file.insert("notify".to_owned(), notify::schema());
    let mut schema = table(&file, "Settings of fleetsweep");
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "fleetsweep settings".into();
    schema
}

fn table(properties: &Map<String, Value>, description: &str) -> Value {
    json!({
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": false,
    })
}

fn option<'a>(options: &'a Command, name: &str) -> Option<&'a Arg> {
    options.get_arguments().find(|argument| argument.get_long() == Some(name))
}

/// One setting: a text or a number, or several where the option can be repeated.
fn setting(option: Option<&Arg>) -> Value {
    let mut one = json!({ "type": ["string", "integer"] });
    let Some(option) = option else { return one };
    let words = option.get_possible_values();
    if !words.is_empty() {
        let names = words.iter().map(|word| word.get_name()).collect::<Vec<_>>();
        one = json!({ "enum": names });
    }
    let mut value = match option.get_action() {
        ArgAction::Append => json!({ "anyOf": [one, { "type": "array", "items": one }] }),
        _ => one,
    };
    if let Some(help) = option.get_help() {
        value["description"] = help.to_string().into();
    }
    value
}
