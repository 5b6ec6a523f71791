//! A service and a timer of systemd. The service runs as a user of its own, may write to its state
//! folder alone, and gets its secret as a credential, so that neither the command line nor the
//! environment holds it.

use std::path::{Path, PathBuf};

use super::around::{NamedStore, OF_SECRETS, PASSWORDS, STORE};
use super::file::ScheduleFile;
use super::job::{Job, SignIn};
use super::quote::{shell_word, systemd_rest, systemd_value, systemd_word};
use super::words::Value;

/// The user of the service, its folder of state, and its folder of settings.
const USER: &str = "fleetsweep";

/// Where the client secret is if nothing else is named.
const SECRET: &str = "/etc/fleetsweep/client-secret";

/// Folders that the hardened service does not see.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];

/// Folders of which the hardened service has its own.
const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];

/// What the hardening of the service is. `systemd-analyze security` rates it; the rest of the
/// exposure is the network, without which there is no API. Not in it is `ProcSubset=pid`: it hides
/// what names the start of the machine, which the clock of the limit goes by.
const HARDENING: &str = "\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
PrivateUsers=yes
ProtectProc=invisible
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0077";

/// The service, and the timer that starts it; a worker has none.
pub(super) fn files(job: &Job) -> Vec<ScheduleFile> {
    let service = ScheduleFile { name: format!("{}.service", job.name), text: service(job) };
    if job.stays {
        return vec![service];
    }
    vec![service, ScheduleFile { name: format!("{}.timer", job.name), text: timer(job) }]
}

fn service(job: &Job) -> String {
    let name = &job.name;
    let state = format!("/var/lib/{USER}");
    let mut lines = vec![
        format!("# /etc/systemd/system/{name}.service"),
        "# Once, as root:".to_owned(),
        format!("#   useradd --system --home-dir {state} --shell /usr/sbin/nologin {USER}"),
    ];
    lines.extend(secret_how_to(job));
    let unit = if job.stays { "service" } else { "timer" };
    let told = format!("what it says: journalctl -u {name}");
    lines.extend([
        format!("#   systemctl daemon-reload && systemctl enable --now {name}.{unit}"),
        if job.stays {
            format!("# How it is: systemctl status {name}; {told}")
        } else {
            format!("# To try it: systemctl start {name}; {told}")
        },
        how_far(job),
    ]);
    let files = Files::of(job);
    let (reads, writes) = (listed(&files.reads), listed(&files.writes));
    lines.extend(reads.map(|paths| format!("# User {USER} must be able to read {paths}")));
    lines.extend(writes.map(|paths| format!("# User {USER} must be able to write to {paths}")));
    let hooks: Vec<&str> = hooks(job).map(|(flag, _)| flag).collect();
    if !hooks.is_empty() {
        lines.extend([
            format!(
                "# User {USER} must be able to run what {} names. In home",
                hooks.join(" and ")
            ),
            "# and temporary folders it sees only what is bound below, mostly read-only."
                .to_owned(),
        ]);
    }
    lines.push(String::new());
    lines.extend([
        "[Unit]".to_owned(),
        "Description=Microsoft Defender antivirus scans by fleetsweep".to_owned(),
        "Wants=network-online.target".to_owned(),
        "After=network-online.target".to_owned(),
        String::new(),
        "[Service]".to_owned(),
        format!("Type={}", if job.stays { "notify" } else { "oneshot" }),
        format!("ExecStart={}", exec_start(job)),
        format!("User={USER}"),
        format!("StateDirectory={USER}"),
        "StateDirectoryMode=2770".to_owned(),
        format!("WorkingDirectory=%S/{USER}"),
    ]);
    lines.extend(credentials(job));
    lines.extend(exit_codes(job).map(str::to_owned));
    lines.extend(
        [
            "# The first signal ends the orders and lets the calls in flight finish.",
            "KillMode=mixed",
            "TimeoutStopSec=2min",
        ]
        .map(str::to_owned),
    );
    lines.push(String::new());
    lines.extend(files.settings());
    lines.push(HARDENING.to_owned());
    if job.stays {
        lines.extend(["", "[Install]", "WantedBy=multi-user.target"].map(str::to_owned));
    }
    lines.join("\n") + "\n"
}

fn timer(job: &Job) -> String {
    let name = &job.name;
    let mut lines = vec![
        format!("# /etc/systemd/system/{name}.timer"),
        "[Unit]".to_owned(),
        "Description=When fleetsweep starts".to_owned(),
        String::new(),
        "[Timer]".to_owned(),
    ];
    let zone = job.zone.as_deref();
    lines.extend(job.starts.iter().map(|start| format!("OnCalendar={}", start.on_calendar(zone))));
    lines.extend(
        [
            "# A start that was missed is not made up for at some other time of the day.",
            "Persistent=no",
            "",
            "[Install]",
            "WantedBy=timers.target",
        ]
        .map(str::to_owned),
    );
    lines.join("\n") + "\n"
}

fn exec_start(job: &Job) -> String {
    let words = job.words_with(|value| as_service(job, value));
    let words = std::iter::once(&job.program).chain(&words);
    words.map(|word| systemd_word(word)).collect::<Vec<_>>().join(" ")
}

/// A value as the service finds it, which starts in its state folder.
fn as_service(job: &Job, value: &Value) -> Option<String> {
    let Value { id, text, .. } = value;
    match (id.as_str(), &job.sign_in) {
        ("client_secret_file", SignIn::Secret(_)) => None,
        ("client_certificate", SignIn::Certificate(_)) => None,
        // A report without a folder goes into the state folder, as the default one does.
        ("reports", _) => Some(text.clone()),
        ("store", _) => Some(job.store.as_ref().map_or(text.clone(), NamedStore::anywhere)),
        _ if value.is_path => Some(shown(&job.absolute(text))),
        _ => Some(text.clone()),
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// How the file of the secret comes to be, if the service needs one.
fn secret_how_to(job: &Job) -> Option<String> {
    if job.sign_in != SignIn::Secret(None) {
        return None;
    }
    Some(format!("#   install -D -m 600 /dev/stdin {SECRET}   # type the secret, Enter, Ctrl-D"))
}

/// The command that tells how far it is.
fn how_far(job: &Job) -> String {
    let mut words = vec![job.program.clone(), "status".to_owned()];
    if let Some(store) = &job.store {
        words.extend(["--store".to_owned(), store.anywhere()]);
    }
    let words: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
    format!("# How far it is: sudo -u {USER} {}", words.join(" "))
}

/// The credential, and the variables that the command line would lack.
fn credentials(job: &Job) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(name), Some(path)) = (job.credential(), secret_path(job)) {
        lines.push(format!("LoadCredential={name}:{}", systemd_rest(&shown(&path))));
        if matches!(job.sign_in, SignIn::Certificate(_)) && job.of_profile.is_none() {
            lines.push(format!("Environment=AZURE_CLIENT_CERTIFICATE_PATH=%d/{name}"));
        }
    }
    if let Some(path) = &job.passwords {
        lines.push(format!("LoadCredential=pgpass:{}", systemd_rest(&shown(path))));
        lines.push(format!("Environment={PASSWORDS}=%d/pgpass"));
    }
    // A relative path in the settings file is from the folder of who reads it.
    let of_file = job.store.iter().filter(|store| store.of_file && store.url != store.anywhere());
    lines.extend(of_file.map(|store| {
        format!("Environment={}", systemd_value(&format!("{STORE}={}", store.anywhere())))
    }));
    for (name, text) in &job.variables {
        if OF_SECRETS.contains(&name.as_str()) {
            continue;
        }
        let text = match (name.as_str(), &job.store) {
            (STORE, Some(store)) => store.anywhere(),
            _ if is_path(name) => shown(&job.absolute(text)),
            _ => text.clone(),
        };
        lines.push(format!("Environment={}", systemd_value(&format!("{name}={text}"))));
    }
    lines
}

/// Where the file is that it signs in with.
fn secret_path(job: &Job) -> Option<PathBuf> {
    match &job.sign_in {
        SignIn::Secret(None) => Some(PathBuf::from(SECRET)),
        SignIn::Secret(Some(path)) | SignIn::Certificate(path) => Some(job.folder.join(path)),
        SignIn::NoFile | SignIn::Workload => None,
    }
}

fn is_path(variable: &str) -> bool {
    ["_FILE", "_CONFIG", "_PATH"].iter().any(|end| variable.ends_with(end))
}

/// Which exit codes are no failure of the unit.
fn exit_codes(job: &Job) -> impl Iterator<Item = &'static str> + use<> {
    let lines: &[&str] = if job.stays {
        &[
            "# Told to stop, it ends with the worst exit code of its campaigns, which tell their",
            "# own ends; only what keeps the worker itself from working is a failure.",
            "SuccessExitStatus=3 4 5 6 7",
            "Restart=on-failure",
            "RestartSec=30s",
        ]
    } else if job.timed.series {
        &[
            "# 3: finished, or over as planned, and the report names devices to look after.",
            "# 5 is a failure in a series: it is paused, the last run is still running, a signal",
            "# ended the run, its window closed too early, or the API was long out of reach.",
            "SuccessExitStatus=3",
        ]
    } else if job.timed.ends {
        &[
            "# 3: finished, and the report names devices to look after. 5: stopped with work left,",
            "# since its time was over; also after a signal, or if the API was long out of reach.",
            "SuccessExitStatus=3 5",
        ]
    } else {
        &["# 3: finished, and the report names devices to look after.", "SuccessExitStatus=3"]
    };
    lines.iter().copied()
}

/// Files and folders that the service needs outside its own.
struct Files {
    reads: Vec<PathBuf>,
    writes: Vec<PathBuf>,
    program: PathBuf,
}

impl Files {
    fn of(job: &Job) -> Self {
        let values = job.words.iter().filter_map(|word| word.value());
        let is_output = |value: &&Value| matches!(value.id.as_str(), "reports" | "metrics");
        let (outputs, inputs): (Vec<&Value>, Vec<&Value>) =
            values.filter(|value| value.is_path).partition(is_output);
        let inputs = inputs.into_iter().filter_map(|value| as_service(job, value));
        let of_variables = job.variables.iter().filter(|(name, _)| is_path(name));
        let of_hooks = hooks(job).flat_map(|(_, command)| paths_in(command));
        let (written, read): (Vec<_>, Vec<_>) = of_hooks.partition(|(_, writes)| *writes);
        let [written, read] = [written, read].map(|some| some.into_iter().map(|(path, _)| path));
        let read = read.filter(|path| is_hidden(path));
        // A home is not opened for one file in it, nor everybody's temporary folder.
        let written = written.filter(|path| !is_hidden(path) && !path.starts_with("/dev"));
        let inputs = inputs
            .map(PathBuf::from)
            .chain(read)
            .chain(of_variables.map(|(_, path)| job.absolute(path)))
            .chain(job.reads.iter().map(|path| job.folder.join(path)));
        let outputs = outputs.into_iter().filter_map(|value| as_service(job, value));
        let store = job.store.as_ref().and_then(|store| store.file.clone());
        let folders = outputs.map(PathBuf::from).chain(store).chain(written).filter_map(|path| {
            path.parent().filter(|folder| folder.is_absolute()).map(Path::to_owned)
        });
        let outside = |folder: &PathBuf| !folder.starts_with(format!("/var/lib/{USER}"));
        let mut writes: Vec<PathBuf> = folders.filter(outside).collect();
        writes.sort();
        writes.dedup();
        let secret = secret_path(job);
        let handed_over = secret.clone().filter(|_| job.credential().is_some());
        // A profile of an odd name has its file read where it is.
        let read = secret.filter(|_| job.of_profile.is_some() && handed_over.is_none());
        let all = inputs.filter(|path| handed_over.as_ref() != Some(path)).chain(read);
        let mut reads: Vec<PathBuf> = Vec::new();
        for path in all {
            if !reads.contains(&path) {
                reads.push(path);
            }
        }
        Self { reads, writes, program: PathBuf::from(&job.program) }
    }

    fn settings(&self) -> Vec<String> {
        let hidden = |path: &&PathBuf| is_hidden(path);
        let all = self.reads.iter().chain(&self.writes).chain([&self.program]);
        // Only an empty folder in the place of the homes can have something mounted into it.
        let homes = all.into_iter().any(|path| below(path, &HOMES));
        let mut lines = vec![format!("ProtectHome={}", if homes { "tmpfs" } else { "yes" })];
        let setting = |name: &str, path: &Path| {
            // What is missing is told by the program, which names it.
            format!("{name}={}", systemd_value(&format!("-{}", shown(path))))
        };
        let reads = self.reads.iter().chain([&self.program]).filter(hidden);
        lines.extend(reads.map(|path| setting("BindReadOnlyPaths", path)));
        lines.extend(
            self.writes.iter().map(|path| {
                setting(if hidden(&path) { "BindPaths" } else { "ReadWritePaths" }, path)
            }),
        );
        lines
    }
}

fn below(path: &Path, folders: &[&str]) -> bool {
    folders.iter().any(|one| path.starts_with(one))
}

/// Whether the hardened service does not see what is there.
fn is_hidden(path: &Path) -> bool {
    below(path, &HOMES) || below(path, &TEMPORARY)
}

/// The commands that the job runs by a shell, each with its option.
fn hooks(job: &Job) -> impl Iterator<Item = (&'static str, &str)> {
    let values = job.words.iter().filter_map(|word| word.value());
    values.filter_map(|value| match value.id.as_str() {
        "on_finish" => Some(("--on-finish", value.text.as_str())),
        "on_event" => Some(("--on-event", value.text.as_str())),
        _ => None,
    })
}

/// The absolute paths that a command of a shell names, and whether it writes there.
fn paths_in(command: &str) -> Vec<(PathBuf, bool)> {
    let ends = |sign: char| sign.is_whitespace() || "'\"`;|&<()=".contains(sign);
    let mut paths = Vec::new();
    for (at, part) in command.split('>').enumerate() {
        let words = part.split(ends).filter(|word| !word.is_empty()).enumerate();
        let named = words.filter(|(_, word)| word.starts_with('/'));
        paths.extend(named.map(|(nth, word)| (PathBuf::from(word), at > 0 && nth == 0)));
    }
    paths
}

fn listed(paths: &[PathBuf]) -> Option<String> {
    let paths: Vec<String> = paths.iter().map(|path| shown(path)).collect();
    if paths.is_empty() { None } else { Some(paths.join(", ")) }
}
