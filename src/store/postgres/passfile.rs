//! The password file of PostgreSQL's own tools: one line for each server, `host:port:database:user:
//! password`, where `*` stands for any (libpq-pgpass in PostgreSQL's documentation).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::store::{Result, StoreError};

/// The password for the first host of this address; `None` if the file has none or is not there.
///
/// # Errors
/// `Refused` if others may read the file.
pub(super) fn find(file: &Path, config: &Config) -> Result<Option<String>> {
    let Ok(there) = fs::metadata(file) else { return Ok(None) };
    if there.permissions().mode() & 0o077 != 0 {
        return Err(StoreError::Refused(format!(
            "{} may be read by others, so that no password is taken from it: chmod 600 {0}",
            file.display()
        )));
    }
    let text = fs::read_to_string(file).map_err(|error| {
        StoreError::Refused(format!("{} cannot be read: {error}", file.display()))
    })?;
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
