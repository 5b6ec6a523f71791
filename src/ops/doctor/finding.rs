//! What a check found, and how it is told. It checks nothing.

use crate::domain::Exit;
use crate::domain::text::printable;
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::report::{Document, human, jsonl};

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// It works, and somebody should know.
    Warning,
    /// It would stop a campaign; how it would end.
    Failed(Exit),
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
pub(super) struct Findings<'a> {
    cx: &'a Context<'a>,
    failed: Vec<Exit>,
    warnings: u64,
    put_off: u64,
    /// What is to be done about the finding before.
    told: Option<String>,
}

impl<'a> Findings<'a> {
    /// Nothing yet.
    pub(super) fn new(cx: &'a Context<'a>) -> Self {
        Self { cx, failed: Vec::new(), warnings: 0, put_off: 0, told: None }
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

    /// It would end a campaign so.
    pub(super) fn fail(
        &mut self,
        check: &str,
        exit: Exit,
        what: impl AsRef<str>,
        remedy: &str,
    ) -> Result<(), Failure> {
        self.failed.push(exit);
        self.tell(check, Level::Failed(exit), what.as_ref(), Some(remedy))
    }

    /// A failure of another part of the program.
    pub(super) fn failure(&mut self, check: &str, failure: &Failure) -> Result<(), Failure> {
        let what = format!("{}: {}", failure.what, failure.why);
        self.fail(check, failure.kind, what, &failure.next)
    }

    /// It could not be checked.
    pub(super) fn skip(&mut self, check: &str, why: &str) -> Result<(), Failure> {
        self.tell(check, Level::NotChecked, why, None)
    }

    /// It can be checked later, and a campaign would wait as well.
    pub(super) fn put_off(&mut self, check: &str, why: &str) -> Result<(), Failure> {
        self.put_off += 1;
        self.skip(check, why)
    }

    /// Tells the end, and returns the first kind of the order that all commands have.
    pub(super) fn end(self) -> Result<Exit, Failure> {
        let first = [Exit::Failed, Exit::Usage, Exit::SignIn];
        let exit = first.into_iter().find(|exit| self.failed.contains(exit));
        let exit = exit.or_else(|| self.failed.first().copied()).unwrap_or(Exit::Done);
        let (failed, warnings) = (self.failed.len() as u64, self.warnings);
        self.cx.ui.show(&End { failed, warnings, put_off: self.put_off, exit })?;
        Ok(exit)
    }

    fn tell(
        &mut self,
        check: &str,
        level: Level,
        what: &str,
        remedy: Option<&str>,
    ) -> Result<(), Failure> {
        let again = remedy.is_some() && self.told.as_deref() == remedy;
        self.told = remedy.map(str::to_owned);
        self.cx.ui.show(&Finding { check, level, what, remedy, again })
    }
}

/// One finding.
struct Finding<'a> {
    check: &'a str,
    level: Level,
    what: &'a str,
    remedy: Option<&'a str>,
    /// The finding before has the same remedy.
    again: bool,
}

impl Document for Finding<'_> {
    fn text(&self) -> String {
        let Self { check, level, what, remedy, again } = self;
        let line = format!("{:<12}{check}: {}", level.name(), printable(what));
        let mut text = human::wrapped(&line, 12);
        if *again {
            text.push_str("\n      next: the same");
        } else if let Some(remedy) = remedy {
            text.push('\n');
            text += &human::wrapped(&format!("      next: {}", printable(remedy)), 12);
        }
        text
    }

    fn json(&self) -> String {
        jsonl::line(&serde_json::json!({
            "v": 1, "type": "finding", "check": self.check, "result": self.level.name(),
            "what": self.what, "remedy": self.remedy,
        }))
    }
}

/// What is told at the end.
struct End {
    failed: u64,
    warnings: u64,
    /// What can be checked later alone.
    put_off: u64,
    exit: Exit,
}

impl Document for End {
    fn text(&self) -> String {
        let warnings = human::counted(self.warnings, "warning");
        let problems = human::counted(self.failed, "problem");
        let later = match self.put_off {
            0 => String::new(),
            some => format!("; {} had to be put off, see above", human::counted(some, "check")),
        };
        match (self.failed, self.warnings, self.put_off) {
            (0, 0, 0) => "All is well: a campaign can start.".to_owned(),
            (0, ..) => {
                format!("Nothing found keeps a campaign from starting; {warnings}{later}.")
            }
            _ => format!("{problems} to fix before a campaign; {warnings}{later}."),
        }
    }

    fn json(&self) -> String {
        jsonl::line(&serde_json::json!({
            "v": 1, "type": "doctor", "failed": self.failed, "warnings": self.warnings,
            "put_off": self.put_off, "exit_code": self.exit.code(),
        }))
    }
}
