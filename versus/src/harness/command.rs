//! The command that makes a run again. It leaves out places, which mean nothing elsewhere.

use std::fmt::Display;

use crate::args::Common;

/// A command line under construction.
#[derive(Debug)]
pub(crate) struct CommandLine(String);

impl CommandLine {
    /// Starts with `versus` and a suite.
    pub(crate) fn new(suite: &str) -> Self {
        Self(format!("cargo run --release -p versus -- {suite}"))
    }

    /// Starts with a suite and what all suites take.
    pub(crate) fn for_suite(suite: &str, common: &Common) -> Self {
        Self::new(suite)
            .flag("--quick", common.quick)
            .value("--cells", common.cells.as_ref())
            .value("--runs", common.runs)
    }

    /// Adds a flag where it is set.
    pub(crate) fn flag(mut self, name: &str, set: bool) -> Self {
        if set {
            self.0.push_str(&format!(" {name}"));
        }
        self
    }

    /// Adds a flag with its value, if there is one; quoted where the shell would change it.
    pub(crate) fn value(mut self, name: &str, value: Option<impl Display>) -> Self {
        if let Some(value) = value {
            let value = value.to_string();
            let quote = if value.contains([' ', '*', '%']) { "'" } else { "" };
            self.0.push_str(&format!(" {name} {quote}{value}{quote}"));
        }
        self
    }

    /// The line.
    pub(crate) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_set_is_in_the_line_and_patterns_are_quoted() {
        let line = CommandLine::new("read")
            .flag("--quick", true)
            .flag("--no-pin", false)
            .value("--cells", Some("warm 4k*"))
            .value("--runs", None::<u16>)
            .value("--seed", Some(1));
        let expected = "cargo run --release -p versus -- read --quick --cells 'warm 4k*' --seed 1";
        assert_eq!(line.finish(), expected);
    }
}
