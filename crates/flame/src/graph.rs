//! Recordings gathered into one picture.

use std::collections::BTreeSet;
use std::path::Path;

use cutwater_observe::perf::Samples;

use super::error::FlameError;
use super::fold::{self, Folded};
use super::maps::{Maps, Watch};
use super::off_cpu::Waiting;
use super::svg::Picture;
use super::{OffCpuReport, Recording, Report, shares, svg, symbols};

/// A picture of one or more recordings.
#[derive(Debug, Default)]
pub struct Graph {
    folded: Folded,
    samples: u64,
    lost: u64,
    /// Whether some recording lacks the kernel.
    user_only: bool,
    notes: BTreeSet<String>,
    waiting: Waiting,
}

impl Graph {
    /// Stops `recording` and adds it, under a frame called `label` where there is one.
    pub fn add(&mut self, recording: Recording, label: Option<&str>) {
        let samples = recording.sampler.stop();
        let maps = recording.maps.map(Watch::end);
        self.add_samples(&samples, maps.as_ref(), label);
    }

    pub(crate) fn add_samples(
        &mut self,
        samples: &Samples,
        maps: Option<&Maps>,
        label: Option<&str>,
    ) {
        let (names, unnamed) = symbols::resolve(samples, maps);
        for (line, count) in fold::fold(&samples.stacks, &names, label) {
            *self.folded.entry(line).or_insert(0) += count;
        }
        if let Some(off_cpu) = &samples.off_cpu {
            self.waiting.add(off_cpu, &names, label);
        }
        self.samples += samples.count();
        self.lost += samples.lost + samples.unkept;
        self.user_only |= !samples.kernel_frames;
        self.notes.extend(notes(samples).chain(unnamed));
    }

    /// Draws what was added into a file at `path`.
    ///
    /// # Errors
    /// [`FlameError::Empty`] when nothing was sampled, [`FlameError::Write`] when the file
    /// cannot be written.
    pub fn write(&self, path: &Path, title: &str) -> Result<Report, FlameError> {
        let report = self.report()?;
        svg::write(&self.folded, Picture::OnCpu, title, &report.notes, path)?;
        Ok(report)
    }

    /// Draws the time off the CPU into a file at `path`.
    ///
    /// # Errors
    /// [`FlameError::NoWaits`] when nothing waited or the host refused it, [`FlameError::Write`]
    /// when the file cannot be written.
    pub fn write_off_cpu(&self, path: &Path, title: &str) -> Result<OffCpuReport, FlameError> {
        let (folded, report) = self.waiting.report()?;
        let notes: Vec<_> = report.notes.iter().chain(&self.notes).cloned().collect();
        svg::write(&folded, Picture::OffCpu, &format!("{title}, off CPU"), &notes, path)?;
        Ok(report)
    }

    /// What was added, in words and shares.
    ///
    /// # Errors
    /// [`FlameError::Empty`] when nothing was sampled.
    pub fn report(&self) -> Result<Report, FlameError> {
        if self.folded.is_empty() {
            return Err(FlameError::Empty);
        }
        Ok(Report {
            samples: self.samples,
            lost: self.lost,
            kernel_frames: !self.user_only,
            shares: shares::shares(&self.folded, !self.user_only),
            notes: self.notes.iter().cloned().collect(),
        })
    }
}

/// What is missing in `samples`, and why.
pub(crate) fn notes(samples: &Samples) -> impl Iterator<Item = String> {
    let user_only = samples
        .why_not
        .as_ref()
        .map(|why| format!("user code only, time in the kernel is missing: {why}"));
    let lost =
        (samples.lost > 0).then(|| "samples that found no room in the ring are missing".to_owned());
    let unkept = (samples.unkept > 0)
        .then(|| "samples with too many different stacks to keep are missing".to_owned());
    let throttled = (samples.throttled > 0)
        .then(|| "the kernel held samples back at times: sample less often".to_owned());
    [user_only, lost, unkept, throttled].into_iter().flatten()
}
