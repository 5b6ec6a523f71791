//! Where a store in PostgreSQL is: a URL as `psql` reads it, with a few options of ours. It opens
//! nothing.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::passfile;
use crate::store::{Result, StoreError};
use crate::system::socket::{Reach, reach};

/// How long opening one connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How long a connection may be silent before the network is asked whether it is still there.
const ASK_AFTER: Duration = Duration::from_secs(10);

/// Where a store is, and how it is reached.
#[derive(Clone, Debug)]
pub struct Address {
    pub(super) config: Config,
    /// Somebody says that no commit is acknowledged before a standby has it.
    pub(super) synchronous: bool,
    /// The certificates of those whose signature is believed, instead of the system's.
    pub(super) root_certificates: Option<PathBuf>,
    has_password: bool,
}

impl Address {
    /// Whether this names a store in PostgreSQL.
    pub fn is_one(url: &str) -> bool {
        url.starts_with("postgres://") || url.starts_with("postgresql://")
    }

    /// Reads a URL.
    ///
    /// # Errors
    /// `Refused` if it cannot be read; the message never holds a password.
    pub fn parse(url: &str) -> Result<Self> {
        let refused = |what: String| StoreError::Refused(what);
        let (rest, options) = url.split_once('?').unwrap_or((url, ""));
        let mut kept = Vec::new();
        let (mut synchronous, mut root_certificates, mut ssl) = (false, None, false);
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=').unwrap_or((option, "")) {
                ("durability", "synchronous") => synchronous = true,
                ("durability", "asynchronous") => synchronous = false,
                ("durability", other) => {
                    return Err(refused(format!(
                        "durability={other} is not known: write synchronous or asynchronous"
                    )));
                }
                ("sslrootcert", file) => root_certificates = Some(PathBuf::from(file)),
                // A certificate is always verified, name and all.
                ("sslmode", "verify-full" | "verify-ca") => {
                    (ssl, _) = (true, kept.push("sslmode=require"));
                }
                ("sslmode", _) => (ssl, _) = (true, kept.push(option)),
                _ => kept.push(option),
            }
        }
        let url =
            if kept.is_empty() { rest.to_owned() } else { format!("{rest}?{}", kept.join("&")) };
        let mut config: Config = url.parse().map_err(|_| {
            refused(
                "the store's address cannot be read; write postgres://user@host:5432/database, \
                 with %XX for letters that have a meaning in a URL"
                    .to_owned(),
            )
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(refused("the store's address names no host".to_owned()));
        }
        if !ssl {
            let near = config.get_hosts().iter().all(is_near);
            config.ssl_mode(if near { SslMode::Prefer } else { SslMode::Require });
        }
        config.application_name("fleetsweep").connect_timeout(CONNECT_WITHIN);
        config.keepalives(true).keepalives_idle(ASK_AFTER).keepalives_interval(ASK_AFTER / 5);
        config.tcp_user_timeout(ASK_AFTER).target_session_attrs(TargetSessionAttrs::ReadWrite);
        let has_password = config.get_password().is_some();
        Ok(Self { config, synchronous, root_certificates, has_password })
    }

    /// Whether nobody else's machine is between this process and the server.
    pub(super) fn is_near(&self) -> bool {
        self.config.get_hosts().iter().all(is_near)
    }

    /// Whether the URL holds a password.
    pub fn has_password(&self) -> bool {
        self.has_password
    }

    /// With the password that this file has for it, unless the URL holds one.
    ///
    /// # Errors
    /// `Refused` if others may read the file.
    pub fn with_passwords_of(mut self, file: &Path) -> Result<Self> {
        if !self.has_password
            && let Some(password) = passfile::find(file, &self.config)?
        {
            self.config.password(password);
        }
        Ok(self)
    }
}

/// Whether nobody else's machine is between this process and the server.
fn is_near(host: &Host) -> bool {
    match reach(host) {
        Reach::Folder(_) => true,
        Reach::Name(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
    }
}

impl fmt::Display for Address {
    /// Without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.config.get_user() {
            write!(f, "{user}@")?;
        }
        let (hosts, ports) = (self.config.get_hosts(), self.config.get_ports());
        for (n, host) in hosts.iter().enumerate() {
            let port = ports.get(n).or(ports.first()).copied().unwrap_or(5432);
            let comma = if n == 0 { "" } else { "," };
            match reach(host) {
                Reach::Name(name) => write!(f, "{comma}{name}:{port}")?,
                Reach::Folder(folder) => {
                    let folder = folder.display().to_string().replace('/', "%2F");
                    write!(f, "{comma}{folder}:{port}")?;
                }
            }
        }
        match self.config.get_dbname() {
            Some(database) => write!(f, "/{database}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let told = |url: &str| Address::parse(url).unwrap().to_string();
        let with = "postgres://fleet:s3cret@db1:5433,db2:5434/sweep?durability=synchronous";
        assert_eq!(told(with), "postgres://fleet@db1:5433,db2:5434/sweep");
        assert_eq!(told("postgresql://db/sweep"), "postgres://db:5432/sweep");
        let parsed = Address::parse(with).unwrap();
        assert!(parsed.has_password() && parsed.synchronous);
        let debug = format!("{parsed:?}");
        assert!(!debug.contains("s3cret"), "{debug}");
        let error = Address::parse("postgres://u:s3cret@db/x?nonsense=1").unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_in_a_folder_is_shown_as_it_is_written_and_needs_no_encryption() {
        let socket = Address::parse("postgres://%2Ftmp%2Fx/s").unwrap();
        assert_eq!(socket.to_string(), "postgres://%2Ftmp%2Fx:5432/s");
        assert_eq!(socket.config.get_ssl_mode(), SslMode::Prefer);
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_unless_somebody_says_otherwise() {
        let mode = |url: &str| Address::parse(url).unwrap().config.get_ssl_mode();
        assert_eq!(mode("postgres://db.example/s"), SslMode::Require);
        assert_eq!(mode("postgres://127.0.0.1/s"), SslMode::Prefer);
        assert_eq!(mode("postgres://db.example/s?sslmode=disable"), SslMode::Disable);
        assert_eq!(mode("postgres://localhost/s?sslmode=verify-full"), SslMode::Require);
    }
}
