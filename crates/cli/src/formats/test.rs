//! Tests of formats: their samples.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use cutwater_logs::format::{DataFormat, data_formats};
use cutwater_shell::words::printable;
use cutwater_shell::{Failure, Outcome, formats, output};

/// Tests the formats of `files`, or all; exits with 1 when a sample has another value than it states.
pub(super) fn run(files: &[PathBuf]) -> Outcome {
    let mut tests = Tests::default();
    if files.is_empty() {
        formats::install();
        data_formats().try_for_each(|format| tests.test(format))?;
    }
    for path in files {
        let file = formats::read(path)?;
        file.formats.iter().try_for_each(|format| tests.test(format))?;
        for unsupported in &file.unsupported {
            tests.line(&format!("{}: not supported: {}", unsupported.name, unsupported.words));
            tests.wrong += 1;
        }
    }
    let Tests { mut text, formats, samples, wrong } = tests;
    let _ = writeln!(text, "{formats} formats, {samples} samples, {wrong} problems");
    output::text(&text)?;
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Debug, Default)]
struct Tests {
    text: String,
    formats: usize,
    samples: usize,
    wrong: usize,
}

impl Tests {
    fn test(&mut self, format: &Arc<DataFormat>) -> Result<(), Failure> {
        self.formats += 1;
        self.samples += format.samples().len();
        let problems = format.test()?;
        self.wrong += problems.len();
        for problem in &problems {
            self.line(&format!("{}: {problem}", format.name()));
        }
        Ok(())
    }

    fn line(&mut self, words: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.text, "{}", printable(words.as_bytes()));
    }
}
