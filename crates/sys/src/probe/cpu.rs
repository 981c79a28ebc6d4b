//! Processors, and a control group's limits on processors and memory: `cgroups(7)`.

use std::path::{Path, PathBuf};

use super::{small_number, small_text};

/// Processors and the control group's limits.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CpuFacts {
    /// Processors that this process may run on (`sched_getaffinity(2)`).
    pub cpus: u32,
    /// Processors' worth of time that the control group grants, where it limits it.
    pub cgroup_cpus: Option<f64>,
    /// Bytes of memory that the control group grants, where it limits it.
    pub cgroup_memory_bytes: Option<u64>,
}

/// Asks the kernel.
#[must_use]
pub fn probe() -> CpuFacts {
    let membership = small_text("/proc/self/cgroup").unwrap_or_default();
    let root = Path::new("/sys/fs/cgroup");
    let (cgroup_cpus, cgroup_memory_bytes) = limits(root, &membership);
    let cpus = rustix::thread::sched_getaffinity(None).map_or(1, |set| set.count());
    CpuFacts { cpus, cgroup_cpus, cgroup_memory_bytes }
}

/// Most levels of nested groups that are read.
const DEPTH_MAX: usize = 32;

/// The tightest limits of the groups that `membership` (of `/proc/self/cgroup`) names and of
/// the groups that contain them.
fn limits(root: &Path, membership: &str) -> (Option<f64>, Option<u64>) {
    let (mut cpus, mut memory) = (None::<f64>, None::<u64>);
    for dir in membership.lines().filter_map(|l| group(root, l)).flat_map(|(r, d)| up(&r, &d)) {
        if let Some(here) = cpu_max(&dir).or_else(|| cpu_quota(&dir)) {
            cpus = Some(cpus.map_or(here, |c| c.min(here)));
        }
        let here = ["memory.max", "memory.limit_in_bytes"].map(|f| small_number(dir.join(f)));
        if let Some(here) = here.into_iter().flatten().next().filter(|&b: &u64| b < UNLIMITED) {
            memory = Some(memory.map_or(here, |m| m.min(here)));
        }
    }
    (cpus, memory)
}

/// In version 1, a number near 2^63 means "no limit".
const UNLIMITED: u64 = 1 << 60;

/// The top and the folder of one line: `0::/a/b` (version 2) or `4:memory:/a/b` (version 1).
fn group(root: &Path, line: &str) -> Option<(PathBuf, PathBuf)> {
    let mut fields = line.splitn(3, ':').skip(1);
    let top = root.join(fields.next()?);
    let inner = top.join(fields.next()?.trim_start_matches('/'));
    Some((top, inner))
}

fn up(top: &Path, dir: &Path) -> Vec<PathBuf> {
    let inside = dir.ancestors().take_while(|d| d.starts_with(top));
    inside.take(DEPTH_MAX).map(Path::to_path_buf).collect()
}

/// Version 2: `QUOTA PERIOD` or `max PERIOD`.
fn cpu_max(dir: &Path) -> Option<f64> {
    let text = small_text(dir.join("cpu.max"))?;
    let (quota, period) = text.split_once(' ')?;
    share(quota.parse().ok()?, period.parse().ok()?)
}

/// Version 1; a quota of -1 means no limit.
fn cpu_quota(dir: &Path) -> Option<f64> {
    share(small_number(dir.join("cpu.cfs_quota_us"))?, small_number(dir.join("cpu.cfs_period_us"))?)
}

fn share(quota: f64, period: f64) -> Option<f64> {
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_tightest_group_around_counts() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        let write = |file: &str, text: &str| fs::write(root.path().join(file), text).unwrap();
        write("a/cpu.max", "150000 100000\n");
        write("a/b/cpu.max", "max 100000\n");
        write("a/memory.max", "max\n");
        write("a/b/memory.max", "1048576\n");
        assert_eq!(limits(root.path(), "0::/a/b\n"), (Some(1.5), Some(1 << 20)));
        assert_eq!(limits(root.path(), "0::/\n"), (None, None));
    }

    #[test]
    fn version_1_is_read_by_controller() {
        let root = tempfile::tempdir().unwrap();
        for dir in ["cpu,cpuacct/x", "memory/x"] {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        let write = |file: &str, text: &str| fs::write(root.path().join(file), text).unwrap();
        write("cpu,cpuacct/x/cpu.cfs_quota_us", "50000\n");
        write("cpu,cpuacct/x/cpu.cfs_period_us", "100000\n");
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        let limits = limits(root.path(), "5:memory:/x\n4:cpu,cpuacct:/x\n");
        assert_eq!(limits, (Some(0.5), None));
    }

    #[test]
    fn there_is_a_processor() {
        assert!(probe().cpus > 0);
    }
}
