//! A CronJob of Kubernetes. One volume holds list, store and reports; the secret is mounted where
//! the program looks for a credential. An image is the user's own: none is published.

use std::path::PathBuf;

use super::around::{OF_SECRETS, PASSWORDS};
use super::file::ScheduleFile;
use super::job::{Job, SignIn};
use super::quote::{kubernetes_word, shell_word, yaml};
use super::when::Start;
use crate::cli::settings::paths::file_of_store;

/// Where the volume is mounted: the program's place for its store.
const STATE: &str = "/var/lib/fleetsweep";

/// Where the secret is mounted.
const CREDENTIALS: &str = "/run/credentials/fleetsweep";

/// Where the settings file is mounted.
const SETTINGS: &str = "/etc/fleetsweep";

/// One CronJob for each start.
pub(super) fn files(job: &Job) -> Vec<ScheduleFile> {
    let many = job.starts.len() > 1;
    let jobs = job.starts.iter().enumerate().map(|(at, start)| {
        let name = if many { format!("{}-{}", job.name, at + 1) } else { job.name.clone() };
        cron_job(job, start, &name)
    });
    let text = format!("{}{}", how_to(job), jobs.collect::<Vec<_>>().join("---\n"));
    vec![ScheduleFile { name: format!("{}.yaml", job.name), text }]
}

/// What a user of Kubernetes should know about this job.
pub(super) fn warnings(job: &Job) -> Vec<String> {
    let mut warnings = vec![
        "the container starts in /var/lib/fleetsweep, which is the volume: relative paths are from \
         there, and absolute ones must be in the image or on the volume"
            .to_owned(),
    ];
    let elsewhere: Vec<String> =
        job.reads.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    if !elsewhere.is_empty() {
        warnings.push(format!(
            "these files must be in the image, or be mounted where they are named: {}",
            elsewhere.join(", ")
        ));
    }
    for path in written(job).filter(|path| path.is_absolute() && !path.starts_with(STATE)) {
        warnings.push(format!(
            "{} cannot be written in the container, where only the volume at {STATE} can: name a \
             file there",
            path.display()
        ));
    }
    warnings
}

/// Files that the command writes, as they are named.
fn written(job: &Job) -> impl Iterator<Item = PathBuf> {
    let store = job.store.iter().filter_map(|store| file_of_store(&store.url).ok());
    let values = job.words.iter().filter_map(|word| word.value());
    let outputs = values.filter(|value| matches!(value.id.as_str(), "reports" | "metrics"));
    store.chain(outputs.map(|value| PathBuf::from(&value.text)))
}

fn how_to(job: &Job) -> String {
    let mut lines = vec![
        "# Needs an image with fleetsweep in its PATH, and a PersistentVolumeClaim `fleetsweep` of"
            .to_owned(),
        format!(
            "# one node (ReadWriteOnce, no NFS) for list, store and reports, mounted at {STATE}."
        ),
    ];
    if let Some(path) = settings_file(job) {
        let path = shell_word(&path);
        lines.push(format!("# kubectl create configmap fleetsweep --from-file=config.toml={path}"));
    }
    let mut secrets = Vec::new();
    if let Some(name) = job.credential() {
        let file = match (&job.sign_in, &job.of_profile) {
            (SignIn::Secret(Some(path)) | SignIn::Certificate(path), Some(_)) => {
                shell_word(&path.to_string_lossy())
            }
            _ => "FILE".to_owned(),
        };
        secrets.push(format!("--from-file={name}={file}"));
    }
    let passwords = job.passwords.iter().map(|path| shell_word(&path.to_string_lossy()));
    secrets.extend(passwords.map(|path| format!("--from-file=pgpass={path}")));
    if !secrets.is_empty() {
        lines.push(format!("# kubectl create secret generic fleetsweep {}", secrets.join(" ")));
    }
    if job.sign_in == SignIn::Workload {
        lines.push(
            "# serviceAccountName must name an account that is federated with the application."
                .to_owned(),
        );
    }
    let file = format!("{}.yaml", job.name);
    lines.push(format!(
        "# kubectl apply -f {file}; try it: kubectl create job try --from=cronjob/{}",
        job.name
    ));
    let five = if job.timed.series { "paused, or the API is gone" } else { "time was over" };
    lines.push(format!("# Exit codes 3 (the report names devices) and 5 ({five}) end as a failed"));
    lines.push("# job; it is not started again before its next time.".to_owned());
    lines.join("\n") + "\n"
}

fn cron_job(job: &Job, start: &Start, name: &str) -> String {
    let zone = job.zone.clone().or_else(system_zone).unwrap_or_else(|| "Etc/UTC".to_owned());
    let schedule = yaml(&start.cron());
    let args: String = arguments(job).iter().map(|word| item(word)).collect();
    let (labels, account) = identity(job);
    let (env, mounts, volumes) = (env(job), mounts(job), volumes(job));
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "\
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {name}
spec:
  schedule: {schedule}
  timeZone: {zone}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 600
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
{labels}        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 120
          automountServiceAccountToken: false
{account}          securityContext:
            runAsNonRoot: true
            runAsUser: 65532
            runAsGroup: 65532
            fsGroup: 65532
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: fleetsweep
              image: fleetsweep:{version}
              workingDir: {STATE}
              command: [\"fleetsweep\"]
              args:
{args}{env}              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: [\"ALL\"]
{mounts}{volumes}",
        zone = yaml(&zone),
    )
}

fn system_zone() -> Option<String> {
    jiff::tz::TimeZone::system().iana_name().map(str::to_owned)
}

fn item(word: &str) -> String {
    format!("                - {}\n", kubernetes_word(word))
}

/// The words without the paths of secrets, which are mounted where the program looks.
fn arguments(job: &Job) -> Vec<String> {
    job.words_with(|value| match (value.id.as_str(), &job.sign_in) {
        ("client_secret_file", SignIn::Secret(_)) => None,
        ("client_certificate", SignIn::Certificate(_)) => None,
        ("config", _) => Some(format!("{SETTINGS}/config.toml")),
        _ => Some(value.text.clone()),
    })
}

fn identity(job: &Job) -> (&'static str, &'static str) {
    match job.sign_in {
        SignIn::Workload => (
            "        metadata:\n          labels:\n            \
             azure.workload.identity/use: \"true\"\n",
            "          serviceAccountName: fleetsweep\n",
        ),
        _ => ("", ""),
    }
}

fn has_secret(job: &Job) -> bool {
    job.credential().is_some() || job.passwords.is_some()
}

/// The settings file that the command reads, if it reads one.
fn settings_file(job: &Job) -> Option<String> {
    let mut values = job.words.iter().filter_map(|word| word.value());
    let typed = values.find(|value| value.id == "config").map(|value| value.text.clone());
    let variable = || job.variables.iter().find(|(name, _)| name == "FLEETSWEEP_CONFIG");
    typed.or_else(|| variable().map(|(_, path)| path.clone()))
}

fn env(job: &Job) -> String {
    // A container has no home; the store's folder is found without one.
    let mut all = vec![("STATE_DIRECTORY".to_owned(), STATE.to_owned())];
    if has_secret(job) {
        all.push(("CREDENTIALS_DIRECTORY".to_owned(), CREDENTIALS.to_owned()));
    }
    if let (SignIn::Certificate(_), None) = (&job.sign_in, &job.of_profile) {
        let path = format!("{CREDENTIALS}/client-certificate");
        all.push(("AZURE_CLIENT_CERTIFICATE_PATH".to_owned(), path));
    }
    if job.passwords.is_some() {
        all.push((PASSWORDS.to_owned(), format!("{CREDENTIALS}/pgpass")));
    }
    for (name, text) in &job.variables {
        match name.as_str() {
            name if OF_SECRETS.contains(&name) => {}
            "FLEETSWEEP_CONFIG" => all.push((name.clone(), format!("{SETTINGS}/config.toml"))),
            _ => all.push((name.clone(), text.clone())),
        }
    }
    let lines = all.iter().map(|(name, text)| {
        let value = kubernetes_word(text);
        format!("                - name: {name}\n                  value: {value}\n")
    });
    format!("              env:\n{}", lines.collect::<String>())
}

fn mounts(job: &Job) -> String {
    let mut text = format!(
        "              volumeMounts:
                - name: state
                  mountPath: {STATE}
                - name: temporary
                  mountPath: /tmp
"
    );
    if has_secret(job) {
        text += &format!(
            "                - name: credentials
                  mountPath: {CREDENTIALS}
                  readOnly: true
"
        );
    }
    if settings_file(job).is_some() {
        text += &format!(
            "                - name: settings
                  mountPath: {SETTINGS}
                  readOnly: true
"
        );
    }
    text
}

fn volumes(job: &Job) -> String {
    let mut text = "          volumes:
            - name: state
              persistentVolumeClaim:
                claimName: fleetsweep
            - name: temporary
              emptyDir: {}
"
    .to_owned();
    if has_secret(job) {
        text += "            - name: credentials
              secret:
                secretName: fleetsweep
                defaultMode: 0400
";
    }
    if settings_file(job).is_some() {
        text += "            - name: settings
              configMap:
                name: fleetsweep
";
    }
    text
}
