//! Formats of the user: files in a folder of their own, and those that an option names.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use cutwater_logs::format::{DataFormat, Unsupported, from_lnav, install_formats};

use crate::words::shown;
use crate::{Failure, note};

/// The most files that are read, and the largest one, bytes.
const FILES_MAX: usize = 500;
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The formats of a file, and those of them that cannot be read.
#[derive(Debug)]
pub struct FormatFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its formats: one, or as many as a file of lnav has.
    pub formats: Vec<Arc<DataFormat>>,
    /// Formats of a file of lnav that are not supported.
    pub unsupported: Vec<Unsupported>,
}

/// Reads a file of formats: TOML, or JSON as lnav has it.
///
/// # Errors
/// When it cannot be read, or is no file of formats; the message names it.
pub fn read(path: &Path) -> Result<FormatFile, Failure> {
    let name = shown(path);
    let size =
        fs::metadata(path).map_err(|e| Failure::usage(format!("cannot read {name}")).because(e))?;
    if size.len() > FILE_BYTES_MAX {
        return Err(Failure::usage(format!("{name} is too large for a file of formats")));
    }
    let text = fs::read_to_string(path)
        .map_err(|e| Failure::usage(format!("cannot read {name}")).because(e))?;
    let wrong = |e| Failure::usage(format!("{name} is no file of formats")).because(e);
    let is_json = path.extension().is_some_and(|ext| ext == "json");
    let (formats, unsupported) = if is_json {
        from_lnav(&text).map_err(wrong)?
    } else {
        (vec![DataFormat::from_toml(&text).map_err(wrong)?], Vec::new())
    };
    let formats = formats.into_iter().map(Arc::new).collect();
    Ok(FormatFile { path: path.to_owned(), formats, unsupported })
}

/// The folder of a user's formats: `$XDG_CONFIG_HOME/cutwater/formats`, or the same under `~/.config`.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config =
        absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    config.map(|config| config.join("cutwater").join("formats"))
}

/// The files that a command reads formats from: the user's, and the one that `--format` names, if any.
/// They are inputs like the logs.
#[must_use]
pub fn files(named: Option<&str>) -> Vec<PathBuf> {
    let named = named.and_then(file_of).map(|(path, _)| PathBuf::from(path));
    files_in_folder().chain(named).collect()
}

fn files_in_folder() -> impl Iterator<Item = PathBuf> {
    let entries = folder().and_then(|folder| fs::read_dir(folder).ok());
    let paths = entries.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.extension().is_some_and(|e| e == "toml" || e == "json"))
}

/// The files of the user, in the order of their names; a file that cannot be read is noted.
pub fn of_user() -> Vec<FormatFile> {
    let mut paths: Vec<_> = files_in_folder().collect();
    paths.sort();
    if paths.len() > FILES_MAX {
        let left_out = paths.len() - FILES_MAX;
        note(&format!("{left_out} files of formats are left out: at most {FILES_MAX} are read"));
        paths.truncate(FILES_MAX);
    }
    let read_noted = |path: &PathBuf| {
        read(path).map_err(|failure| note(&format!("{failure}; it is left out"))).ok()
    };
    paths.iter().filter_map(read_noted).collect()
}

/// Makes the formats of the user known to this process, once.
pub fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let formats = of_user().into_iter().flat_map(|file| file.formats).collect();
        if let Err(error) = install_formats(formats) {
            note(&format!("the formats of the user are left out: {error}"));
        }
    });
}

/// The format that an option names as a file: `FILE.toml`, `FILE.json`, or `FILE.json:NAME`.
///
/// # Errors
/// When it is no file of formats, or the file has several and none is named.
pub(crate) fn named(text: &str) -> Result<Option<Arc<DataFormat>>, Failure> {
    let Some((path, name)) = file_of(text) else { return Ok(None) };
    let file = read(Path::new(path))?;
    let mut fitting = file.formats.iter().filter(|f| name.is_none_or(|name| f.name() == name));
    match (fitting.next(), fitting.next()) {
        (Some(format), None) => Ok(Some(Arc::clone(format))),
        _ => Err(which(path, &file)),
    }
}

/// The file that an option names as a format, and the format in it.
fn file_of(text: &str) -> Option<(&str, Option<&str>)> {
    let is_file = |text: &str| text.ends_with(".toml") || text.ends_with(".json");
    match text.rsplit_once(':') {
        Some((path, name)) if is_file(path) => Some((path, Some(name))),
        _ => is_file(text).then_some((text, None)),
    }
}

fn which(path: &str, file: &FormatFile) -> Failure {
    let names: Vec<_> = file.formats.iter().map(|format| format.name()).collect();
    if let (true, Some(first)) = (names.is_empty(), file.unsupported.first()) {
        return Failure::usage(format!("{path}: format {:?}: {}", first.name, first.words));
    }
    let names = names.join(", ");
    Failure::usage(format!("{path} has the formats {names}; name one, as in --format {path}:NAME"))
}
