//! As many cores as a cell has threads, for everybody alike.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// This thread, and all that it starts, kept to a few cores; to its old ones when dropped.
#[derive(Debug)]
pub(crate) struct Pinned {
    before: CpuSet,
}

impl Pinned {
    /// Keeps to the last `cores` of the cores that this thread may use: the first is the one
    /// that tends to have the interrupts.
    pub(crate) fn to(cores: usize) -> Result<Self, String> {
        let say = |e| format!("cannot keep to {cores} cores: {e}; try --no-pin");
        let before = sched_getaffinity(None).map_err(say)?;
        let mut few = CpuSet::new();
        let usable = (0..CpuSet::MAX_CPU).rev().filter(|cpu| before.is_set(*cpu));
        usable.take(cores.max(1)).for_each(|cpu| few.set(cpu));
        sched_setaffinity(None, &few).map_err(say)?;
        Ok(Self { before })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // The cores were usable before; when they no longer are, the few are kept.
        let _ = sched_setaffinity(None, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_inherit_the_cores_and_the_old_ones_come_back() {
        let count = || sched_getaffinity(None).unwrap().count();
        let before = count();
        let pinned = Pinned::to(1).unwrap();
        assert_eq!(std::thread::spawn(count).join().unwrap(), 1);
        drop(pinned);
        assert_eq!(count(), before);
    }
}
