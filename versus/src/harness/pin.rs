//! As many cores as a cell has threads, the same for every side.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Keeps this thread, and all that it starts, to a few cores, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pinned {
    before: CpuSet,
}

impl Pinned {
    /// Keeps to the last `cores` of the cores that this thread may use: the first is the one
    /// that tends to have the interrupts.
    pub(crate) fn to_last(cores: usize) -> Result<Self, String> {
        let say = |e| format!("cannot keep to {cores} cores: {e}; try --no-pin");
        let before = sched_getaffinity(None).map_err(say)?;
        let mut few = CpuSet::new();
        let usable = (0..CpuSet::MAX_CPU).rev().filter(|cpu| before.is_set(*cpu));
        usable.take(cores.max(1)).for_each(|cpu| few.set(cpu));
        sched_setaffinity(None, &few).map_err(say)?;
        Ok(Self { before })
    }
}

/// The first and the last core that this thread may use.
pub(crate) fn first_and_last() -> Result<(usize, usize), String> {
    let all = sched_getaffinity(None).map_err(|e| format!("cannot find usable cores: {e}"))?;
    let usable = || (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu));
    Ok((usable().next().unwrap_or(0), usable().next_back().unwrap_or(0)))
}

/// Keeps this thread, and all that it starts, to one core.
pub(crate) fn keep_to(cpu: usize) -> Result<Pinned, String> {
    let say = |e| format!("cannot keep to core {cpu}: {e}");
    let before = sched_getaffinity(None).map_err(say)?;
    let mut one = CpuSet::new();
    one.set(cpu);
    sched_setaffinity(None, &one).map_err(say)?;
    Ok(Pinned { before })
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
        let pinned = Pinned::to_last(1).unwrap();
        assert_eq!(std::thread::spawn(count).join().unwrap(), 1);
        drop(pinned);
        assert_eq!(count(), before);
    }
}
