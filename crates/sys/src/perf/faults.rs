//! Events for page faults that run an eBPF program.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::error::{Doing, PerfError};
use super::open::{self, Attr, Target};
use super::{Start, session, tasks};
use crate::Errno;

/// Runs `program` at each fault, minor or major, that the process or a child of it had served.
/// It ends when the events are closed.
pub(crate) fn run_at_faults(
    pid: u32,
    start: Start,
    major: bool,
    program: BorrowedFd<'_>,
) -> Result<Vec<OwnedFd>, PerfError> {
    let faults = if major { open::SOFTWARE_FAULTS_MAJOR } else { open::SOFTWARE_FAULTS_MINOR };
    let mut attr = Attr::new(open::TYPE_SOFTWARE, faults);
    // A period: every fault.
    attr.sample_freq = 1;
    let on_exec = if start == Start::OnExec { open::ENABLE_ON_EXEC } else { 0 };
    let attr = attr.with(open::DISABLED | open::INHERIT | on_exec);
    let mut events = Vec::new();
    for tid in tasks::threads_of(pid)? {
        // Nothing is mapped, so one event can be of all CPUs.
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
