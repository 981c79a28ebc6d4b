//! Standard output: text and JSON, where a reader that goes away ends us quietly.

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Writes `text` to standard output.
///
/// Rust starts with SIGPIPE ignored, so a closed pipe is an error here and not a signal;
/// [`Failure::output`] turns it into a quiet end.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::output)
}

/// Writes `value` as indented JSON and a line end: what `--json` prints.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut line =
        serde_json::to_string_pretty(value).map_err(|e| Failure::output(io::Error::other(e)))?;
    line.push('\n');
    text(&line)
}
