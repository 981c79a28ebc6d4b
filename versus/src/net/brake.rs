//! A slowdown made by hand, to see whether a comparison finds it.

use std::cell::Cell;

use rustix::time::{ClockId, clock_gettime};

/// Requests between two looks at the clock, whose call would itself slow each request down.
const REQUESTS: u32 = 64;

/// Burns a share of the processor time that the thread used since the last time.
#[derive(Debug)]
pub(super) struct Brake {
    share: f64,
    requests: Cell<u32>,
    /// The thread's processor time when it last burned, ns.
    used_ns: Cell<u64>,
}

impl Brake {
    /// A brake of `percent`; none of 0.
    pub(super) fn new(percent: f64) -> Self {
        let (requests, used_ns) = (Cell::new(0), Cell::new(thread_ns()));
        Self { share: percent / 100.0, requests, used_ns }
    }

    /// Counts a request.
    pub(super) fn after_a_request(&self) {
        if self.share == 0.0 {
            return;
        }
        self.requests.set(self.requests.get() + 1);
        if self.requests.get() < REQUESTS {
            return;
        }
        let now = thread_ns();
        let end = now + ((now - self.used_ns.get()) as f64 * self.share) as u64;
        while thread_ns() < end {
            std::hint::spin_loop();
        }
        self.requests.set(0);
        self.used_ns.set(thread_ns());
    }
}

/// Processor time of this thread, ns.
fn thread_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_burns_its_share_of_what_was_used() {
        let brake = Brake::new(50.0);
        let begun = thread_ns();
        while thread_ns() < begun + 4_000_000 {}
        (0..REQUESTS).for_each(|_| brake.after_a_request());
        let used = thread_ns() - begun;
        assert!((6_000_000..9_000_000).contains(&used), "{used}");
    }
}
