//! From paths to tables.

use std::path::{Path, PathBuf};

use cutwater::ReadPath;
use cutwater_logs::format::{Definition, Format, field_names};
use cutwater_logs::scan::{Log, open};
use jiff::tz::TimeZone;

use crate::Failure;

/// How logs are opened.
#[derive(Debug, Clone)]
pub struct HowToOpen {
    /// Their format, where it is not to be detected.
    pub definition: Option<Definition>,
    /// The field that holds their time, where it is not to be detected.
    pub time_field: Option<String>,
    /// The zone of times without one.
    pub zone: TimeZone,
    /// The read path.
    pub path: ReadPath,
}

impl Default for HowToOpen {
    fn default() -> Self {
        Self { definition: None, time_field: None, zone: TimeZone::UTC, path: ReadPath::Auto }
    }
}

/// What a file is, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Log,
    Parquet,
    Csv { delimiter: u8 },
    Arrow,
}

impl Kind {
    pub(crate) fn of(path: &Path) -> Self {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        match extension.to_ascii_lowercase().as_str() {
            "parquet" => Self::Parquet,
            "csv" => Self::Csv { delimiter: b',' },
            "tsv" => Self::Csv { delimiter: b'\t' },
            "arrow" | "feather" | "ipc" => Self::Arrow,
            _ => Self::Log,
        }
    }
}

impl HowToOpen {
    /// With the format of this name.
    ///
    /// # Errors
    /// When there is no such format.
    pub fn with_format(mut self, name: &str) -> Result<Self, Failure> {
        self.definition = Some(Definition::Known(name.parse::<Format>()?));
        Ok(self)
    }

    /// With times that name no zone in this one: a name like `Europe/Berlin`, `UTC`, or `local`.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn with_zone(mut self, name: &str) -> Result<Self, Failure> {
        self.zone = match name {
            "UTC" | "utc" => TimeZone::UTC,
            "local" => TimeZone::system(),
            name => TimeZone::get(name).map_err(|e| {
                Failure::usage(format!("no time zone is called {name:?}; try Europe/Berlin: {e}"))
            })?,
        };
        Ok(self)
    }

    /// Opens logs.
    ///
    /// # Errors
    /// When one cannot be opened; the words name it.
    pub fn open(&self, paths: &[PathBuf]) -> Result<Vec<Log>, Failure> {
        let logs = paths.iter().map(|path| self.open_one(path)).collect::<Result<Vec<_>, _>>()?;
        match &self.time_field {
            Some(field) => has_field(&logs, field).map(|()| logs),
            None => Ok(logs),
        }
    }

    fn open_one(&self, path: &Path) -> Result<Log, Failure> {
        if path.is_dir() {
            let name = path.display();
            return Err(Failure::new(format!(
                "{name} is a directory; name the logs in it, as in '{name}/*.log'"
            )));
        }
        let mut log = open(path, self.path, self.definition.as_ref(), &self.zone)?;
        if self.time_field.is_some() {
            log.time.clone_from(&self.time_field);
        }
        Ok(log)
    }
}

/// That some line looked at has a field, where lines were looked at.
fn has_field(logs: &[Log], field: &str) -> Result<(), Failure> {
    let mut names: Vec<String> = Vec::new();
    for log in logs.iter().filter(|log| !log.sample.is_empty()) {
        let of_log = field_names(&log.definition, &log.sample);
        if of_log.iter().any(|name| name == field) {
            return Ok(());
        }
        names.extend(of_log);
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "no line that was looked at has the time field {field:?}; the fields are {}",
        names.join(", ")
    )))
}

/// The files that a name means: one that is no file but looks like a glob is one.
///
/// # Errors
/// When it is no glob, or no file matches it.
pub fn expand(name: &str) -> Result<Vec<PathBuf>, Failure> {
    let is_glob = name.contains(['*', '?', '[']) && !Path::new(name).exists();
    if !is_glob {
        return Ok(vec![PathBuf::from(name)]);
    }
    let matches =
        glob::glob(name).map_err(|e| Failure::usage(format!("{name:?} is no glob: {e}")))?;
    let paths: Vec<_> = matches.filter_map(Result::ok).filter(|p| p.is_file()).collect();
    if paths.is_empty() {
        return Err(Failure::new(format!("no file matches {name:?}")));
    }
    Ok(paths)
}
