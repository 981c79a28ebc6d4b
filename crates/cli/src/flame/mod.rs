//! Flame graphs of this process: what its threads spend CPU time on, kernel included where
//! the host permits, and what they wait in.
//!
//! [`Recording::start`] before the work, [`Graph::add`] after it, [`Graph::write`] at the end. Stacks are walked by
//! frame pointers, which this workspace and std are built with. glibc as distributions build
//! it mostly is not: a frame in it hides the function that called it, no more.

mod error;
mod fold;
mod graph;
mod inline;
mod maps;
mod off_cpu;
mod shares;
mod svg;
mod symbols;
mod tail;
mod tree;
mod whole;

use std::fmt::Write;
use std::path::Path;

use cutwater_shell::words::{counted, shown};
use cutwater_sys::perf::{Sampler, SamplerOptions, Samples};

pub(crate) use error::FlameError;
pub(crate) use graph::Graph;
pub(crate) use inline::{Inline, inline};
use maps::Watch;
pub(crate) use off_cpu::{OffCpuReport, beside};
pub(crate) use shares::Share;
pub(crate) use symbols::KernelNames;
pub(crate) use tail::write_tail;
pub(crate) use whole::{Whole, explained};

/// Smaller shares are not worth a word.
const SHARE_MIN: f64 = 0.005;
/// The largest shares said of a graph; the others are to be seen in it.
const SHARES_SHOWN: usize = 5;

/// A flame graph in the making.
#[derive(Debug)]
pub(crate) struct Recording {
    sampler: Sampler,
    /// What another process has mapped; of this one it can be asked at the end.
    maps: Option<Watch>,
}

/// What a recording showed, beside the picture.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Report {
    /// Samples in the graph.
    pub(crate) samples: u64,
    /// Samples that are not in it: no room in a ring, or too many different stacks.
    pub(crate) lost: u64,
    /// Whether time in the kernel is in it.
    pub(crate) kernel_frames: bool,
    /// What the reader must know: what is missing, why, and how to have it.
    pub(crate) notes: Vec<String>,
    /// The share of samples under entry points of interest, largest first.
    pub(crate) shares: Vec<Share>,
}

impl Recording {
    /// Starts recording all threads of this process.
    ///
    /// # Errors
    /// [`FlameError::Refused`] where the host lets nobody like us sample.
    pub(crate) fn start(options: SamplerOptions) -> Result<Self, FlameError> {
        let sampler = Sampler::start(options).map_err(FlameError::Refused)?;
        Ok(Self { sampler, maps: None })
    }

    /// Starts recording all threads of another process.
    ///
    /// # Errors
    /// As [`Recording::start`].
    pub(crate) fn of_process(pid: u32, options: SamplerOptions) -> Result<Self, FlameError> {
        let sampler = Sampler::of_process(pid, options).map_err(FlameError::Refused)?;
        Ok(Self { sampler, maps: Watch::start(pid) })
    }

    /// Stops it: for those who look up the names of several at once.
    pub(crate) fn stop(self) -> Samples {
        self.sampler.stop()
    }
}

impl Report {
    /// The file that the graph is in, its samples, and the largest shares.
    pub(crate) fn line(&self, file: &Path) -> String {
        let mut line = format!("{}: {}", shown(file), counted(self.samples, "sample"));
        for share in self.shares.iter().filter(|s| s.share >= SHARE_MIN).take(SHARES_SHOWN) {
            let _ = write!(line, ", {} {:.0} %", share.name, share.share * 100.0);
        }
        line
    }
}

#[cfg(test)]
mod tests;
