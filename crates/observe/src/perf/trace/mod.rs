//! Page faults and reads of a process, one by one: events with times, in their order.

mod moment;

use std::collections::HashMap;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use super::chains::Chains;
use super::error::{Doing, PerfError};
use super::open::{self, Attr, Target};
use super::record::{Record, Records};
use super::ring::Ring;
use super::{now_ns, tasks, tracepoint};
use cutwater_sys::Errno;
use moment::TracedEvent;
pub use moment::{Chain, Moment, What};

/// Data area of a ring, bytes: 100,000 events, so a tenth of a second at a million a second.
const RING_BYTES: usize = 8 << 20;
/// A record arrives in its ring at most this long after its time, nanoseconds.
const LATE_NS: u64 = 1_000_000;
/// Most moments that are held until they can be sorted.
const PENDING_MAX: usize = 1 << 20;

/// Samples of kernel functions per second of CPU time; a prime, so that it does not beat with
/// periodic work.
pub const FRAMES_HZ: u64 = 997;

/// System calls that are recorded: reads, and `close(2)`, after which the descriptor is free.
const CALLS: [libc::c_long; 7] = [
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_readv,
    libc::SYS_preadv,
    libc::SYS_preadv2,
    libc::SYS_io_uring_enter,
    libc::SYS_close,
];

/// The number of `close(2)` in [`What::Call`].
pub const CALL_CLOSE: i64 = libc::SYS_close;
/// The number of `io_uring_enter(2)`.
pub const CALL_IO_URING_ENTER: i64 = libc::SYS_io_uring_enter;

/// When recording starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At once.
    Now,
    /// When the process calls `execve(2)`.
    OnExec,
}

/// A running record of the page faults and reads of a process: of its threads, new threads, and
/// children.
///
/// Faults are the software events for minor and major ones, which come when a fault was served;
/// the tracepoint `exceptions:page_fault_user` marks their start. Reads are
/// `raw_syscalls:sys_enter` and `sys_exit`, filtered in the kernel. Samples and context switches
/// show what the kernel does meanwhile. It takes one descriptor per
/// event, thread and CPU, and up to 8 MiB of locked memory per CPU.
#[derive(Debug)]
pub struct Trace {
    events: Vec<OwnedFd>,
    kinds: HashMap<u64, TracedEvent>,
    rings: Vec<Ring>,
    missing: Vec<PerfError>,
    no_frames: Option<PerfError>,
    chains: Chains,
    pending: Vec<Moment>,
    bytes: Vec<u8>,
    lost: u64,
}

impl Trace {
    /// Opens the events on all threads of `pid`. Events that the host refuses are left out;
    /// [`Trace::missing`] lists them.
    ///
    /// # Errors
    /// When not even page faults can be recorded.
    pub fn open(pid: u32, start: Start) -> Result<Self, PerfError> {
        let threads = tasks::threads_of(pid)?;
        let mut trace = Self {
            events: Vec::new(),
            kinds: HashMap::new(),
            rings: Vec::new(),
            missing: Vec::new(),
            no_frames: None,
            chains: Chains::default(),
            pending: Vec::new(),
            bytes: Vec::new(),
            lost: 0,
        };
        let attrs = trace.permitted(start, threads.first().copied().unwrap_or(0))?;
        for cpu in tasks::cpus() {
            trace.open_on_cpu(&attrs, cpu, &threads)?;
        }
        if start == Start::Now {
            super::session::enable(&trace.events)?;
        }
        Ok(trace)
    }

    /// The events that are not recorded, and why.
    #[must_use]
    pub fn missing(&self) -> &[PerfError] {
        &self.missing
    }

    /// Whether the starts of faults are recorded, which gives their duration.
    #[must_use]
    pub fn times_faults(&self) -> bool {
        self.has(TracedEvent::FaultBegins)
    }

    /// Whether reads are recorded.
    #[must_use]
    pub fn has_reads(&self) -> bool {
        self.has(TracedEvent::Call) && self.has(TracedEvent::Return)
    }

    /// Why kernel functions are not recorded ([`What::OnCpu`] at [`FRAMES_HZ`], [`What::Leaves`] and
    /// [`What::IsBack`]); none when they are.
    #[must_use]
    pub fn no_frames(&self) -> Option<&PerfError> {
        self.no_frames.as_ref()
    }

    /// Addresses of kernel functions, innermost first, by the number in [`Chain`].
    #[must_use]
    pub fn chains(&self) -> HashMap<u32, Vec<u64>> {
        self.chains.in_kernel().collect()
    }

    fn has(&self, kind: TracedEvent) -> bool {
        self.kinds.values().any(|k| *k == kind)
    }

    /// Events that found no room.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Stops recording; the records can still be taken.
    pub fn stop(&self) {
        super::session::disable(&self.events);
    }

    /// Appends the records until about now, in order of time. With `all`, also those that an
    /// earlier one may still follow: for the end.
    pub fn take(&mut self, out: &mut Vec<Moment>, all: bool) {
        let until = if all { u64::MAX } else { now_ns().saturating_sub(LATE_NS) };
        for at in 0..self.rings.len() {
            self.bytes.clear();
            if !self.rings[at].drain(&mut self.bytes) {
                self.lost += 1;
            }
            self.parse();
        }
        self.pending.sort_by_key(|moment| moment.time_ns);
        let ready = self.pending.partition_point(|moment| moment.time_ns <= until);
        out.extend(self.pending.drain(..ready));
    }

    fn parse(&mut self) {
        for record in Records::numbered(&self.bytes) {
            match record {
                Record::Numbered(body) => {
                    let kind = moment::number(body).and_then(|n| self.kinds.get(&n));
                    let chains = &mut self.chains;
                    match kind.and_then(|kind| moment::parse(*kind, body, chains)) {
                        Some(moment) if self.pending.len() < PENDING_MAX => {
                            self.pending.push(moment);
                        }
                        _ => self.lost += 1,
                    }
                }
                Record::Back { pid, tid, time_ns } if self.pending.len() < PENDING_MAX => {
                    self.pending.push(Moment { time_ns, pid, tid, what: What::IsBack });
                }
                Record::Lost(n) => self.lost += n,
                Record::Garbled => self.lost += 1,
                _ => {}
            }
        }
    }

    /// The events that the host lets us open on thread `tid`.
    fn permitted(&mut self, start: Start, tid: i32) -> Result<Vec<(TracedEvent, Attr)>, PerfError> {
        let mut attrs = Vec::new();
        for kind in [TracedEvent::Minor, TracedEvent::Major] {
            let with_kernel = attr(kind, start, open::TYPE_SOFTWARE, software(kind));
            let user_only = with_kernel.with(open::EXCLUDE_KERNEL);
            let opened = accepted(with_kernel, tid).or_else(|_| accepted(user_only, tid));
            attrs.push((kind, opened?));
        }
        if let Err(e) = self.add_tracepoint(&mut attrs, TracedEvent::FaultBegins, start, tid) {
            self.missing.push(e);
        }
        let before = attrs.len();
        let calls = [TracedEvent::Call, TracedEvent::Return];
        if let Err(e) =
            calls.iter().try_for_each(|kind| self.add_tracepoint(&mut attrs, *kind, start, tid))
        {
            // Starts without ends are of no use.
            attrs.truncate(before);
            self.missing.push(e);
        }
        // Only kernel functions matter here; if they are refused, the event is left out.
        let frames = [TracedEvent::OnCpu, TracedEvent::Leaves].map(|kind| {
            accepted(attr(kind, start, open::TYPE_SOFTWARE, software(kind)), tid).map(|a| (kind, a))
        });
        match frames.into_iter().collect::<Result<Vec<_>, _>>() {
            Ok(frames) => attrs.extend(frames),
            Err(e) => self.no_frames = Some(e),
        }
        Ok(attrs)
    }

    fn add_tracepoint(
        &self,
        attrs: &mut Vec<(TracedEvent, Attr)>,
        kind: TracedEvent,
        start: Start,
        tid: i32,
    ) -> Result<(), PerfError> {
        let id = tracepoint::id(tracepoint_name(kind))?;
        attrs.push((kind, accepted(attr(kind, start, open::TYPE_TRACEPOINT, id), tid)?));
        Ok(())
    }

    fn open_on_cpu(
        &mut self,
        attrs: &[(TracedEvent, Attr)],
        cpu: u32,
        threads: &[i32],
    ) -> Result<(), PerfError> {
        let mut owner: Option<usize> = None;
        for (tid, (kind, attr)) in
            threads.iter().flat_map(|tid| attrs.iter().map(move |a| (tid, a)))
        {
            let event = match open::open(attr, Target { tid: *tid, cpu: Some(cpu) }) {
                Ok(event) => event,
                // The thread has ended since it was listed.
                Err(Errno::SRCH) => continue,
                // The CPU has gone offline.
                Err(Errno::NODEV) => return Ok(()),
                Err(e) => return Err(PerfError::new(Doing::Open, e)),
            };
            if matches!(kind, TracedEvent::Call | TracedEvent::Return) {
                open::set_filter(event.as_fd(), &filter())
                    .map_err(|e| PerfError::new(Doing::Filter, e))?;
            }
            if let Some(owner) = owner {
                open::set_output(event.as_fd(), self.events[owner].as_fd())
                    .map_err(|e| PerfError::new(Doing::Redirect, e))?;
            } else {
                let ring = Ring::map_up_to(event.as_fd(), RING_BYTES);
                self.rings.push(ring.map_err(|e| PerfError::new(Doing::Map, e))?);
                owner = Some(self.events.len());
            }
            let number = open::number(event.as_fd()).map_err(|e| PerfError::new(Doing::Open, e))?;
            self.kinds.insert(number, *kind);
            self.events.push(event);
        }
        Ok(())
    }
}

fn attr(kind: TracedEvent, start: Start, class: u32, config: u64) -> Attr {
    let mut attr = Attr::new(class, config);
    // A period: every event.
    attr.sample_freq = 1;
    attr.sample_type = open::SAMPLE_IDENTIFIER
        | open::SAMPLE_TID
        | open::SAMPLE_TIME
        | match kind {
            TracedEvent::Minor | TracedEvent::Major => open::SAMPLE_ADDR,
            // More callers may open a tracepoint without its bytes.
            TracedEvent::FaultBegins => 0,
            TracedEvent::Call | TracedEvent::Return => open::SAMPLE_RAW,
            TracedEvent::OnCpu | TracedEvent::Leaves => open::SAMPLE_CALLCHAIN,
        };
    attr.clockid = libc::CLOCK_MONOTONIC;
    let on_exec = if start == Start::OnExec { open::ENABLE_ON_EXEC } else { 0 };
    let more = match kind {
        TracedEvent::OnCpu => {
            attr.sample_freq = FRAMES_HZ;
            open::FREQ | open::EXCLUDE_CALLCHAIN_USER
        }
        TracedEvent::Leaves => {
            open::CONTEXT_SWITCH | open::SAMPLE_ID_ALL | open::EXCLUDE_CALLCHAIN_USER
        }
        _ => 0,
    };
    attr.with(open::DISABLED | open::INHERIT | open::USE_CLOCKID | on_exec | more)
}

fn accepted(attr: Attr, tid: i32) -> Result<Attr, PerfError> {
    let opened = open::open(&attr, Target { tid, cpu: None });
    opened.map(|_| attr).map_err(|e| PerfError::new(Doing::Open, e))
}

fn software(kind: TracedEvent) -> u64 {
    match kind {
        TracedEvent::Major => open::SOFTWARE_FAULTS_MAJOR,
        TracedEvent::OnCpu => open::SOFTWARE_CPU_CLOCK,
        TracedEvent::Leaves => open::SOFTWARE_CONTEXT_SWITCHES,
        _ => open::SOFTWARE_FAULTS_MINOR,
    }
}

fn tracepoint_name(kind: TracedEvent) -> &'static str {
    match kind {
        TracedEvent::Call => "raw_syscalls:sys_enter",
        TracedEvent::Return => "raw_syscalls:sys_exit",
        _ => "exceptions:page_fault_user",
    }
}

/// `id == 0 || id == 17 ...`
fn filter() -> CString {
    let terms: Vec<_> = CALLS.iter().map(|call| format!("id == {call}")).collect();
    CString::new(terms.join(" || ")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
