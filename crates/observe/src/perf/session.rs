//! Events on all threads, one ring per CPU.
//!
//! An inherited event can be mapped only when it belongs to one CPU (the kernel refuses one
//! ring that all CPUs would write to), so each thread gets an event per CPU, and all events
//! of a CPU share the ring of the first.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};

use super::error::{Doing, PerfError};
use super::open::{self, Attr, Target};
use super::options::SamplerOptions;
use super::ring::Ring;
use super::{stacks, tasks};
use cutwater_sys::Errno;

/// Open events and the rings that they write to.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) events: Vec<OwnedFd>,
    pub(super) rings: Vec<Ring>,
    pub(super) hz: u32,
    /// Why kernel frames are missing, if they are.
    pub(super) why_not: Option<String>,
}

impl Session {
    /// Opens events on all threads of `pid`, not yet enabled.
    pub(super) fn open(pid: u32, options: &SamplerOptions) -> Result<Self, PerfError> {
        let hz = options.hz.clamp(1, hz_max());
        let (attr, why_not) = permitted(hz, options.kernel)?;
        let Events { events, rings } = Events::open(pid, &attr)?;
        Ok(Self { events, rings, hz, why_not })
    }
}

/// One event on all threads of a process.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) events: Vec<OwnedFd>,
    pub(super) rings: Vec<Ring>,
}

impl Events {
    /// Opens `attr` on all threads of `pid`, not yet enabled.
    pub(super) fn open(pid: u32, attr: &Attr) -> Result<Self, PerfError> {
        let mut events = Self::default();
        let threads = tasks::threads_of(pid)?;
        for cpu in tasks::cpus() {
            events.open_on_cpu(attr, cpu, &threads)?;
        }
        Ok(events)
    }

    fn open_on_cpu(&mut self, attr: &Attr, cpu: u32, threads: &[i32]) -> Result<(), PerfError> {
        let mut owner: Option<usize> = None;
        for tid in threads {
            let event = match open::open(attr, Target { tid: *tid, cpu: Some(cpu) }) {
                Ok(event) => event,
                // The thread has ended since it was listed.
                Err(Errno::SRCH) => continue,
                // The CPU has gone offline.
                Err(Errno::NODEV) => return Ok(()),
                Err(e) => return Err(PerfError::new(Doing::Open, e)),
            };
            if let Some(owner) = owner {
                open::set_output(event.as_fd(), self.events[owner].as_fd())
                    .map_err(|e| PerfError::new(Doing::Redirect, e))?;
            } else {
                let ring = Ring::map(event.as_fd()).map_err(|e| PerfError::new(Doing::Map, e))?;
                self.rings.push(ring);
                owner = Some(self.events.len());
            }
            self.events.push(event);
        }
        Ok(())
    }
}

/// Starts sampling.
pub(super) fn enable(events: &[OwnedFd]) -> Result<(), PerfError> {
    events.iter().try_for_each(|event| {
        open::enable(event.as_fd()).map_err(|e| PerfError::new(Doing::Enable, e))
    })
}

/// Stops sampling.
pub(super) fn disable(events: &[OwnedFd]) {
    for event in events {
        // It can only fail on a descriptor that is not an event; closing stops it anyway.
        let _ = open::disable(event.as_fd());
    }
}

/// The event with the most data that the host permits, and why it has no more.
fn permitted(hz: u32, kernel: bool) -> Result<(Attr, Option<String>), PerfError> {
    let with_kernel = cpu_clock(hz);
    let user_only = with_kernel.with(open::EXCLUDE_KERNEL);
    if !kernel {
        let attr = accepted(user_only)?;
        return Ok((attr, Some("kernel frames were not asked for".to_owned())));
    }
    match accepted(with_kernel) {
        Ok(attr) => Ok((attr, None)),
        Err(refusal) if refusal.is_refused() => {
            Ok((accepted(user_only)?, Some(refusal.to_string())))
        }
        Err(e) => Err(e),
    }
}

fn cpu_clock(hz: u32) -> Attr {
    let mut attr = Attr::new(open::TYPE_SOFTWARE, open::SOFTWARE_CPU_CLOCK);
    attr.sample_freq = u64::from(hz);
    // The chain begins with the address that was hit, and the order of samples does not
    // matter: the record needs neither the address nor the time.
    attr.sample_type = open::SAMPLE_TID | open::SAMPLE_CALLCHAIN;
    attr.sample_max_stack = stacks::FRAMES_MAX as u16;
    attr.with(open::DISABLED | open::INHERIT | open::FREQ | open::EXCLUDE_HV)
}

/// `attr` as this kernel takes it, tried on the calling thread.
pub(super) fn accepted(attr: Attr) -> Result<Attr, PerfError> {
    let own = Target { tid: 0, cpu: None };
    let threads_only = attr.with(open::INHERIT_THREAD);
    let (attr, opened) = match open::open(&threads_only, own) {
        Err(Errno::INVAL) => (attr, open::open(&attr, own)),
        opened => (threads_only, opened),
    };
    opened.map(|_| attr).map_err(|e| PerfError::new(Doing::Open, e))
}

/// The kernel refuses higher rates than this.
fn hz_max() -> u32 {
    let text = fs::read_to_string("/proc/sys/kernel/perf_event_max_sample_rate");
    text.ok().and_then(|t| t.trim().parse().ok()).filter(|hz| *hz > 0).unwrap_or(u32::MAX)
}
