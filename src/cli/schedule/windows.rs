//! A task of the Windows scheduler that starts fleetsweep in WSL, as XML. `wsl.exe --exec` hands
//! the words over without a shell, so that only Windows' own rules of quoting count.

use super::file::ScheduleFile;
use super::job::{Job, SignIn};
use super::quote::{windows_word, xml};
use super::when::Start;
use crate::ops::failure::Failure;

/// The task.
///
/// # Errors
/// `Failure` if the scheduler would change a word, which nothing there can prevent.
pub(super) fn files(job: &Job) -> Result<Vec<ScheduleFile>, Failure> {
    let words = arguments(job);
    words.iter().try_for_each(|word| check(word))?;
    let line: Vec<String> = words.iter().map(|word| windows_word(word)).collect();
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
    <Description>Microsoft Defender antivirus scans by fleetsweep, in WSL</Description>
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
      <Command>%SystemRoot%\\System32\\wsl.exe</Command>
      <Arguments>{}</Arguments>
    </Exec>
  </Actions>
</Task>
",
        xml(&line.join(" "))
    );
    Ok(vec![ScheduleFile { name: format!("{name}.xml"), text }])
}

/// What a user of Windows should know about this job.
pub(super) fn warnings(job: &Job) -> Vec<String> {
    let mut warnings = Vec::new();
    if job.sign_in == SignIn::Secret(None) {
        warnings.push(
            "the task has no AZURE_CLIENT_SECRET; name a file that only you can read, in the file \
             system of WSL, with --client-secret-file"
                .to_owned(),
        );
    }
    if let Some(zone) = &job.zone {
        warnings.push(format!("the task starts by the clock of Windows, not by that of {zone}"));
    }
    warnings
}

/// What `wsl.exe` gets.
fn arguments(job: &Job) -> Vec<String> {
    let own = |text: &str| text.to_owned();
    let mut words = Vec::new();
    // WSL says so in every process that it starts.
    let distribution = std::env::var("WSL_DISTRO_NAME").ok().filter(|name| !name.is_empty());
    if let Some(name) = distribution {
        words.extend([own("--distribution"), name]);
    }
    words.extend([own("--cd"), job.folder.to_string_lossy().into_owned(), own("--exec")]);
    if !job.variables.is_empty() {
        words.push(own("/usr/bin/env"));
        words.extend(job.variables.iter().map(|(name, text)| format!("{name}={text}")));
    }
    words.push(job.program.clone());
    words.extend(job.words_as_typed());
    words
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
