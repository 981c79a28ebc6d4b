//! What a program printed.

use std::process::Output;

/// Printed bytes as text.
///
/// # Panics
/// When they are not UTF-8.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("what a program prints is UTF-8")
}

/// The exit code of a program, and what it printed to standard output and standard error.
///
/// # Panics
/// As [`text`].
#[must_use]
pub fn ended(out: &Output) -> (Option<i32>, String, String) {
    (out.status.code(), text(&out.stdout), text(&out.stderr))
}
