//! Metrics as Prometheus reads them (text format 0.0.4, "Exposition formats" page), and their file
//! for the textfile collector of node_exporter. Which figures there are is told by who reads a
//! store; there are no counters in a process, since runs are other processes.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use jiff::Timestamp;
use prometheus::{GaugeVec, IntCounterVec, Opts, Registry, TextEncoder};

use super::file::{Temporary, folder_of, refuse_kind};
use crate::system::files;

/// Figures of several kinds.
#[derive(Debug, Default)]
pub struct Metrics(Registry);

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    /// What tells it from others of its kind. Never a device, a message, a user or a comment: each
    /// value of a label is a series that is kept for years.
    pub labels: Vec<(&'static str, &'a str)>,
    /// Its value.
    pub value: f64,
}

impl<'a> Sample<'a> {
    /// A figure with these labels.
    pub fn new(labels: &[(&'static str, &'a str)], value: f64) -> Self {
        Self { labels: labels.to_vec(), value }
    }

    fn names(&self) -> Vec<&'static str> {
        self.labels.iter().map(|(name, _)| *name).collect()
    }

    fn values(&self) -> Vec<&'a str> {
        self.labels.iter().map(|(_, value)| *value).collect()
    }
}

/// A moment as metrics have it.
pub fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}

/// Why nothing is refused here: what is not a name or a number is a mistake of this program.
const NAMES: &str = "the names of metrics and labels are good ones, and each kind is added once";

impl Metrics {
    /// Adds figures of one kind, which go up and down; of several with the same labels the first
    /// counts. They have the same names of labels.
    pub fn gauge(&self, name: &str, help: &str, samples: &[Sample<'_>]) {
        let Some(first) = samples.first() else { return };
        let opts = Opts::new(format!("fleetsweep_{name}"), help);
        let gauge = GaugeVec::new(opts, &first.names()).expect(NAMES);
        let mut met = BTreeSet::new();
        for sample in samples.iter().filter(|sample| met.insert(sample.values())) {
            gauge.with_label_values(&sample.values()).set(sample.value);
        }
        self.0.register(Box::new(gauge)).expect(NAMES);
    }

    /// Adds figures of one kind, which never fall; those with the same labels are added together.
    pub fn counter(&self, name: &str, help: &str, samples: &[Sample<'_>]) {
        let Some(first) = samples.first() else { return };
        let opts = Opts::new(format!("fleetsweep_{name}"), help);
        let counter = IntCounterVec::new(opts, &first.names()).expect(NAMES);
        for sample in samples {
            counter.with_label_values(&sample.values()).inc_by(sample.value as u64);
        }
        self.0.register(Box::new(counter)).expect(NAMES);
    }

    /// All of it as text, in the order of names.
    pub fn into_text(self) -> String {
        let text = TextEncoder::new().encode_to_string(&self.0.gather());
        text.expect("figures are text in any case")
    }
}

/// Whether metrics may be written to this file.
///
/// # Errors
/// Why not, as a part of a sentence.
pub fn check_writable(path: &Path) -> Result<(), String> {
    if path.extension().is_none_or(|ending| ending != "prom") {
        return Err("its name must end in .prom: the collector reads no other files".to_owned());
    }
    if !folder_of(path).is_dir() {
        return Err(format!("there is no folder {}", folder_of(path).display()));
    }
    refuse_kind(path).map_err(|error| error.to_string())?;
    Temporary::beside(path).map(drop).map_err(|error| error.to_string())
}

/// Writes metrics so that nobody ever sees half of them, and everybody may read them: the collector
/// runs as a user of its own, and takes no file of another ending meanwhile.
///
/// # Errors
/// Why not, as a part of a sentence.
pub fn write(path: &Path, text: &str) -> Result<(), String> {
    let (temporary, mut file) = Temporary::beside(path).map_err(|error| error.to_string())?;
    let mut written = || {
        file.write_all(text.as_bytes())?;
        files::let_all_read(&file)?;
        file.sync_all()
    };
    written().map_err(|error| error.to_string())?;
    refuse_kind(path).map_err(|error| error.to_string())?;
    temporary.rename_to(path).map_err(|error| error.to_string())?;
    // Where a folder cannot be flushed, the file itself is on the disk.
    files::flush_folder(&folder_of(path)).ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_below_their_help_and_hostile_labels_stay_labels() {
        let metrics = Metrics::default();
        metrics.gauge("none", "Nothing.", &[]);
        metrics.gauge("up", "Whether it is up.", &[Sample::new(&[], 1.0)]);
        let hostile = [("campaign", "a\"} 9\nx\\"), ("outcome", "accepted")];
        let rows = [Sample::new(&hostile, 12_000.0), Sample::new(&hostile, 7.0)];
        metrics.gauge("rows", "Rows.", &rows);
        metrics.counter("calls_total", "Calls.", &[Sample::new(&[("result", "x")], 3.0)]);
        assert_eq!(
            metrics.into_text(),
            "# HELP fleetsweep_calls_total Calls.\n# TYPE fleetsweep_calls_total counter\n\
             fleetsweep_calls_total{result=\"x\"} 3\n\
             # HELP fleetsweep_rows Rows.\n# TYPE fleetsweep_rows gauge\n\
             fleetsweep_rows{campaign=\"a\\\"} 9\\nx\\\\\",outcome=\"accepted\"} 12000\n\
             # HELP fleetsweep_up Whether it is up.\n# TYPE fleetsweep_up gauge\nfleetsweep_up 1\n"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_replaced_whole_readable_by_the_collector_and_has_its_ending() {
        use std::fs;
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.prom");
        assert_eq!(check_writable(&path), Ok(()));
        write(&path, "old\n").unwrap();
        write(&path, "new\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else stays");
        for wrong in [folder.path().join("f.txt"), folder.path().join("x/f.prom")] {
            assert!(check_writable(&wrong).is_err(), "{wrong:?}");
        }
        std::os::unix::fs::symlink(&path, folder.path().join("l.prom")).unwrap();
        assert!(check_writable(&folder.path().join("l.prom")).is_err(), "a link");
    }
}
