//! The threads of this process and the CPUs of this host.

use std::fs;

use super::error::{Doing, PerfError};

/// More threads than this are refused: each costs one descriptor per CPU.
const THREADS_MAX: usize = 16_384;
/// CPUs beyond this number are ignored.
const CPUS_MAX: u32 = 4_096;

/// Ids of the threads that this process has now.
pub(super) fn threads() -> Result<Vec<i32>, PerfError> {
    threads_of(std::process::id())
}

/// Ids of the threads that a process has now.
pub(super) fn threads_of(pid: u32) -> Result<Vec<i32>, PerfError> {
    let dir = fs::read_dir(format!("/proc/{pid}/task"))
        .map_err(|e| PerfError::from_io(Doing::ListThreads, &e))?;
    let ids: Vec<i32> = dir
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .take(THREADS_MAX + 1)
        .collect();
    if ids.len() > THREADS_MAX {
        return Err(PerfError::new(Doing::ListThreads, cutwater_sys::Errno::MFILE));
    }
    Ok(ids)
}

/// Numbers of the CPUs that are online.
pub(super) fn cpus() -> Vec<u32> {
    let listed = fs::read_to_string("/sys/devices/system/cpu/online")
        .map(|list| parse_list(list.trim()))
        .unwrap_or_default();
    if listed.is_empty() {
        let n = std::thread::available_parallelism().map_or(1, usize::from);
        return (0..u32::try_from(n).unwrap_or(1)).collect();
    }
    listed
}

/// Parses a list as sysfs writes it: `0-3,8,10-11`. Anything but a number is left out.
fn parse_list(list: &str) -> Vec<u32> {
    let ranges = list.split(',').filter_map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?.min(CPUS_MAX))
    });
    ranges.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus_are_read_as_sysfs_writes_them() {
        assert_eq!(parse_list("0"), [0]);
        assert_eq!(parse_list("0-2,8,10-11"), [0, 1, 2, 8, 10, 11]);
        assert_eq!(parse_list(""), Vec::<u32>::new());
        assert_eq!(parse_list("x,3-y,4"), [4]);
        assert!(parse_list("0-4294967295").len() <= CPUS_MAX as usize + 1);
    }

    #[test]
    fn the_calling_thread_is_among_the_threads() {
        let me = rustix::thread::gettid().as_raw_nonzero().get();
        assert!(threads().is_ok_and(|ids| ids.contains(&me)));
    }
}
