//! Writing a plan: to a temporary file beside it, then under its name, so that nobody ever reads
//! half of one; and what is told of it. A file that is there stays unless it is forced.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::cli::again::plan_command;
use crate::cli::args::ScanArgs;
use crate::cli::failure::Failure;
use crate::cli::say;
use crate::domain::plan_file::{FileDigest, PlanFile};
use crate::domain::text::printable;
use crate::report::human::wrapped;
use crate::report::jsonl;

/// Whether a plan may be written there: asked before the list is read.
///
/// # Errors
/// `Failure` if something else would be lost.
pub(super) fn check(path: &Path, args: &ScanArgs) -> Result<(), Failure> {
    let refused = |why: String, next: &str| {
        let what = format!("no plan is written to {}", printable(&path.display().to_string()));
        Failure::usage(what, why, next)
    };
    let other = "name another file with --plan-out";
    let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).ok();
    let reports = &args.run.output.reports;
    let lists = args.devices.iter().chain(&args.order.first).chain(&args.waves.canary_file);
    if lists.chain(reports).any(|one| whole(one) == whole(path)) {
        return Err(refused("it is the list, or a report".to_owned(), other));
    }
    match fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => Err(refused("it is no plain file".to_owned(), other)),
        Ok(_) if !args.run.output.force => {
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
pub(super) fn write(path: &Path, plan: &PlanFile, args: &ScanArgs) -> Result<(), Failure> {
    // Somebody may have put something there while the list was read.
    check(path, args)?;
    let bytes = jsonl::lines(plan).into_bytes();
    put(path, &bytes, args.run.output.force).map_err(|error| {
        let what = format!("no plan is written to {}", printable(&path.display().to_string()));
        Failure::new(1, what, error.to_string(), "check the folder, or name another file")
    })?;
    let digest = FileDigest::of(&bytes);
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let command = plan_command(&whole, &digest, &args.run);
    say::note(&format!(
        "Plan file: {}\n  {digest}\nOnce that is approved, this runs exactly that:\n  {}",
        printable(&path.display().to_string()),
        printable(&command),
    ));
    if !plan.options.check && !plan.emulated {
        say::note(&wrapped(
            "The tenant was not asked about these devices, and is not when the plan is run; with \
             --check it is, both times.",
            2,
        ));
    }
    if plan.options.skip.iter().any(|group| group == "busy") {
        say::note(&wrapped(
            "Warning: which devices are busy changes from hour to hour; with --skip busy the plan \
             is most likely refused when it is run.",
            2,
        ));
    }
    if args.run.output.json {
        say::data(&jsonl::line(&serde_json::json!({
            "v": 1,
            "type": "plan_written",
            "path": whole.display().to_string(),
            "digest": digest.to_string(),
            "command": command,
        })))?;
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8], force: bool) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    // As reports are: for their owner and group.
    let mut file = tempfile::Builder::new()
        .prefix(".fleetsweep-plan-")
        .permissions(Permissions::from_mode(0o640))
        .tempfile_in(&folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    match force {
        true => file.persist(path).map_err(|error| error.error)?,
        false => file.persist_noclobber(path).map_err(|error| error.error)?,
    };
    // Not every file system can flush a folder; the plan itself is on the disk.
    drop(File::open(folder).and_then(|folder| folder.sync_all()));
    Ok(())
}
