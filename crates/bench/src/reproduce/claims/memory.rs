//! What a process has in memory that belongs to no file.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::passes::failed;

/// How often it is looked up while a peak is wanted.
const EVERY: Duration = Duration::from_micros(500);

/// KiB of this process that belong to no file; see `proc_pid_status(5)`.
pub(super) fn own_kib() -> Result<u64, String> {
    let text = std::fs::read_to_string("/proc/self/status").map_err(failed)?;
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
    kib.ok_or_else(|| "/proc/self/status has no RssAnon".into())
}

/// Does `work`, and returns how many KiB memory grew at most meanwhile, as sampled by a thread.
fn growth_kib<T>(work: impl FnOnce() -> T) -> Result<(T, u64), String> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let before = own_kib()?;
        let watcher = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                most = own_kib()?.max(most);
                std::thread::sleep(EVERY);
            }
            Ok::<_, String>(most)
        });
        let done = work();
        // What is still held counts in any case.
        let after = own_kib();
        over.store(true, Ordering::Relaxed);
        let most = watcher.join().map_err(|_| "a thread panicked".to_owned())??;
        Ok((done, most.max(after?).saturating_sub(before)))
    })
}

/// What a process says that weighs one side: KiB that `work` took, and what it found.
pub(super) fn weighed(work: impl FnOnce() -> Result<u64, String>) -> Result<String, String> {
    // A map is read through it.
    let _ = cutwater::sigbus::install();
    let (found, kib) = growth_kib(work)?;
    serde_json::to_string(&(kib, found?)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::growth_kib;

    #[test]
    fn memory_that_is_held_counts_and_an_empty_list_does_not() {
        let (held, kib) = growth_kib(|| vec![1u8; 32 << 20]).unwrap();
        assert!(kib >= 30 << 10, "{kib} KiB for {} bytes", held.len());
        let (_, kib) = growth_kib(Vec::<u8>::new).unwrap();
        assert!(kib < 16 << 10, "{kib} KiB for nothing");
    }
}
