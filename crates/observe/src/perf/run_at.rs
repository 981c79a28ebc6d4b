//! Events of a process that run an eBPF program.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::error::{Doing, PerfError};
use super::open::{self, Attr, Target};
use super::{FRAMES_HZ, Start, session, tasks};
use cutwater_sys::Errno;

/// The events at which a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunAt {
    /// Each fault that was served without the device.
    MinorFault,
    /// Each fault that waited for it.
    MajorFault,
    /// [`FRAMES_HZ`] times per second of CPU time.
    Clock,
}

/// Runs `program` at each event of the process or a child of it. It ends when the events are
/// closed.
pub(crate) fn run_at(
    pid: u32,
    start: Start,
    at: RunAt,
    program: BorrowedFd<'_>,
) -> Result<Vec<OwnedFd>, PerfError> {
    let (event, period, freq) = match at {
        RunAt::MinorFault => (open::SOFTWARE_FAULTS_MINOR, 1, 0),
        RunAt::MajorFault => (open::SOFTWARE_FAULTS_MAJOR, 1, 0),
        RunAt::Clock => (open::SOFTWARE_CPU_CLOCK, FRAMES_HZ, open::FREQ),
    };
    let mut attr = Attr::new(open::TYPE_SOFTWARE, event);
    attr.sample_freq = period;
    let on_exec = if start == Start::OnExec { open::ENABLE_ON_EXEC } else { 0 };
    let attr = attr.with(open::DISABLED | open::INHERIT | on_exec | freq);
    let mut events = Vec::new();
    for tid in tasks::threads_of(pid)? {
        // Nothing is mapped, so one event can cover all CPUs.
        let event = match open::open(&attr, Target { tid, cpu: None }) {
            Ok(event) => event,
            // The thread has ended since it was listed.
            Err(Errno::SRCH) => continue,
            Err(e) => return Err(PerfError::new(Doing::Open, e)),
        };
        open::set_program(event.as_fd(), program).map_err(|e| PerfError::new(Doing::Filter, e))?;
        events.push(event);
    }
    if start == Start::Now {
        session::enable(&events)?;
    }
    Ok(events)
}
