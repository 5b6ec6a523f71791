//! What can go wrong with PostgreSQL, in words, and what is done about it: again at once, again
//! when the server is back, or never. Whether a COMMIT whose answer is lost took place is
//! `transaction`'s to find out.

use tokio_postgres::error::SqlState;

use crate::store::StoreError;

/// An error inside a transaction.
#[derive(Debug)]
pub enum Fault {
    /// An answer for the caller of this verb.
    Store(StoreError),
    /// PostgreSQL or the connection to it failed.
    Sql(tokio_postgres::Error),
    /// There was no answer in time.
    TimedOut,
    /// No connection can be had now; why.
    NoConnection(String),
}

/// What is done after a fault that is none of the verb's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The transaction was undone since another one was in its way: it is run again at once.
    Again,
    /// The server is away: what is the matter, as a part of a sentence.
    Wait(&'static str),
    /// It is over.
    GiveUp,
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else { return Fault::Sql(error) };
        let code = db.code();
        if *code == SqlState::CHECK_VIOLATION && db.constraint() == Some("call_schema") {
            return Fault::Store(StoreError::Refused(
                "a newer version of fleetsweep brought this store up to date; go on with that \
                 version"
                    .to_owned(),
            ));
        }
        // A guard of the schema, or a value that no version of this program writes.
        if code.code().starts_with("23") && *code != SqlState::UNIQUE_VIOLATION {
            return broken(format!("a guard of its schema refused a change: {db}"));
        }
        if [SqlState::DUPLICATE_PSTATEMENT, SqlState::INVALID_SQL_STATEMENT_NAME].contains(code) {
            return Fault::Store(pooled());
        }
        Fault::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Store(error)
    }
}

impl Fault {
    /// What is done about it.
    pub(super) fn remedy(&self) -> Remedy {
        match self {
            Fault::Store(_) => Remedy::GiveUp,
            Fault::TimedOut => Remedy::Wait("it does not answer"),
            Fault::NoConnection(_) => Remedy::Wait("it cannot be reached"),
            Fault::Sql(error) => match error.code() {
                Some(code) => remedy(code),
                None if error.is_closed() || is_io(error) => {
                    Remedy::Wait("the connection was lost")
                }
                None => Remedy::GiveUp,
            },
        }
    }

    /// The error for the caller who was doing `what`. Nothing of it was done.
    pub(super) fn into_store(self, what: &'static str) -> StoreError {
        let remedy = self.remedy();
        let why = match self {
            Fault::Store(error) => return error,
            Fault::TimedOut => "PostgreSQL did not answer in time".to_owned(),
            Fault::NoConnection(why) => why,
            Fault::Sql(error) => in_words(&error),
        };
        match remedy {
            Remedy::Again => {
                StoreError::OutOfReach { what, cause: "others write at the same time", why }
            }
            Remedy::Wait(cause) => StoreError::OutOfReach { what, cause, why },
            Remedy::GiveUp => StoreError::Failed { what, why },
        }
    }
}

fn remedy(code: &SqlState) -> Remedy {
    const AGAIN: [SqlState; 4] = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        // Somebody else made the same budget or campaign at the same time.
        SqlState::UNIQUE_VIOLATION,
    ];
    const AWAY: [SqlState; 7] = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::QUERY_CANCELED,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    match code {
        code if AGAIN.contains(code) => Remedy::Again,
        code if AWAY.contains(code) || code.code().starts_with("08") => {
            Remedy::Wait("the server is not ready")
        }
        _ => Remedy::GiveUp,
    }
}

/// The error in words, with what the server advises.
pub(super) fn in_words(error: &tokio_postgres::Error) -> String {
    let Some(db) = error.as_db_error() else {
        let mut told = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(one) = cause {
            told.push_str(&format!(": {one}"));
            cause = one.source();
        }
        return told;
    };
    let hint = db.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    let next = match *db.code() {
        SqlState::DISK_FULL => "; free some space on the server, then resume",
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "; check the user and the password: FLEETSWEEP_STORE may hold one, PGPASSFILE or \
             ~/.pgpass too"
        }
        SqlState::INSUFFICIENT_PRIVILEGE => "; let the role create the schema fleetsweep or own it",
        _ => "",
    };
    format!("PostgreSQL says: {}{hint} [{}]{next}", db.message(), db.code().code())
}

/// A pooler stands in front that breaks what this store needs.
pub(super) fn pooled() -> StoreError {
    StoreError::Refused(
        "a pooler in front of PostgreSQL (such as PgBouncer with pool_mode=transaction) gives each \
         transaction another session, which loses prepared statements and time-outs; name the \
         server itself in --store, or a pool with pool_mode=session: fleetsweep needs few \
         connections"
            .to_owned(),
    )
}

/// What the store holds contradicts itself.
pub(super) fn broken(what: impl Into<String>) -> Fault {
    Fault::Store(StoreError::Broken(what.into()))
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(|cause| cause.is::<std::io::Error>())
}
