//! `--flamegraph FILE`: a picture of a whole command.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use cutwater_sys::perf::SamplerOptions;

use super::{FlameError, Graph, Recording};
use crate::failure::Failure;

/// A recording of all that the process does, to be drawn at its end.
#[derive(Debug)]
pub(crate) struct Whole<'a> {
    path: &'a Path,
    recording: Result<Recording, FlameError>,
}

impl<'a> Whole<'a> {
    /// Starts. Where the host permits no samples the command runs all the same.
    pub(crate) fn start(path: &'a Path) -> Self {
        Self { path, recording: Recording::start(SamplerOptions::default()) }
    }

    /// Draws, and says on standard error what is in the picture, or why there is none.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn finish(self, title: &str) -> Result<(), Failure> {
        let mut graph = Graph::default();
        let drawn = self.recording.and_then(|recording| {
            graph.add(recording, None);
            graph.write(self.path, title)
        });
        let said = match drawn {
            Ok(report) => {
                let notes = report.notes.iter().map(|note| format!("cutwater: {note}\n"));
                format!("cutwater: {}\n{}", report.line(self.path), notes.collect::<String>())
            }
            Err(e @ FlameError::Write { .. }) => {
                return Err(Failure::new("no flame graph").because(e));
            }
            Err(e) => format!("cutwater: {}\n", explained(&e)),
        };
        // With standard error closed there is nobody to tell.
        let _ = io::stderr().lock().write_all(said.as_bytes());
        Ok(())
    }
}

/// Why there is no graph, with its cause.
pub(crate) fn explained(e: &FlameError) -> String {
    e.source().map_or_else(|| e.to_string(), |source| format!("{e}: {source}"))
}
