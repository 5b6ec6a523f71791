//! Several statements in one round trip. What they say is the callers'.

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type};

use crate::store::sqlite::fault::{Fault, broken};

/// Several statements that are sent to the database as one, since each round trip costs as much as
/// the statement itself. They run in order; every `?` takes the next value.
#[derive(Default)]
pub(super) struct Script {
    sql: String,
    values: SqliteArguments,
    rows: u64,
}

impl Script {
    /// Adds a statement that changes exactly so many rows.
    pub(super) fn add(&mut self, sql: &'static str, rows: u64) -> &mut Self {
        self.sql.push_str(sql);
        self.sql.push_str(";\n");
        self.rows += rows;
        self
    }

    pub(super) fn bind<'v, T: Encode<'v, Sqlite> + Type<Sqlite>>(
        &mut self,
        value: T,
    ) -> Result<&mut Self, Fault> {
        self.values.add(value).map_err(sqlx::Error::Encode)?;
        Ok(self)
    }

    /// Runs all of it; returns the key of the row that was inserted last.
    ///
    /// # Errors
    /// `Broken` if another number of rows was changed: a row was not in the state that was read.
    pub(super) async fn run(self, conn: &mut SqliteConnection) -> Result<i64, Fault> {
        // Only constants of this module are ever joined.
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.values);
        let done = query.execute(conn).await?;
        if done.rows_affected() != self.rows {
            let changed = done.rows_affected();
            return Err(broken(format!("{changed} rows changed instead of {}", self.rows)));
        }
        Ok(done.last_insert_rowid())
    }
}
