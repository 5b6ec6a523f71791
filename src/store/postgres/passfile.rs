//! The password file of PostgreSQL's own tools: one line for each server, `host:port:database:user:
//! password`, where `*` stands for any (libpq-pgpass in PostgreSQL's documentation).

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::store::{Result, StoreError};
use crate::system::secrets::Access;

/// The password for the first host of this address; `None` if the file has none or is not there.
///
/// # Errors
/// `Refused` if others may read the file.
pub(super) fn find(file: &Path, config: &Config) -> Result<Option<String>> {
    let unread = |error: io::Error| {
        StoreError::Refused(format!("{} cannot be read: {error}", file.display()))
    };
    let mut open = match File::open(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(unread)?,
    };
    let access = Access::of(&open).map_err(unread)?;
    if !access.is_private() {
        return Err(StoreError::Refused(format!(
            "{} may be read by others, so that no password is taken from it: {}",
            file.display(),
            access.remedy(file)
        )));
    }
    let mut text = String::new();
    open.read_to_string(&mut text).map_err(unread)?;
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        _ => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
    let user = config.get_user().unwrap_or_default();
    let database = config.get_dbname().unwrap_or(user);
    Ok(text.lines().find_map(|line| password(line, [&host, &port, database, user])))
}

fn password(line: &str, wanted: [&str; 4]) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut parts = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter == ':' && parts.len() < 5 {
            parts.push(String::new());
            continue;
        }
        let letter = if letter == '\\' { letters.next() } else { Some(letter) };
        parts.last_mut()?.extend(letter);
    }
    let fits = parts.iter().zip(wanted).all(|(part, wanted)| part == "*" || part == wanted);
    if fits { parts.into_iter().nth(4) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_by_its_names_or_by_a_star() {
        let wanted = ["db", "5432", "sweep", "fleet"];
        let found = |line| password(line, wanted);
        assert_eq!(found("db:5432:sweep:fleet:pa:ss").as_deref(), Some("pa:ss"));
        assert_eq!(found(r"*:*:*:fleet:a\:b\\c").as_deref(), Some(r"a:b\c"));
        assert_eq!(found("db:5433:sweep:fleet:no"), None);
        assert_eq!(found("# db:5432:sweep:fleet:no"), None);
        assert_eq!(found("db:5432:sweep:fleet"), None);
    }
}
