//! Standard error: notes besides the output.

use std::io::{self, Write};

use crate::words::escaped;

/// Prints `text` as a line on standard error, after the name of the program.
///
/// Control characters of the input that it quotes are escaped.
pub fn note(text: &str) {
    print_error(&format!("cutwater: {text}\n"));
}

/// Prints `text` on standard error, escaped, without adding a name or a line end.
///
/// If standard error is closed, the text is lost: there is no other place to print it.
pub fn print_error(text: &str) {
    let _ = io::stderr().lock().write_all(escaped(text).as_bytes());
}
