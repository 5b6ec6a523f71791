//! A task of the Windows scheduler that starts fleetsweep, as XML: the program itself, or from
//! Linux the one in WSL. No shell is between, so that only Windows' own rules of quoting count.

use super::file::ScheduleFile;
use super::job::{Job, SignIn};
use super::quote::{windows_word, xml};
use super::when::Start;
use crate::ops::failure::Failure;
use crate::system::command::{Task, task};

/// The task.
///
/// # Errors
/// `Failure` if the scheduler would change a word, which nothing there can prevent.
pub(super) fn files(job: &Job) -> Result<Vec<ScheduleFile>, Failure> {
    let task = task_of(job);
    task.arguments.iter().try_for_each(|word| check(word))?;
    let line: Vec<String> = task.arguments.iter().map(|word| windows_word(word)).collect();
    let folder = task.folder.map(|folder| {
        let folder = xml(&folder.to_string_lossy());
        format!("\n      <WorkingDirectory>{folder}</WorkingDirectory>")
    });
    let triggers: String = job.starts.iter().map(trigger).collect();
    let name = &job.name;
    let text = format!(
        "\
<?xml version=\"1.0\"?>
<!-- In PowerShell or cmd, where this file is; it asks for the password of the account:
     schtasks /Create /TN {name} /XML {name}.xml /RU %USERNAME% /RP *
     To try it: schtasks /Run /TN {name} -->
<Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">
  <RegistrationInfo>
    <Description>Microsoft Defender antivirus scans by fleetsweep{}</Description>
  </RegistrationInfo>
  <Triggers>
{triggers}  </Triggers>
  <Principals>
    <Principal id=\"Author\">
      <LogonType>Password</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>false</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
  </Settings>
  <Actions Context=\"Author\">
    <Exec>
      <Command>{}</Command>
      <Arguments>{}</Arguments>{}
    </Exec>
  </Actions>
</Task>
",
        task.within,
        xml(&task.program),
        xml(&line.join(" ")),
        folder.unwrap_or_default(),
    );
    Ok(vec![ScheduleFile { name: format!("{name}.xml"), text }])
}

/// What a user of Windows should know about this job.
pub(super) fn warnings(job: &Job) -> Vec<String> {
    let mut warnings = Vec::new();
    let task = task_of(job);
    if job.sign_in == SignIn::Secret(None) {
        warnings.push(format!(
            "the task has no AZURE_CLIENT_SECRET; name a file that only you can read{} with \
             --client-secret-file",
            // There its rights are kept.
            if task.within.is_empty() { "" } else { ", in the file system of WSL," }
        ));
    }
    if !task.unset.is_empty() {
        warnings.push(format!(
            "the task does not set {}; say it in the settings file, or set it for the account of \
             the task (setx)",
            task.unset.join(", ")
        ));
    }
    if let Some(zone) = &job.zone {
        warnings.push(format!("the task starts by the clock of Windows, not by that of {zone}"));
    }
    warnings
}

fn task_of(job: &Job) -> Task {
    task(&job.folder, &job.variables, &job.program, job.words_as_typed())
}

/// The scheduler puts variables in the place of `%NAME%` and `$(Arg0)`, whatever the quotes.
fn check(word: &str) -> Result<(), Failure> {
    let in_name = |c: char| c.is_alphanumeric() || "_()".contains(c);
    let mut parts = word.split('%').skip(1).peekable();
    let mut variable = false;
    while let Some(part) = parts.next() {
        variable |= parts.peek().is_some() && !part.is_empty() && part.chars().all(in_name);
    }
    if !variable && !word.contains("$(") {
        return Ok(());
    }
    Err(Failure::usage(
        format!("`{word}` cannot stand in a task of Windows"),
        "its scheduler takes %NAME% and $(NAME) for variables, and nothing prevents that",
        "say it without these signs",
    ))
}

fn trigger(start: &Start) -> String {
    let days = start.day_names();
    let schedule = if days.is_empty() {
        "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>".to_owned()
    } else {
        let days: String = days.iter().map(|day| format!("<{day} />")).collect();
        format!(
            "<ScheduleByWeek><WeeksInterval>1</WeeksInterval><DaysOfWeek>{days}</DaysOfWeek>\
             </ScheduleByWeek>"
        )
    };
    // The day is any past one; without a zone it is the time of the clock on the wall.
    format!(
        "    <CalendarTrigger>
      <StartBoundary>2026-01-01T{}:00</StartBoundary>
      <Enabled>true</Enabled>
      {schedule}
    </CalendarTrigger>
",
        start.time.strftime("%H:%M")
    )
}
