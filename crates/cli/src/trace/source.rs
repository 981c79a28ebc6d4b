//! Where faults and reads come from: the best that was asked for and the host permits.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use cutwater_observe::perf::{Moment, PerfError, Start, Trace};
use serde::Serialize;

use super::args::Wanted;
use super::in_kernel::InKernel;
use super::tally::Tally;

/// What is missing without stacks.
const FRAMES: &str = "what the kernel does in the slowest operations";

/// Where the rows are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Backend {
    /// Faults and reads with their times, added up by programs in the kernel.
    Ebpf,
    /// Faults and reads with their times, one by one.
    Tracepoints,
    /// Faults without times.
    SoftwareEvents,
    /// There are no rows, only `counters`.
    Counters,
}

/// A source, and why it is not a better one.
#[derive(Debug)]
pub(super) struct Source {
    from: From,
    /// Why what was asked for is not used.
    refused: Option<String>,
    /// Why nothing is seen, unless the host's policy is the reason.
    other_user: Option<String>,
    moments: Vec<Moment>,
}

#[derive(Debug)]
enum From {
    Kernel(Box<InKernel>),
    Events(Box<Trace>),
    Nothing(PerfError),
}

impl Source {
    pub(super) fn open(wanted: Wanted, pid: u32, start: Start) -> Self {
        Self { other_user: other_user(pid), ..Self::best(wanted, pid, start) }
    }

    fn best(wanted: Wanted, pid: u32, start: Start) -> Self {
        if wanted == Wanted::Ebpf {
            return match InKernel::open(pid, start) {
                Ok(kernel) => Self::new(From::Kernel(Box::new(kernel)), None),
                Err(why) => Self::new(events_of(pid, start), Some(why)),
            };
        }
        let from = events_of(pid, start);
        let is_whole = matches!(&from, From::Events(e) if e.times_faults() && e.has_reads());
        if is_whole || wanted == Wanted::Tracepoints {
            return Self::new(from, None);
        }
        match InKernel::open(pid, start) {
            Ok(kernel) => Self::new(From::Kernel(Box::new(kernel)), None),
            Err(why) => Self::new(from, Some(why)),
        }
    }

    fn new(from: From, refused: Option<String>) -> Self {
        let refused = refused.map(|why| format!("eBPF: {why}"));
        Self { from, refused, other_user: None, moments: Vec::new() }
    }

    /// Takes what has come so far. With `all`, stops and takes the rest.
    pub(super) fn take(&mut self, tally: &mut Tally, all: bool) {
        match &mut self.from {
            From::Kernel(kernel) => {
                if all {
                    kernel.stop();
                }
                kernel.look(all);
                if all {
                    kernel.fill(tally);
                }
            }
            From::Events(trace) => {
                if all {
                    trace.stop();
                }
                trace.take(&mut self.moments, all);
                self.moments.drain(..).for_each(|moment| tally.note(&moment));
            }
            From::Nothing(_) => {}
        }
    }

    /// Updates `tally`, if the source does not do so as events come.
    pub(super) fn settle(&self, tally: &mut Tally) {
        if let From::Kernel(kernel) = &self.from {
            kernel.fill(tally);
        }
    }

    /// Kernel functions by the numbers of their stacks, if they are recorded.
    pub(super) fn chains(&self) -> Option<HashMap<u32, Vec<u64>>> {
        match &self.from {
            From::Events(trace) if trace.no_frames().is_none() => Some(trace.chains()),
            From::Kernel(kernel) if kernel.no_frames().is_none() => Some(kernel.chains()),
            _ => None,
        }
    }

    /// Events that found no room.
    pub(super) fn lost(&self) -> u64 {
        match &self.from {
            From::Kernel(kernel) => kernel.lost(),
            From::Events(trace) => trace.lost(),
            From::Nothing(_) => 0,
        }
    }

    /// The backend, and what is missing and why.
    pub(super) fn backend(&self) -> (Backend, Vec<String>) {
        let (backend, mut missing) = match &self.from {
            From::Kernel(kernel) => {
                let missing = kernel.missing().into_iter().map(|why| format!("part of it: {why}"));
                let frames = kernel.no_frames().map(|why| format!("{FRAMES}: {why}"));
                (Backend::Ebpf, missing.chain(frames).collect())
            }
            From::Events(trace) => events(trace),
            From::Nothing(e) => {
                let other = self.other_user.clone().filter(|_| e.is_refused());
                let why = other.unwrap_or_else(|| e.to_string());
                (Backend::Counters, vec![format!("faults and reads one by one: {why}")])
            }
        };
        missing.extend(self.refused.clone());
        (backend, missing)
    }
}

/// Why no policy of the host would let us look at a process: it belongs to another user.
fn other_user(pid: u32) -> Option<String> {
    let uid = fs::metadata(format!("/proc/{pid}")).ok()?.uid();
    let me = rustix::process::geteuid();
    (uid != me.as_raw() && !me.is_root()).then(|| {
        format!(
            "process {pid} is of user {uid}, we are {}; run as that user or as root",
            me.as_raw()
        )
    })
}

fn events_of(pid: u32, start: Start) -> From {
    Trace::open(pid, start).map_or_else(From::Nothing, |trace| From::Events(Box::new(trace)))
}

fn events(trace: &Trace) -> (Backend, Vec<String>) {
    let times = trace.times_faults() || trace.has_reads();
    let backend = if times { Backend::Tracepoints } else { Backend::SoftwareEvents };
    let mut without: Vec<_> = Vec::new();
    if !trace.times_faults() {
        without.push("how long faults took".to_owned());
    }
    if !trace.has_reads() {
        without.push("reads one by one".to_owned());
    }
    let why: Vec<_> = trace.missing().iter().map(ToString::to_string).collect();
    let what = without.join(", ");
    let mut without: Vec<_> = why.iter().take(1).map(|why| format!("{what}: {why}")).collect();
    // Without times there are no slowest operations either.
    if let (Some(why), true) = (trace.no_frames(), times) {
        without.push(format!("{FRAMES}: {why}"));
    }
    (backend, without)
}
