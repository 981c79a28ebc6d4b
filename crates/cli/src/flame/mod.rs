//! Flame graphs of this process: what its threads spend CPU time on, kernel included where
//! the host permits.
//!
//! [`Recording::start`] before the work, [`Recording::finish`] after it. Stacks are walked by
//! frame pointers, which this workspace and std are built with. glibc as distributions build
//! it mostly is not: a frame in it hides the function that called it, no more.

mod error;
mod fold;
mod shares;
mod svg;
mod symbols;

use std::path::Path;

use cutwater_sys::perf::{Sampler, SamplerOptions, Samples};

pub(crate) use error::FlameError;
pub(crate) use shares::Share;

/// A flame graph in the making.
#[derive(Debug)]
pub(crate) struct Recording(Sampler);

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
        Sampler::start(options).map(Self).map_err(FlameError::Refused)
    }

    /// Stops, and writes the graph to `path`.
    ///
    /// # Errors
    /// [`FlameError::Empty`] when nothing was sampled, [`FlameError::Write`] when the file
    /// cannot be written.
    pub(crate) fn finish(self, path: &Path, title: &str) -> Result<Report, FlameError> {
        write_svg(&self.0.stop(), title, path)
    }
}

/// Draws `samples` into a file at `path`.
fn write_svg(samples: &Samples, title: &str, path: &Path) -> Result<Report, FlameError> {
    let (names, unnamed) = symbols::resolve(samples);
    let folded = fold::fold(samples, &names);
    if folded.is_empty() {
        return Err(FlameError::Empty);
    }
    let notes: Vec<String> = notes(samples).chain(unnamed).collect();
    svg::write(&folded, title, &notes, path)?;
    Ok(Report {
        samples: samples.count(),
        lost: samples.lost + samples.unkept,
        kernel_frames: samples.kernel_frames,
        notes,
        shares: shares::shares(&folded, samples.kernel_frames),
    })
}

fn notes(samples: &Samples) -> impl Iterator<Item = String> {
    let user_only = samples
        .why_not
        .as_ref()
        .map(|why| format!("user code only, time in the kernel is missing: {why}"));
    let lost = (samples.lost > 0)
        .then(|| format!("{} samples found no room in the ring and are missing", samples.lost));
    let unkept = (samples.unkept > 0)
        .then(|| format!("{} samples had too many different stacks to keep", samples.unkept));
    let throttled = (samples.throttled > 0).then(|| {
        format!("the kernel held samples back {} times: sample less often", samples.throttled)
    });
    [user_only, lost, unkept, throttled].into_iter().flatten()
}

#[cfg(test)]
mod tests;
