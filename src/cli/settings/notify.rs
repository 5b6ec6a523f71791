//! `[[notify]]` in the settings file: where messages about runs go. The address is a secret, so the
//! file holds where it is and never the address itself.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde_json::{Value, json};
use toml::de::DeValue;

use super::env::variable;
use crate::cli::nearest::nearest;
use crate::defender::{HttpClients, bare_value};
use crate::domain::news::News;
use crate::ops::messages::{Channel, Service, Takes};
use crate::ops::secrets::value_in;

/// What a table may hold.
const KEYS: [&str; 4] = ["kind", "url-file", "url-env", "on"];

/// One table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notify {
    pub(super) service: Service,
    pub(super) place: Place,
    pub(super) takes: Takes,
}

/// Where an address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In this file.
    File(PathBuf),
    /// In this variable of the environment.
    Variable(String),
}

impl Notify {
    /// Reads a table.
    ///
    /// # Errors
    /// What is wrong with it, as a part of a sentence.
    pub(super) fn of(table: &DeValue<'_>) -> Result<Self, String> {
        let DeValue::Table(table) = table else {
            return Err("write [[notify]] and its settings below".to_owned());
        };
        let (mut service, mut place, mut takes) = (None, None, None);
        for (key, value) in table {
            let key = key.get_ref().as_ref();
            match key {
                "kind" => service = Some(kind(&text(value.get_ref(), key)?)?),
                "url-file" => place = Some(Place::File(text(value.get_ref(), key)?.into())),
                "url-env" => place = Some(Place::Variable(text(value.get_ref(), key)?)),
                "on" => takes = Some(chosen(value.get_ref())?),
                "url" => {
                    return Err("an address is a secret: write it into a file that only you can \
                                read, and name that with `url-file`"
                        .to_owned());
                }
                other => {
                    let meant = nearest(other, KEYS.into_iter());
                    let meant = meant.map(|best| format!("; did you mean `{best}`?"));
                    let meant = meant.unwrap_or_default();
                    return Err(format!("[[notify]] has no `{other}`{meant}"));
                }
            }
        }
        let service = service.ok_or_else(|| format!("[[notify]] lacks `kind`: {}", kinds()))?;
        let place = place.ok_or_else(|| "[[notify]] lacks `url-file` or `url-env`".to_owned())?;
        let takes = takes.unwrap_or_else(|| Takes::usual(service));
        Ok(Self { service, place, takes })
    }

    /// The channel, with its address read.
    ///
    /// # Errors
    /// Why there is none, as a sentence that does not repeat the address.
    pub(super) fn channel(
        &self,
        clients: &HttpClients,
        ca_file: Option<&Path>,
    ) -> Result<Channel, String> {
        let address = self.address()?;
        Channel::new(self.service, address, self.takes.clone(), clients, ca_file)
    }

    fn address(&self) -> Result<SecretString, String> {
        match &self.place {
            Place::File(path) => {
                let read = value_in(path, "address");
                read.map_err(|failure| format!("{} ({})", failure.why, failure.next))
            }
            Place::Variable(name) => {
                let value = variable(name).ok_or_else(|| format!("{name} is not set"))?;
                bare_value(&value).map_err(|why| format!("{name} is not the address alone: {why}"))
            }
        }
    }

    /// The file that holds its address, if one does.
    pub(super) fn file(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Variable(_) => None,
        }
    }

    /// The variable that holds its address, if one does.
    pub(super) fn variable(&self) -> Option<&str> {
        match &self.place {
            Place::Variable(name) => Some(name),
            Place::File(_) => None,
        }
    }

    /// Its service, for people.
    pub(super) fn name(&self) -> &'static str {
        self.service.name()
    }
}

/// The tables as the schema of the settings file has them.
pub(super) fn schema() -> Value {
    let words: Vec<&str> =
        ["attention", "end", "all"].into_iter().chain(News::ALL.map(News::name)).collect();
    let word = json!({ "enum": words });
    let kind = json!({ "enum": Service::ALL.map(Service::name), "description": "The service" });
    let file = "The file that holds the address alone, readable by you alone";
    json!({
        "type": "array",
        "description": "Where messages about runs go",
        "items": {
            "type": "object",
            "properties": {
                "kind": kind,
                "url-file": { "type": "string", "description": file },
                "url-env": { "type": "string", "description": "The variable that holds it" },
                "on": { "anyOf": [word, { "type": "array", "items": word }] },
            },
            "required": ["kind"],
            "additionalProperties": false,
        },
    })
}

fn kinds() -> String {
    Service::ALL.map(Service::name).join(", ")
}

fn kind(word: &str) -> Result<Service, String> {
    let found = Service::ALL.into_iter().find(|one| one.name() == word);
    found.ok_or_else(|| format!("`{word}` is no `kind` of [[notify]]: write one of {}", kinds()))
}

fn chosen(value: &DeValue<'_>) -> Result<Takes, String> {
    let words = match value {
        DeValue::Array(items) => {
            items.iter().map(|item| text(item.get_ref(), "on")).collect::<Result<Vec<_>, _>>()?
        }
        one => vec![text(one, "on")?],
    };
    let mut takes = Takes { attention: false, ends: false, news: Vec::new() };
    for word in words {
        match word.as_str() {
            "attention" => takes.attention = true,
            "end" => takes.ends = true,
            "all" => takes = Takes::everything(),
            word => match News::named(word) {
                Some(news) => takes.news.push(news),
                None => {
                    let all = News::ALL.map(News::name).join(", ");
                    let known = format!("write attention, end, all, or some of {all}");
                    return Err(format!("`{word}` is nothing that [[notify]] tells `on`: {known}"));
                }
            },
        }
    }
    Ok(takes)
}

fn text(value: &DeValue<'_>, name: &str) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        _ => Err(format!("write `{name}` as a text in quotes")),
    }
}
