//! Keeping a run: the command, the host, the versions, every sample.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::host::Host;

/// What is kept of a run besides its report.
#[derive(Debug, Clone, Serialize)]
pub struct Recorded {
    /// The command that makes such a run again.
    pub command: String,
    /// Where it was made.
    pub host: Host,
    /// Versions of everything that was compared.
    pub versions: BTreeMap<String, String>,
}

/// Runs of one host on one day at the most.
const RUNS_PER_DAY_MAX: usize = 100;

/// Writes `command.txt`, `versions.json` and `raw.json`, which is `raw`, to
/// `parent/DATE-HOST/`, and returns that folder. A second run of a day and host goes to
/// `DATE-HOST-2`, and so on.
///
/// # Errors
/// When the folder cannot be made or written, or has 100 runs of the day.
pub fn record(parent: &Path, run: &Recorded, raw: &impl Serialize) -> io::Result<PathBuf> {
    let dir = new_folder(parent, &format!("{}-{}", today(), run.host.slug()))?;
    fs::write(dir.join("command.txt"), format!("{}\n", run.command))?;
    fs::write(dir.join("versions.json"), pretty(&run.versions)?)?;
    fs::write(dir.join("raw.json"), pretty(raw)?)?;
    Ok(dir)
}

fn new_folder(parent: &Path, name: &str) -> io::Result<PathBuf> {
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
pub fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_does_not_overwrite_the_first() {
        let parent = tempfile::tempdir().unwrap();
        let mut run = Recorded {
            command: "versus read".to_owned(),
            host: Host::detect(),
            versions: [("cutwater".to_owned(), "0.1.0".to_owned())].into(),
        };
        let first = record(parent.path(), &run, &"raw").unwrap();
        run.command.push_str(" --quick");
        let second = record(parent.path(), &run, &"raw").unwrap();
        assert_ne!(first, second);
        assert_eq!(fs::read_to_string(first.join("command.txt")).unwrap(), "versus read\n");
        assert_eq!(fs::read_to_string(second.join("raw.json")).unwrap(), "\"raw\"\n");
        assert!(first.ends_with(format!("{}-{}", today(), run.host.slug())));
    }
}
