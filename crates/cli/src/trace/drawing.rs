//! `--flamegraph`: what the process does on the CPU, and where it waits off the CPU.

use std::path::Path;

use cutwater_observe::perf::SamplerOptions;

use super::target::Target;
use cutwater_flame::{self as flame, FlameError, Graph, Recording, explained};
use cutwater_shell::Failure;

/// Recordings that become the pictures.
#[derive(Debug)]
pub(super) struct Drawing<'a> {
    path: &'a Path,
    recording: Result<Recording, FlameError>,
}

/// What was drawn, and why the rest was not.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    pub(super) on_cpu: Option<flame::Report>,
    pub(super) off_cpu: Option<flame::OffCpuReport>,
    pub(super) missing: Vec<String>,
}

impl<'a> Drawing<'a> {
    pub(super) fn start(path: &'a Path, target: &Target) -> Self {
        let options = SamplerOptions { off_cpu: true, ..SamplerOptions::default() };
        Self { path, recording: Recording::of_process(target.pid(), options) }
    }

    /// Draws both pictures.
    pub(super) fn finish(self, target: &Target) -> Result<Drawn, Failure> {
        let mut drawn = Drawn::default();
        let recording = match self.recording {
            Ok(recording) => recording,
            Err(e) => {
                drawn.missing.push(explained(&e));
                return Ok(drawn);
            }
        };
        let mut graph = Graph::default();
        graph.add(recording, None);
        let title = format!("cutwater trace: {}", target.name());
        drawn.on_cpu = part(graph.write(self.path, &title), &mut drawn.missing)?;
        let beside = flame::beside(self.path);
        drawn.off_cpu = part(graph.write_off_cpu(&beside, &title), &mut drawn.missing)?;
        Ok(drawn)
    }
}

/// A missing picture is only reported; a file that cannot be written is a failure.
fn part<T>(drawn: Result<T, FlameError>, missing: &mut Vec<String>) -> Result<Option<T>, Failure> {
    match drawn {
        Ok(report) => Ok(Some(report)),
        Err(e @ FlameError::Write(_)) => Err(Failure::new("no flame graph").because(e)),
        Err(e) => {
            missing.push(explained(&e));
            Ok(None)
        }
    }
}
