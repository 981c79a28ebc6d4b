//! Keeping a run as data: the command, the versions, every sample.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::report::Report;
use super::run::Series;

/// The samples of one cell.
#[derive(Debug, Serialize)]
pub(crate) struct RawCell {
    /// Its name.
    pub cell: String,
    /// Of the samples.
    pub unit: &'static str,
    /// How many operations each sample was taken over.
    pub operations: u64,
    /// By contender, in the order they were taken.
    pub samples: Vec<RawSeries>,
}

/// The samples of one contender.
#[derive(Debug, Serialize)]
pub(crate) struct RawSeries {
    name: String,
    values: Vec<f64>,
    hash_ok: bool,
    failed: Option<String>,
}

impl From<&Series> for RawSeries {
    fn from(s: &Series) -> Self {
        let (name, values) = (s.name.clone(), s.values.clone());
        Self { name, values, hash_ok: s.hash_ok, failed: s.failed.clone() }
    }
}

/// Everything of a run that cannot be had again.
#[derive(Debug, Serialize)]
struct Raw<'a> {
    report: &'a Report,
    cells: &'a [RawCell],
}

/// Writes `command.txt`, `versions.json` and `raw.json` to `parent/DATE-HOST/`, which it
/// returns. A second run of a day and host goes to `DATE-HOST-2`, and so on.
pub(crate) fn write(
    parent: &Path,
    command: &str,
    report: &Report,
    cells: &[RawCell],
) -> io::Result<PathBuf> {
    let dir = fresh(parent, &format!("{}-{}", today(), report.host.slug()))?;
    fs::write(dir.join("command.txt"), format!("{command}\n"))?;
    fs::write(dir.join("versions.json"), pretty(&report.versions)?)?;
    fs::write(dir.join("raw.json"), pretty(&Raw { report, cells })?)?;
    Ok(dir)
}

/// Recorded runs of one host on one day.
const RUNS_PER_DAY_MAX: usize = 100;

fn fresh(parent: &Path, name: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(parent)?;
    for n in 1..=RUNS_PER_DAY_MAX {
        let dir = parent.join(if n == 1 { name.to_owned() } else { format!("{name}-{n}") });
        match fs::create_dir(&dir) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            done => return done.map(|()| dir),
        }
    }
    Err(io::Error::other(format!("{RUNS_PER_DAY_MAX} runs of today are there already")))
}

fn pretty(value: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// Today in UTC, `2026-11-20`.
fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    date(since.as_secs() / 86_400)
}

/// The Gregorian date of a day since 1970-01-01, by counting in eras of 400 years that begin
/// in March, where the leap day comes last.
fn date(days: u64) -> String {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leaps = day_of_era / 1460 + day_of_era / 146_096;
    let year_of_era = (day_of_era + day_of_era / 36_524 - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::super::host::Host;
    use super::*;

    #[test]
    fn dates_are_gregorian() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(11_017), "2000-03-01");
        assert_eq!(date(20_777), "2026-11-20");
    }

    #[test]
    fn a_second_run_does_not_overwrite_the_first() {
        let parent = tempfile::tempdir().unwrap();
        let report = Report {
            suite: "read",
            host: Host::of_this_machine(),
            versions: [("cutwater".to_owned(), "0.1.0".to_owned())].into(),
            rows: Vec::new(),
            missing: Vec::new(),
        };
        let samples = vec![RawSeries::from(&Series::new("std"))];
        let cells = [RawCell { cell: "c".to_owned(), unit: "x/s", operations: 3, samples }];
        let first = write(parent.path(), "versus read", &report, &cells).unwrap();
        let second = write(parent.path(), "versus read --quick", &report, &cells).unwrap();
        assert_ne!(first, second);
        assert_eq!(fs::read_to_string(first.join("command.txt")).unwrap(), "versus read\n");
        let raw = fs::read_to_string(second.join("raw.json")).unwrap();
        let raw: serde_json::Value = serde_json::from_str(&raw).unwrap();
        assert_eq!(raw["cells"][0]["operations"], 3);
        assert_eq!(raw["report"]["suite"], "read");
    }
}
