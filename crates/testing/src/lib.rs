//! What the tests of the other crates share: [`skip!`] for what a test cannot check on this host, numbers
//! from a seed ([`Dice`]), child processes ([`child`]), a file that changes while it is read
//! ([`storm`]), addresses ([`sockets`]), a disk that lies (`disk`, by feature), and small helpers.
//!
//! Two environment variables change [`skip!`]:
//! - `CUTWATER_SKIPS` names a file to which each skip appends a line, because the output of a test that
//!   passes is not shown. `.ci/run` prints the file at its end.
//! - `CUTWATER_STRICT=1` makes each skip a failure, for hosts that should have everything.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "tests print what they skip, and their seeds")]

pub mod child;
mod dice;
#[cfg(feature = "disk")]
pub mod disk;
pub mod sockets;
pub mod storm;

mod http;
mod output;
mod schema;
mod wait;

use std::env;
use std::ffi::OsStr;
use std::fmt::Arguments;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::panic::Location;
use std::path::Path;

pub use dice::Dice;
pub use http::{http_get, url_escaped};
pub use output::{ended, text};
pub use schema::check_schema;
pub use wait::{wait_until, wait_until_ok};

/// Prints what a test skips on this host and why; takes the arguments of `println!`.
///
/// # Panics
/// With `CUTWATER_STRICT=1`.
#[macro_export]
macro_rules! skip {
    ($($words:tt)+) => { $crate::skipped(::core::format_args!($($words)+)) };
}

/// The function behind [`skip!`].
///
/// # Panics
/// With `CUTWATER_STRICT=1`.
#[track_caller]
pub fn skipped(words: Arguments<'_>) {
    let line = format!("skipped: {words} ({})", Location::caller());
    println!("{line}");
    if let Some(file) = env::var_os("CUTWATER_SKIPS")
        && let Err(e) = append(Path::new(&file), &line)
    {
        println!("cannot append to {}: {e}", file.display());
    }
    assert!(!is_strict(env::var_os("CUTWATER_STRICT").as_deref()), "CUTWATER_STRICT: {line}");
}

fn is_strict(value: Option<&OsStr>) -> bool {
    value.is_some_and(|value| !value.is_empty() && value != "0")
}

/// One write, so that lines of tests that run at the same time do not mix.
fn append(file: &Path, line: &str) -> io::Result<()> {
    let words = line.lines().collect::<Vec<_>>().join(" ") + "\n";
    OpenOptions::new().create(true).append(true).open(file)?.write_all(words.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Output};

    use super::*;

    /// Runs the test below in a process with these variables.
    fn child(variables: &[(&str, &OsStr)]) -> io::Result<Output> {
        let mut test = Command::new(env::current_exe()?);
        test.args(["--exact", "tests::a_test_that_skips", "--test-threads=1"]);
        test.env_remove("CUTWATER_STRICT").env_remove("CUTWATER_SKIPS");
        test.env("CUTWATER_TESTING_SKIPS_NOW", "1").envs(variables.iter().copied()).output()
    }

    #[test]
    fn a_test_that_skips() {
        if env::var_os("CUTWATER_TESTING_SKIPS_NOW").is_some() {
            crate::skip!("no {}\nhere", "moon");
        }
    }

    #[test]
    fn a_skip_passes_and_is_a_line_of_the_file() -> io::Result<()> {
        let file = env::temp_dir().join(format!("cutwater-skips-{}", std::process::id()));
        let variables = [("CUTWATER_SKIPS", file.as_os_str())];
        let both = [child(&variables)?, child(&variables)?];
        let text = std::fs::read_to_string(&file)?;
        std::fs::remove_file(&file)?;
        assert!(both.iter().all(|out| out.status.success()), "{both:?}");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        for line in lines {
            assert!(
                line.starts_with("skipped: no moon here (crates/testing/src/lib.rs:"),
                "{line}"
            );
        }
        Ok(())
    }

    #[test]
    fn a_skip_fails_where_everything_is_to_be_checked() -> io::Result<()> {
        for (value, passes) in [("1", false), ("0", true), ("", true)] {
            let out = child(&[("CUTWATER_STRICT", OsStr::new(value))])?;
            assert_eq!(out.status.success(), passes, "{value:?}: {out:?}");
        }
        Ok(())
    }
}
