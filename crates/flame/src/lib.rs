//! Flame graphs of this process: what its threads spend CPU time on, kernel included where
//! the host permits, and what they wait in.
//!
//! [`Recording::start`] before the work, [`Graph::add`] after it, [`Graph::write`] at the end. Stacks are walked by
//! frame pointers, which this workspace and std are built with. glibc as most distributions build
//! it is not: a frame in it hides the function that called it, and nothing else.
#![forbid(unsafe_code)]

mod error;
mod fold;
mod graph;
mod inline;
mod maps;
mod off_cpu;
mod pictures;
mod shares;
mod svg;
mod symbols;
mod tail;
mod tree;
mod whole;

use std::fmt::Write;
use std::path::Path;

use cutwater_observe::perf::{Sampler, SamplerOptions, Samples};
use cutwater_shell::words::{counted, shown};

pub use error::FlameError;
pub use graph::Graph;
pub use inline::{Inline, inline};
use maps::Watch;
pub use off_cpu::{OffCpuReport, beside};
pub use pictures::pictures;
pub use shares::Share;
pub use symbols::KernelNames;
pub use tail::write_tail;
pub use whole::{Whole, explained};

/// Smaller shares are not mentioned.
const SHARE_MIN: f64 = 0.005;
/// How many shares are mentioned, the largest; the graph itself shows the others.
const SHARES_SHOWN: usize = 5;

/// A flame graph that is being made.
#[derive(Debug)]
pub struct Recording {
    sampler: Sampler,
    /// What another process has mapped; for this one that is looked up at the end.
    maps: Option<Watch>,
}

/// What a recording showed, besides the picture.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Report {
    /// Samples in the graph.
    pub samples: u64,
    /// Samples that are not in it: no room in a ring, or too many different stacks.
    pub lost: u64,
    /// Whether time in the kernel is in it.
    pub kernel_frames: bool,
    /// What is missing, why, and how to get it.
    pub notes: Vec<String>,
    /// The share of samples under entry points of interest, largest first.
    pub shares: Vec<Share>,
}

impl Recording {
    /// Starts recording all threads of this process.
    ///
    /// # Errors
    /// [`FlameError::Refused`] when the host does not let this process sample.
    pub fn start(options: SamplerOptions) -> Result<Self, FlameError> {
        let sampler = Sampler::start(options).map_err(FlameError::Refused)?;
        Ok(Self { sampler, maps: None })
    }

    /// Starts recording all threads of another process.
    ///
    /// # Errors
    /// As [`Recording::start`].
    pub fn of_process(pid: u32, options: SamplerOptions) -> Result<Self, FlameError> {
        let sampler = Sampler::of_process(pid, options).map_err(FlameError::Refused)?;
        Ok(Self { sampler, maps: Watch::start(pid) })
    }

    /// Stops it. For [`inline`], which looks up the names of several recordings at once.
    pub fn stop(self) -> Samples {
        self.sampler.stop()
    }
}

impl Report {
    /// A line with the file of the graph, its samples, and the largest shares.
    pub fn line(&self, file: &Path) -> String {
        let mut line = format!("{}: {}", shown(file), counted(self.samples, "sample"));
        for share in self.shares.iter().filter(|s| s.share >= SHARE_MIN).take(SHARES_SHOWN) {
            let _ = write!(line, ", {} {:.0} %", share.name, share.share * 100.0);
        }
        line
    }
}

#[cfg(test)]
mod tests;
