//! What `io_uring(7)` can do here: set-up flags, features, operations, registrations.

mod operations;
pub(super) mod queue;
mod register;
mod setup;

use super::{Answer, Check, small_number};

/// What a ring can do on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingFacts {
    /// A plain ring: `io_uring_setup(2)` and the maps of its queues.
    pub setup: Answer,
    /// Each `IORING_SETUP_*` flag, alone or with the flag that it demands.
    pub flags: Vec<Check>,
    /// Each `IORING_FEAT_*` that the kernel reports.
    pub features: Vec<Check>,
    /// Operations that the kernel lists (`IORING_REGISTER_PROBE`).
    pub listed: Vec<Check>,
    /// Operations that were done.
    pub operations: Vec<Check>,
    /// Registrations that were done: files, buffers, buffer rings, workers.
    pub registrations: Vec<Check>,
    /// The largest buffer that could be registered, up to [`REGISTERED_BYTES_MAX`].
    pub registered_bytes_max: usize,
    /// Workers of io-wq that may block at a time: on files, and on sockets.
    pub workers: Option<[u32; 2]>,
    /// `kernel.io_uring_disabled`: 0 for all, 1 for a group, 2 for nobody (Linux 6.6).
    pub disabled: Option<u32>,
    /// `kernel.io_uring_group`: the group that may where `disabled` is 1.
    pub group: Option<i64>,
}

/// The largest buffer that is tried: an arena of the default size.
pub const REGISTERED_BYTES_MAX: usize = 8 << 20;

/// Asks the kernel for everything about rings.
///
/// It runs on a thread of its own: io-wq workers belong to the thread whose operation was punted,
/// idle for five seconds, and end with that thread.
#[must_use]
pub fn probe() -> RingFacts {
    let spawned = std::thread::Builder::new().name("cutwater-probe".into()).spawn(probe_here);
    match spawned.map(std::thread::JoinHandle::join) {
        Ok(Ok(facts)) => facts,
        _ => empty(Answer::Untried("no thread could be started")),
    }
}

fn empty(setup: Answer) -> RingFacts {
    RingFacts {
        setup,
        flags: Vec::new(),
        features: Vec::new(),
        listed: Vec::new(),
        operations: Vec::new(),
        registrations: Vec::new(),
        registered_bytes_max: 0,
        workers: None,
        disabled: small_number("/proc/sys/kernel/io_uring_disabled"),
        group: small_number("/proc/sys/kernel/io_uring_group"),
    }
}

fn probe_here() -> RingFacts {
    let ring = match setup::plain() {
        Ok(ring) => ring,
        Err(errno) => return empty(Answer::Refused(errno)),
    };
    let mut facts = empty(Answer::Works);
    facts.features = setup::features(&ring);
    facts.listed = setup::listed(&ring);
    facts.workers = register::workers(&ring);
    drop(ring);
    facts.operations = operations::try_operations();
    (facts.registrations, facts.registered_bytes_max) = register::try_registrations();
    // Last, because a closed ring with SQPOLL takes longest to disappear.
    facts.flags = setup::flags();
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often to check whether all are gone: for a minute.
    const LOOKS_MAX: u32 = 3000;

    /// Other tests of this process start threads too, so only the kernel's are counted.
    fn kernel_threads() -> Vec<String> {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names = tasks.filter_map(|t| std::fs::read_to_string(t.ok()?.path().join("comm")).ok());
        names.filter(|n| n.starts_with("iou-") || n.starts_with("cutwater-pro")).collect()
    }

    #[test]
    fn what_works_is_found_and_nothing_is_left_behind() {
        let facts = probe();
        if !facts.setup.works() {
            cutwater_testing::skip!("io_uring is refused here: {:?}", facts.setup);
            return;
        }
        assert!(super::super::answer(&facts.operations, "READ").works(), "{facts:?}");
        assert!(super::super::answer(&facts.listed, "READV").works(), "{facts:?}");
        // Another test may be probing at this moment; threads that are left behind stay.
        for _ in 0..LOOKS_MAX {
            if kernel_threads().is_empty() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("left behind: {:?}", kernel_threads());
    }

    #[test]
    fn nothing_that_is_done_is_unlisted() {
        let facts = probe();
        for done in facts.operations.iter().filter(|c| c.answer.works()) {
            let listed = facts.listed.iter().find(|c| c.name == done.name);
            assert!(listed.is_none_or(|c| c.answer != Answer::Absent), "{done:?}");
        }
    }
}
