//! Counts of kernel events that `getrusage(2)` does not have.

use std::os::fd::{AsFd, OwnedFd};

use super::error::{Doing, PerfError};
use super::open::{self, Attr, Target};
use super::{tasks, tracepoint};
use cutwater_sys::{Errno, Result};

/// What a [`Counter`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// System calls: the tracepoint `raw_syscalls:sys_enter`.
    ///
    /// While it is open, *every* system call on the host takes the kernel's slower, traced
    /// entry (roughly 0.1 us more): count in a separate run, not in a timed one.
    Syscalls,
    /// Operations that the ring gave to an io-wq worker: `io_uring:io_uring_queue_async_work`.
    IoWqPunts,
}

/// Whose events are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Those of the calling thread alone.
    Thread,
    /// Those of all threads, present and future. A thread that another thread
    /// creates while the counter is being opened may be missed. Before Linux 5.13 child processes
    /// are counted too.
    Process,
}

/// A count of kernel events in this process. See `perf_event_open(2)`.
///
/// It counts from the moment it is opened. Take the difference of two readings.
#[derive(Debug)]
pub struct Counter {
    events: Vec<OwnedFd>,
    event: Event,
}

impl Counter {
    /// Opens a counter and starts it.
    ///
    /// # Errors
    /// [`PerfError::is_unsupported`] when tracefs is not mounted (the only source of a
    /// tracepoint's number), [`PerfError::is_refused`] without the permission.
    pub fn open(event: Event, scope: Scope) -> std::result::Result<Self, PerfError> {
        let attr = Attr::new(open::TYPE_TRACEPOINT, tracepoint::id(event.name())?);
        let events = match scope {
            Scope::Thread => vec![
                open::open(&attr, Target { tid: 0, cpu: None })
                    .map_err(|e| PerfError::new(Doing::Open, e))?,
            ],
            Scope::Process => open_on_threads(attr)?,
        };
        Ok(Self { events, event })
    }

    /// What is counted.
    #[must_use]
    pub fn event(&self) -> Event {
        self.event
    }

    /// Events since the counter was opened.
    ///
    /// Reading makes one system call for each thread that ran when the counter was opened;
    /// a counter of [`Event::Syscalls`] sees them.
    ///
    /// # Errors
    /// Those of `read(2)`; none is known while the counter is open.
    pub fn read(&self) -> Result<u64> {
        let mut sum = 0u64;
        for fd in &self.events {
            let mut bytes = [0u8; 8];
            let n = rustix::io::retry_on_intr(|| rustix::io::read(fd.as_fd(), &mut bytes))?;
            if n != bytes.len() {
                return Err(Errno::IO);
            }
            sum = sum.wrapping_add(u64::from_ne_bytes(bytes));
        }
        Ok(sum)
    }
}

/// One event per thread that exists; each also counts the threads that its thread creates.
fn open_on_threads(attr: Attr) -> std::result::Result<Vec<OwnedFd>, PerfError> {
    let threads_only = attr.with(open::INHERIT | open::INHERIT_THREAD);
    let with_children = attr.with(open::INHERIT);
    let mut events = Vec::new();
    for tid in tasks::threads()? {
        let target = Target { tid, cpu: None };
        let opened = match open::open(&threads_only, target) {
            Err(Errno::INVAL) => open::open(&with_children, target),
            opened => opened,
        };
        match opened {
            Ok(fd) => events.push(fd),
            // The thread has ended since it was listed.
            Err(Errno::SRCH) => {}
            Err(e) => return Err(PerfError::new(Doing::Open, e)),
        }
    }
    Ok(events)
}

impl Event {
    /// The tracepoint's name, as `perf list` prints it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Syscalls => "raw_syscalls:sys_enter",
            Self::IoWqPunts => "io_uring:io_uring_queue_async_work",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens a counter, or prints why this host cannot.
    fn open_or_skip(event: Event, scope: Scope) -> Option<Counter> {
        match Counter::open(event, scope) {
            Ok(counter) => Some(counter),
            Err(e) => {
                assert!(e.is_refused() || e.is_unsupported() || e.is_limit(), "{e}");
                cutwater_testing::skip!("{e}");
                None
            }
        }
    }

    fn call_kernel(times: u32) {
        for _ in 0..times {
            let _ = rustix::process::getppid();
        }
    }

    #[test]
    fn system_calls_of_the_thread_are_counted_exactly() {
        let Some(counter) = open_or_skip(Event::Syscalls, Scope::Thread) else { return };
        let before = counter.read().unwrap();
        call_kernel(100);
        // The read that ends the interval enters the kernel before it takes the count.
        assert_eq!(counter.read().unwrap() - before, 101);
    }

    #[test]
    fn threads_started_later_are_counted_in_the_scope_of_the_process() {
        let Some(counter) = open_or_skip(Event::Syscalls, Scope::Process) else { return };
        let before = counter.read().unwrap();
        let thread = std::thread::spawn(|| call_kernel(50_000));
        thread.join().unwrap();
        assert!(counter.read().unwrap() - before >= 50_000);
    }

    #[test]
    fn a_thread_does_not_count_another() {
        let Some(counter) = open_or_skip(Event::Syscalls, Scope::Thread) else { return };
        let before = counter.read().unwrap();
        std::thread::spawn(|| call_kernel(50_000)).join().unwrap();
        assert!(counter.read().unwrap() - before < 50_000);
    }

    #[test]
    fn punts_are_counted_only_when_there_are_some() {
        let Some(counter) = open_or_skip(Event::IoWqPunts, Scope::Thread) else { return };
        call_kernel(10);
        assert_eq!(counter.read().unwrap(), 0);
    }
}
