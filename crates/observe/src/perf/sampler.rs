//! Samples the stacks of all threads of a process.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::{Doing, PerfError};
use super::off_cpu::{OffCpu, Recorder};
use super::options::SamplerOptions;
use super::ring::Ring;
use super::session::{self, Session};
use super::stacks::{Stack, Stacks, Tally};

/// How often rings are emptied: well before the smallest of them is full at 997 Hz.
const DRAIN_EVERY: Duration = Duration::from_millis(20);

/// A running recording of the stacks of all threads of this process.
///
/// A timer interrupts each thread by the CPU time it uses and the kernel walks its stack by
/// frame pointers. It samples existing threads and those created later, including io-wq
/// workers; one that another thread creates during [`Sampler::start`] may be
/// missed. It takes one descriptor per thread and CPU and up to 516 KiB of locked memory per
/// CPU. See `perf_event_open(2)`.
#[derive(Debug)]
pub struct Sampler {
    events: Vec<OwnedFd>,
    shared: Arc<Shared>,
    drainer: Option<JoinHandle<Gathered>>,
    hz: u32,
    pid: u32,
    why_not: Option<String>,
}

/// The results of the draining thread.
#[derive(Debug, Default)]
struct Gathered {
    samples: Tally,
    off_cpu: Option<OffCpu>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    taken: AtomicU64,
}

/// The result of a recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Samples {
    /// Different stacks and how many samples hit each, most frequent first.
    pub stacks: Vec<(Stack, u64)>,
    /// Samples that found no room in the ring.
    pub lost: u64,
    /// Samples whose stack was not kept, as there were too many different ones (65,536).
    pub unkept: u64,
    /// How often the kernel throttled the samples because they took too much time.
    pub throttled: u64,
    /// The process that was sampled; 0 if there was none.
    pub pid: u32,
    /// Samples per second of CPU time, as set.
    pub hz: u32,
    /// Whether they include kernel frames and samples of time inside the kernel.
    pub kernel_frames: bool,
    /// Why they do not.
    pub why_not: Option<String>,
    /// The waits, if they were asked for.
    pub off_cpu: Option<OffCpu>,
}

impl Samples {
    /// Samples in `stacks`.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.stacks.iter().map(|(_, n)| n).sum()
    }
}

impl Sampler {
    /// Starts sampling. Where policy refuses kernel frames, samples user code only and says
    /// why in [`Samples::why_not`].
    ///
    /// # Errors
    /// [`PerfError::is_refused`], [`PerfError::is_unsupported`] or [`PerfError::is_limit`].
    pub fn start(options: SamplerOptions) -> Result<Self, PerfError> {
        Self::of_process(std::process::id(), options)
    }

    /// Starts sampling another process, which the caller must be permitted to look at.
    ///
    /// # Errors
    /// As [`Sampler::start`].
    pub fn of_process(pid: u32, options: SamplerOptions) -> Result<Self, PerfError> {
        let mut session = Session::open(pid, &options)?;
        let mut waits = options.off_cpu.then(|| Recorder::open(pid));
        let mut events = std::mem::take(&mut session.events);
        if let Some(Ok(waits)) = &mut waits {
            events.append(&mut waits.take_events());
        }
        let shared = Arc::new(Shared::default());
        let rings = std::mem::take(&mut session.rings);
        let drainer = std::thread::Builder::new()
            .name("perf-drainer".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || drain_until_stopped(pid, rings, waits, &shared)
            })
            .map_err(|e| PerfError::from_io(Doing::SpawnDrainer, &e))?;
        let sampler = Self {
            events,
            shared,
            drainer: Some(drainer),
            hz: session.hz,
            pid,
            why_not: session.why_not.take(),
        };
        // On an error here `sampler` is dropped, which ends the thread.
        session::enable(&sampler.events)?;
        Ok(sampler)
    }

    /// Samples taken from the rings so far; up to 20 ms late.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.shared.taken.load(Ordering::Relaxed)
    }

    /// Stops, and returns the result.
    #[must_use]
    pub fn stop(mut self) -> Samples {
        let Gathered { samples: tally, off_cpu } = self.end();
        Samples {
            off_cpu,
            stacks: tally.stacks,
            lost: tally.lost,
            unkept: tally.unkept,
            throttled: tally.throttled,
            pid: self.pid,
            hz: self.hz,
            kernel_frames: self.why_not.is_none(),
            why_not: self.why_not.take(),
        }
    }

    fn end(&mut self) -> Gathered {
        session::disable(&self.events);
        self.shared.stop.store(true, Ordering::Release);
        let Some(drainer) = self.drainer.take() else { return Gathered::default() };
        drainer.thread().unpark();
        drainer.join().unwrap_or_default()
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.end();
    }
}

fn drain_until_stopped(
    pid: u32,
    mut rings: Vec<Ring>,
    mut waits: Option<Result<Recorder, PerfError>>,
    shared: &Shared,
) -> Gathered {
    let own_tid = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
    let mut stacks = Stacks::new(pid, own_tid);
    let mut records = Vec::new();
    loop {
        // Before the drain, so that the last one comes after the events were disabled.
        let stop = shared.stop.load(Ordering::Acquire);
        for ring in &mut rings {
            records.clear();
            if !ring.drain(&mut records) {
                stacks.lose();
            }
            stacks.take(&records);
        }
        if let Some(Ok(waits)) = &mut waits {
            waits.drain(own_tid);
        }
        shared.taken.store(stacks.taken(), Ordering::Relaxed);
        if stop {
            let off_cpu = waits.map(|waits| match waits {
                Ok(waits) => waits.finish(),
                Err(e) => OffCpu::refused(e.to_string()),
            });
            return Gathered { samples: stacks.finish(), off_cpu };
        }
        std::thread::park_timeout(DRAIN_EVERY);
    }
}

#[cfg(test)]
mod tests;
