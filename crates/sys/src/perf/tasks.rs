//! The threads of this process.

use std::fs;

use super::error::{Doing, PerfError};

/// More threads than this are refused: each costs one descriptor per CPU.
const THREADS_MAX: usize = 16_384;

/// Ids of the threads that this process has now.
pub(super) fn threads() -> Result<Vec<i32>, PerfError> {
    let dir =
        fs::read_dir("/proc/self/task").map_err(|e| PerfError::from_io(Doing::ListThreads, &e))?;
    let ids: Vec<i32> = dir
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .take(THREADS_MAX + 1)
        .collect();
    if ids.len() > THREADS_MAX {
        return Err(PerfError::new(Doing::ListThreads, crate::Errno::MFILE));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calling_thread_is_among_the_threads() {
        let me = rustix::thread::gettid().as_raw_nonzero().get();
        assert!(threads().is_ok_and(|ids| ids.contains(&me)));
    }
}
