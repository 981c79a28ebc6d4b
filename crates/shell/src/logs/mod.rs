//! The options about logs, and how logs are opened.

mod names;
mod rotated;

use std::path::{Path, PathBuf};
use std::thread;

use cutwater::ReadPath;
use cutwater_logs::format::{Data, DataFormat, Definition, field_names};
use cutwater_logs::scan::{Log, open};
use cutwater_logs::time::{SECOND, parse_when};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::output_file::Inputs;
use crate::words::{nearest, shown};
use crate::{Failure, formats};

pub use names::{expand, files_below};
pub use rotated::in_order_of_time;

/// The most threads that may be asked for.
const THREADS_MAX: usize = 1024;

/// The options about logs that both programs have.
#[derive(Debug, Clone, clap::Args)]
pub struct LogOptions {
    /// The format, when it should not be detected: a name (`cutwater formats` lists them), or a file of
    /// formats (FILE.toml, or FILE.json of lnav)
    #[arg(long, value_name = "NAME")]
    pub format: Option<String>,

    /// A grok pattern whose names are the fields, like %{COMBINEDAPACHELOG}
    #[arg(long, value_name = "PATTERN", conflicts_with = "format")]
    pub grok: Option<String>,

    /// The field that holds the time, when it should not be detected
    #[arg(long, value_name = "FIELD")]
    pub time_field: Option<String>,

    /// The zone of times without one: UTC, local, or a name like Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub tz: String,

    /// Dates without a year are in the latest year in which they are not after this time; a file's are
    /// otherwise not after the time at which it was last written
    #[arg(long, value_name = "TIME")]
    pub now: Option<String>,

    /// The read path: read, preadv, mmap, uring, uring-direct, auto
    #[arg(long, value_name = "PATH", default_value = "auto")]
    pub path: ReadPath,

    /// Threads; all cores unless given
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

impl LogOptions {
    /// How these options open logs.
    ///
    /// # Errors
    /// When there is no such format or zone, or `--now` is not a time.
    pub fn opener(&self) -> Result<Opener, Failure> {
        let mut opener = Opener {
            time_field: self.time_field.clone(),
            path: self.path,
            ..Opener::default().with_zone(&self.tz)?
        };
        if let Some(now) = &self.now {
            let nanos = parse_when(now, &opener.zone, Timestamp::now())?;
            opener.reference_s = Some(nanos.div_euclid(SECOND));
        }
        formats::install();
        match (&self.format, &self.grok) {
            (Some(name), _) => opener.with_format(name),
            (None, Some(pattern)) => {
                let definition = Some(DataFormat::from_grok(pattern)?.into());
                Ok(Opener { definition, ..opener })
            }
            (None, None) => Ok(opener),
        }
    }

    /// The files that these options read, besides logs, and standard input.
    #[must_use]
    pub fn inputs(&self) -> Inputs {
        let mut inputs = Inputs::new();
        inputs.add_all(formats::files(self.format.as_deref()));
        inputs
    }

    /// How many threads to use, at least 1.
    #[must_use]
    pub fn threads(&self) -> usize {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or(cores).clamp(1, THREADS_MAX)
    }
}

/// Prepares this process to read many logs, through maps too.
pub fn prepare_process() {
    // All logs are open while they are read.
    cutwater_sys::probe::limits::raise_files();
    // Maps are read through the handler; without it, files are read by pread.
    let _ = cutwater::sigbus::install();
}

/// How logs are opened.
#[derive(Debug, Clone)]
pub struct Opener {
    /// Their format, unless it is to be detected.
    pub definition: Option<Definition>,
    /// The field that holds their time, unless it is to be detected.
    pub time_field: Option<String>,
    /// The zone of times without one.
    pub zone: TimeZone,
    /// The second since 1970 that dates without a year are not after, unless it is the one at which
    /// the file was last written.
    pub reference_s: Option<i64>,
    /// The read path.
    pub path: ReadPath,
}

impl Default for Opener {
    fn default() -> Self {
        Self {
            definition: None,
            time_field: None,
            zone: TimeZone::UTC,
            reference_s: None,
            path: ReadPath::Auto,
        }
    }
}

impl Opener {
    /// With the format of this name, or of the file of formats of this name.
    ///
    /// # Errors
    /// When there is no such format.
    pub fn with_format(mut self, name: &str) -> Result<Self, Failure> {
        let of_file = formats::named(name)?.map(|format| Definition::Data(Data::new(format, b"")));
        self.definition = Some(match of_file {
            Some(definition) => definition,
            None => Definition::named(name)?,
        });
        Ok(self)
    }

    /// With times that name no zone in this one: a name like `Europe/Berlin`, `UTC`, or `local`.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn with_zone(self, name: &str) -> Result<Self, Failure> {
        Ok(Self { zone: zone(name)?, ..self })
    }

    /// Opens all of `paths`. The files of a rotated log come in the order of time.
    ///
    /// # Errors
    /// When one cannot be opened, and the message names it; or when no line of any has the time
    /// field.
    pub fn open(&self, paths: &[PathBuf]) -> Result<Vec<Log>, Failure> {
        let logs = paths.iter().map(|path| self.open_one(path)).collect::<Result<Vec<_>, _>>()?;
        if let Some(field) = &self.time_field {
            check_field(&logs, field)?;
        }
        Ok(in_order_of_time(logs))
    }

    /// Opens one log, whether or not it has the time field.
    ///
    /// # Errors
    /// When it cannot be opened; the message names it.
    pub fn open_one(&self, path: &Path) -> Result<Log, Failure> {
        if path.is_dir() {
            let name = shown(path);
            return Err(Failure::new(format!(
                "{name} is a directory; name the logs in it, as in '{name}/*.log'"
            )));
        }
        let mut log = open(path, self.path, self.definition.as_ref(), &self.zone)?;
        if let Some(reference_s) = self.reference_s {
            log.rules.reference_s = reference_s;
        }
        if self.time_field.is_some() {
            log.time.clone_from(&self.time_field);
        }
        Ok(log)
    }
}

/// The zone of this name: one like `Europe/Berlin`, `UTC`, or `local`.
///
/// # Errors
/// When there is no such zone.
pub fn zone(name: &str) -> Result<TimeZone, Failure> {
    match name {
        "UTC" | "utc" => Ok(TimeZone::UTC),
        "local" => Ok(TimeZone::system()),
        name => TimeZone::get(name).map_err(|e| {
            let what = format!("no time zone is called {name:?}; try Europe/Berlin");
            Failure::usage(what).because(e)
        }),
    }
}

/// Checks that some sampled line has `field`, if any line was sampled.
fn check_field(logs: &[Log], field: &str) -> Result<(), Failure> {
    let mut names: Vec<String> = Vec::new();
    for log in logs.iter().filter(|log| !log.sample.is_empty()) {
        let sampled = field_names(&log.definition, &log.sample);
        if sampled.iter().any(|name| name == field) {
            return Ok(());
        }
        names.extend(sampled);
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "no line that was looked at has the time field {field:?}{} {}",
        nearest(field, names.iter().map(String::as_str)).map_or_else(
            || "; the fields are".into(),
            |near| format!("; did you mean {near:?}? The fields are")
        ),
        names.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_and_a_zone_that_does_not_exist_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let refused = Opener::default().open(&[dir.path().to_owned()]).unwrap_err();
        assert!(refused.to_string().contains("/*.log'") && !refused.is_usage(), "{refused}");
        let refused = Opener::default().with_zone("Nowhere").unwrap_err();
        assert!(refused.is_usage() && refused.to_string().contains("\"Nowhere\""), "{refused}");
    }
}
