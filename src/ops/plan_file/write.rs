//! Writing a plan: to a temporary file beside it, then under its name, so that nobody ever reads
//! half of one; and what is told of it. A file that is there stays unless it is forced.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::domain::preflight::Group;
use crate::domain::request::ScanRequest;
use crate::domain::text::printable;
use crate::domain::{FileDigest, PlanFile};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::report::Document;
use crate::report::human::wrapped;
use crate::report::jsonl;
use crate::system::files;

/// Whether a plan may be written there: asked before the list is read.
///
/// # Errors
/// `Failure` if something else would be lost.
pub(crate) fn check(path: &Path, request: &ScanRequest) -> Result<(), Failure> {
    let refused = |why: String, next: &str| {
        let what = format!("no plan is written to {}", printable(&path.display().to_string()));
        Failure::usage(what, why, next)
    };
    let other = "name another file with --plan-out";
    let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).ok();
    let reports = &request.run.output.reports;
    let lists = request.devices.iter();
    let lists = lists.chain(&request.order.first).chain(&request.waves.canary_file);
    if lists.chain(reports).any(|one| whole(one) == whole(path)) {
        return Err(refused("it is the list, or a report".to_owned(), other));
    }
    match fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => Err(refused("it is no plain file".to_owned(), other)),
        Ok(_) if !request.run.output.force => {
            let next = "name another file with --plan-out, or add --force to overwrite it";
            Err(refused("it is there already".to_owned(), next))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(refused(error.to_string(), other)),
    }
}

/// Writes the plan, and tells its digest and the command that runs it.
///
/// # Errors
/// `Failure` if it cannot be written, or told.
pub(crate) fn write(
    cx: &Context<'_>,
    path: &Path,
    plan: &PlanFile,
    request: &ScanRequest,
) -> Result<(), Failure> {
    // Somebody may have put something there while the list was read.
    check(path, request)?;
    let bytes = jsonl::lines(plan).into_bytes();
    put(path, &bytes, request.run.output.force).map_err(|error| {
        let what = format!("no plan is written to {}", printable(&path.display().to_string()));
        Failure::failed(what, error, "check the folder, or name another file")
    })?;
    let digest = FileDigest::of(&bytes);
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let written = Written {
        path: path.to_owned(),
        command: cx.commands.of_plan(&whole, &digest),
        whole,
        digest,
        notes: notes(plan),
    };
    cx.ui.show(&written)
}

/// What is told of a plan that was written.
struct Written {
    path: PathBuf,
    whole: PathBuf,
    digest: FileDigest,
    command: String,
    notes: Vec<&'static str>,
}

impl Document for Written {
    fn text(&self) -> String {
        let mut lines = vec![format!(
            "Plan file: {}\n  {}\nOnce that is approved, this runs exactly that:\n  {}",
            printable(&self.path.display().to_string()),
            self.digest,
            printable(&self.command),
        )];
        lines.extend(self.notes.iter().map(|note| wrapped(note, 2)));
        lines.join("\n")
    }

    fn json(&self) -> String {
        jsonl::line(&serde_json::json!({
            "v": 1,
            "type": "plan_written",
            "path": self.whole.display().to_string(),
            "digest": self.digest.to_string(),
            "command": self.command,
        }))
    }
}

fn notes(plan: &PlanFile) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if !plan.request.check && !plan.emulated {
        notes.push(
            "The tenant was not asked about these devices, and is not when the plan is run; with \
             --check it is, both times.",
        );
    }
    if plan.request.skip.contains(&Group::Busy) {
        notes.push(
            "Warning: which devices are busy changes from hour to hour; with --skip busy the plan \
             is most likely refused when it is run.",
        );
    }
    notes
}

fn put(path: &Path, bytes: &[u8], force: bool) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    // As reports are: for their owner and group.
    let mut temporary = tempfile::Builder::new();
    files::let_group_read(temporary.prefix(".fleetsweep-plan-"));
    let mut file = temporary.tempfile_in(&folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    let kept = if force { file.persist(path) } else { file.persist_noclobber(path) };
    kept.map_err(|error| error.error)?;
    // Where a folder cannot be flushed, the plan itself is on the disk.
    files::flush_folder(&folder).ok();
    Ok(())
}
