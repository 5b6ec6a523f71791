//! What a check found, and how it is told. It checks nothing.

use crate::cli::failure::Failure;
use crate::cli::say;
use crate::domain::text::printable;
use crate::report::{human, jsonl};

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// It works, and somebody should know.
    Warning,
    /// It would stop a campaign; the exit code that it would stop with.
    Failed(u8),
    /// It could not be checked, since something before it failed.
    NotChecked,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Failed(_) => "failed",
            Level::NotChecked => "not checked",
        }
    }
}

/// All that was found, told as it is found.
pub(super) struct Findings {
    json: bool,
    codes: Vec<u8>,
    warnings: u64,
}

impl Findings {
    /// Nothing yet.
    pub(super) fn new(json: bool) -> Self {
        Self { json, codes: Vec::new(), warnings: 0 }
    }

    /// As it should be.
    pub(super) fn ok(&mut self, check: &str, what: impl AsRef<str>) -> Result<(), Failure> {
        self.tell(check, Level::Ok, what.as_ref(), None)
    }

    /// It works, and somebody should know.
    pub(super) fn warn(
        &mut self,
        check: &str,
        what: impl AsRef<str>,
        remedy: &str,
    ) -> Result<(), Failure> {
        self.warnings += 1;
        self.tell(check, Level::Warning, what.as_ref(), Some(remedy))
    }

    /// It would stop a campaign with this exit code.
    pub(super) fn fail(
        &mut self,
        check: &str,
        code: u8,
        what: impl AsRef<str>,
        remedy: &str,
    ) -> Result<(), Failure> {
        self.codes.push(code);
        self.tell(check, Level::Failed(code), what.as_ref(), Some(remedy))
    }

    /// A failure of another part of the program.
    pub(super) fn failure(&mut self, check: &str, failure: &Failure) -> Result<(), Failure> {
        let what = format!("{}: {}", failure.what, failure.why);
        self.fail(check, failure.code, what, &failure.next)
    }

    /// It could not be checked.
    pub(super) fn skip(&mut self, check: &str, why: &str) -> Result<(), Failure> {
        self.tell(check, Level::NotChecked, why, None)
    }

    /// Tells the end, and returns the exit code: the first of the order that all commands have.
    pub(super) fn end(self) -> Result<u8, Failure> {
        let code = [1, 2, 7].into_iter().find(|code| self.codes.contains(code));
        let code = code.or_else(|| self.codes.first().copied()).unwrap_or(0);
        let failed = self.codes.len() as u64;
        if self.json {
            say::data(&jsonl::line(&serde_json::json!({
                "v": 1, "type": "doctor", "failed": failed, "warnings": self.warnings,
                "exit_code": code,
            })))?;
        } else {
            let warnings = human::counted(self.warnings, "warning");
            let problems = human::counted(failed, "problem");
            say::data(&match (failed, self.warnings) {
                (0, 0) => "All is well: a campaign can start.".to_owned(),
                (0, _) => format!("A campaign can start; {warnings}."),
                (_, _) => format!("{problems} to mend before a campaign; {warnings}."),
            })?;
        }
        Ok(code)
    }

    fn tell(
        &mut self,
        check: &str,
        level: Level,
        what: &str,
        remedy: Option<&str>,
    ) -> Result<(), Failure> {
        if self.json {
            return say::data(&jsonl::line(&serde_json::json!({
                "v": 1, "type": "finding", "check": check, "result": level.name(),
                "what": what, "remedy": remedy,
            })));
        }
        let line = format!("{:<12}{check}: {}", level.name(), printable(what));
        say::data(&human::wrapped(&line, 12))?;
        match remedy {
            Some(remedy) => {
                say::data(&human::wrapped(&format!("      next: {}", printable(remedy)), 12))
            }
            None => Ok(()),
        }
    }
}
