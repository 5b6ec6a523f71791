//! Statements that are sent together: one round trip for all of them. What they say, the callers
//! know.

use tokio_postgres::types::ToSql;

use crate::store::postgres::fault::{Fault, broken};
use crate::store::postgres::session::Session;

type Value = Box<dyn ToSql + Sync + Send>;

/// Statements that run in order, each of which changes so many rows.
#[derive(Default)]
pub(super) struct Batch {
    steps: Vec<Step>,
}

struct Step {
    sql: &'static str,
    values: Vec<Value>,
    rows: u64,
}

/// Boxes the parameters of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        vec![$(Box::new($value) as Box<dyn tokio_postgres::types::ToSql + Sync + Send>),*]
    };
}
pub(super) use values;

impl Batch {
    /// Adds a statement that changes exactly one row.
    pub(super) fn add(&mut self, sql: &'static str, values: Vec<Value>) {
        self.steps.push(Step { sql, values, rows: 1 });
    }

    /// Runs all of them; they are sent before the first is answered.
    ///
    /// # Errors
    /// `Broken` if another number of rows was changed: a row was not in the state that was read.
    pub(super) async fn run(self, conn: &Session) -> Result<(), Fault> {
        let mut all = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let values = step.values.iter().map(|value| &**value as &(dyn ToSql + Sync));
            all.push((conn.prepare(step.sql).await?, values.collect()));
        }
        let answers = conn.execute_all(&all).await?;
        for (step, changed) in self.steps.iter().zip(answers) {
            if changed != step.rows {
                return Err(broken(format!(
                    "{changed} rows changed instead of {} by `{}`",
                    step.rows, step.sql
                )));
            }
        }
        Ok(())
    }
}
