//! Standard output: text and JSON. A reader that goes away ends the command quietly.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::Serialize;

use crate::Failure;
use crate::words::shown;

/// Writes `text` to standard output.
///
/// # Errors
/// When it cannot be written. Rust starts with SIGPIPE ignored, so a closed pipe is an error here
/// and not a signal; [`Failure::output`] turns it into a quiet end.
pub fn text(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::output)
}

/// Checks that `file`, which is to be written, is not one of `inputs`.
///
/// # Errors
/// When it is one of them, also under another name.
pub fn refuse_to_overwrite(file: &Path, inputs: &[&Path]) -> Result<(), Failure> {
    let identity =
        |path: &Path| fs::metadata(path).ok().filter(|m| m.is_file()).map(|m| (m.dev(), m.ino()));
    let own = identity(file);
    match inputs.iter().find(|path| own.is_some() && identity(path) == own) {
        Some(path) => Err(Failure::usage(format!(
            "{} would be written over {}, which is read; name another file",
            shown(file),
            shown(path)
        ))),
        None => Ok(()),
    }
}

/// Writes `value` as indented JSON and a line end: what `--json` prints.
///
/// # Errors
/// As [`text`].
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut line =
        serde_json::to_string_pretty(value).map_err(|e| Failure::output(io::Error::other(e)))?;
    line.push('\n');
    text(&line)
}
