//! Standard output: text and JSON. A reader that goes away ends the command quietly.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::Failure;
use crate::output_file::Inputs;

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
    let mut read = Inputs::new();
    read.add_all(inputs);
    read.check(file)
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
