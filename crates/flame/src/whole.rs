//! `--flamegraph FILE`: a picture of a whole command.

use std::error::Error;
use std::path::Path;

use cutwater_observe::perf::SamplerOptions;

use super::{FlameError, Graph, Recording, beside};
use cutwater_shell::{Failure, print_error};

/// A recording of all that the process does, to be drawn at its end.
#[derive(Debug)]
pub struct Whole<'a> {
    path: &'a Path,
    recording: Result<Recording, FlameError>,
}

impl<'a> Whole<'a> {
    /// Starts. Where the host permits no samples the command runs all the same.
    pub fn start(path: &'a Path) -> Self {
        let options = SamplerOptions { off_cpu: true, ..SamplerOptions::default() };
        Self { path, recording: Recording::start(options) }
    }

    /// Draws, and notes on standard error what is in the pictures, or why there are none.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(self, title: &str) -> Result<(), Failure> {
        let said = match self.recording {
            Ok(recording) => {
                let mut graph = Graph::default();
                graph.add(recording, None);
                on_cpu(&graph, self.path, title)? + &off_cpu(&graph, self.path, title)?
            }
            Err(e) => refusal(e)?,
        };
        print_error(&said);
        Ok(())
    }
}

fn on_cpu(graph: &Graph, path: &Path, title: &str) -> Result<String, Failure> {
    let report = match graph.write(path, title) {
        Ok(report) => report,
        Err(e) => return refusal(e),
    };
    let notes = report.notes.iter().map(|note| format!("cutwater: {note}\n"));
    Ok(format!("cutwater: {}\n{}", report.line(path), notes.collect::<String>()))
}

fn off_cpu(graph: &Graph, path: &Path, title: &str) -> Result<String, Failure> {
    let path = beside(path);
    let report = match graph.write_off_cpu(&path, title) {
        Ok(report) => report,
        Err(e) => return refusal(e),
    };
    let notes = report.notes.iter().map(|note| format!("cutwater: {note}\n"));
    Ok(format!("cutwater: {}\n{}", report.line(&path), notes.collect::<String>()))
}

/// What to say where there is no picture; a file that cannot be written is a failure.
fn refusal(e: FlameError) -> Result<String, Failure> {
    match e {
        FlameError::Write(_) => Err(Failure::new("no flame graph").because(e)),
        e => Ok(format!("cutwater: {}\n", explained(&e))),
    }
}

/// Why there is no graph, with its cause.
pub fn explained(e: &FlameError) -> String {
    e.source().map_or_else(|| e.to_string(), |source| format!("{e}: {source}"))
}
