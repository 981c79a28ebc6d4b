//! Small files that are asked for again and again, kept in memory and never stale.
//!
//! Opening, inspecting, reading and closing a file of 4 KiB costs four system calls; an
//! answer from here costs none ([`Freshness::Inotify`]) or one ([`Freshness::Stat`]).
//!
//! # What "fresh" means
//! A change that was complete (`write(2)` or `rename(2)` returned) longer than the bound
//! before [`HotFiles::get`] was called is in its answer. With [`Freshness::Stat`] the bound is
//! zero. What it rests on:
//!
//! | change | seen by |
//! |---|---|
//! | write, truncation, hole, through any name or bind mount of the file | event on the inode |
//! | the file replaced by rename, unlinked, renamed | event on the inode |
//! | a directory above it renamed; a symbolic link on the way pointed elsewhere | event on that directory or link |
//! | something mounted or unmounted on the way | table of mounts, polled with the events |
//! | queue of events overflowed | every watched entry ends |
//! | limit of watches, network and unknown file systems | no event: `statx(2)` once per bound |
//! | two writes within a clock tick that leave the same times | an entry is not relied on until its last change lies further back than the stamps are fine (20 ms; 2.5 s where they are whole seconds; 60 s on a server with its own clock) |
//!
//! Not seen by `inotify(7)`: stores through a shared writable map, and Linux AIO. For these,
//! watched entries are also compared by `statx(2)` once per [`HotFilesOptions::recheck`]
//! (1 s). A store through a map moves the file's times only at the first store to a clean
//! page, and on tmpfs never: a program that writes so, and wants others to see it, must change the
//! times (`utimensat(2)`). Neither sees that this process changed its own root directory or
//! mount namespace, nor that it may no longer read the file.

mod cache;
mod chain;
mod counts;
mod entry;
mod metrics;
mod options;
mod released;
mod stamp;
mod watch;

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cutwater_sys::Errno;
use cutwater_sys::origin::Origin;
use rustix::time::{ClockId, clock_gettime};

pub use counts::Snapshot;
pub use entry::HotFile;
pub use options::{Freshness, HotFilesOptions};

use crate::error::{Action, Cause};
use crate::{Error, Result};
use cache::Table;
use counts::{Count, Counters};
use entry::{Entry, Loader};
use stamp::Stamp;
use watch::Watcher;

/// A bounded cache of small, hot files; see the [module](self).
///
/// All methods take `&self`: share it between threads as it is.
///
/// ```
/// use cutwater_keep::hot_files::HotFiles;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = std::path::absolute("Cargo.toml")?;
/// let files = HotFiles::options().file_bytes_max(1 << 20).bytes_max(64 << 20).build()?;
/// let first = files.get(&path)?;
/// assert!(files.get(&path)?.is_same_copy(&first));
/// # Ok(()) }
/// ```
pub struct HotFiles {
    table: Table,
    options: HotFilesOptions,
    /// None where freshness is by `statx(2)`, or there are no events.
    watcher: Option<Watcher>,
    /// The process that owns the events: a forked child that took some would take them from it.
    made_in: Origin,
    /// How long an entry that is not watched is relied on, ns.
    bound_ns: u64,
    counters: Arc<Counters>,
}

impl HotFiles {
    /// A cache with the defaults of [`HotFilesOptions`].
    ///
    /// # Errors
    /// None with the defaults; see [`HotFilesOptions::build`].
    pub fn new() -> Result<Self> {
        Self::options().build()
    }

    /// Bounds and freshness to choose.
    #[must_use]
    pub fn options() -> HotFilesOptions {
        HotFilesOptions::default()
    }

    /// The contents of the regular file that `path` names, from memory where that is fresh.
    ///
    /// # Errors
    /// When the path is relative (it would change its meaning with the working directory),
    /// names no regular file, cannot be opened or read, holds more than
    /// [`HotFilesOptions::file_bytes_max`] bytes, or changed during each of 8 reads (`EAGAIN`).
    pub fn get(&self, path: impl AsRef<Path>) -> Result<HotFile> {
        let path = path.as_ref();
        let Some(entry) = self.table.get(path.as_os_str().as_bytes()) else {
            return self.miss(path);
        };
        if self.is_fresh(&entry) || self.recheck(&entry) {
            self.counters.add(Count::hits, 1);
            return Ok(HotFile(entry));
        }
        self.counters.add(Count::refreshes, 1);
        self.read(path)
    }

    /// Forgets what a path holds; the next [`get`](Self::get) reads it.
    pub fn forget(&self, path: impl AsRef<Path>) {
        drop(self.table.remove(path.as_ref().as_os_str().as_bytes()));
    }

    /// Files held now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether no file is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// What the files held now count against [`HotFilesOptions::bytes_max`].
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.table.weight()
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> Snapshot {
        self.counters.get()
    }

    /// The counters, for metrics.
    fn shared_counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Whether events are received at all; if not, [`Freshness::Inotify`] fell back to
    /// `statx(2)` once per bound, for example because `fs.inotify.max_user_instances` was
    /// reached, `/proc` is not mounted, or this is a child of the process that made it.
    #[must_use]
    pub fn is_watching(&self) -> bool {
        self.watcher().is_some()
    }

    /// None in a forked child, which asks once per bound.
    fn watcher(&self) -> Option<&Watcher> {
        self.watcher.as_ref().filter(|_| self.made_in.is_here())
    }

    /// Gives everything back that no [`HotFile`] still holds.
    ///
    /// # Errors
    /// None today: read-only descriptors and watches close without any.
    pub fn close(self) -> Result<()> {
        self.table.clear();
        Ok(())
    }

    fn build(options: HotFilesOptions) -> Result<Self> {
        let counters = Arc::<Counters>::default();
        let (bytes, entries) = (options.bytes_max, options.entries_max);
        let table = cache::table(bytes, entries, options.file_bytes_max)
            .map_err(|why| Error::new(Action::Open, None, Cause::Unsupported(why)))?;
        let (watcher, bound) = match options.freshness {
            Freshness::Stat => (None, std::time::Duration::ZERO),
            // What cannot be watched is asked for once per bound: the same promise.
            Freshness::Inotify { bound } => (Watcher::new().ok(), bound),
        };
        let (made_in, bound_ns) = (Origin::here(), ns(bound));
        Ok(Self { table, options, watcher, made_in, bound_ns, counters })
    }

    /// Whether the entry may be returned as it is, without asking the kernel.
    fn is_fresh(&self, entry: &Entry) -> bool {
        if self.options.freshness == Freshness::Stat {
            return false;
        }
        let now_ns = now_ns();
        let age_ns = now_ns.saturating_sub(entry.checked_ns.load(Ordering::Acquire));
        let mut trust_ns = entry.trust_ns.load(Ordering::Acquire);
        let watcher = self.watcher();
        if watcher.is_none() {
            trust_ns = trust_ns.min(self.bound_ns);
        }
        if age_ns > trust_ns {
            return false;
        }
        if let (Some(watcher), true) = (watcher, entry.is_watched()) {
            watcher.catch_up(now_ns, self.bound_ns, &self.counters);
        }
        entry.is_valid()
    }

    /// Compares the entry with what its path names now.
    fn recheck(&self, entry: &Arc<Entry>) -> bool {
        if !entry.is_valid() {
            return false;
        }
        let now_ns = now_ns();
        self.counters.add(Count::rechecks, 1);
        let same = Stamp::of_path(&entry.path, entry.place) == Ok(Some(entry.stamp));
        if !(same && entry.settled) {
            return false;
        }
        entry.checked_ns.fetch_max(now_ns, Ordering::AcqRel);
        if let Some(watcher) = self.watcher() {
            self.watch(watcher, entry, now_ns);
        }
        entry.is_valid()
    }

    /// Watches an entry that proved worth it: it was asked for again after the bound.
    fn watch(&self, watcher: &Watcher, entry: &Arc<Entry>, now_ns: u64) {
        if entry.watches.get().is_some() {
            watcher.catch_up(now_ns, self.bound_ns, &self.counters);
        } else if watcher.watch(entry, now_ns, &self.counters).is_ok() {
            let trust_ns = ns(self.options.recheck).max(self.bound_ns);
            entry.trust_ns.store(trust_ns, Ordering::Release);
            self.counters.add(Count::watched, 1);
        } else {
            self.counters.add(Count::unwatched, 1);
        }
    }

    #[cold]
    fn miss(&self, path: &Path) -> Result<HotFile> {
        if !path.is_absolute() {
            let why = "hot files need an absolute path, as a relative one changes its meaning with the working directory; see std::path::absolute";
            return Err(Error::new(Action::Open, Some(path), Cause::Unsupported(why.into())));
        }
        self.counters.add(Count::misses, 1);
        self.read(path)
    }

    fn read(&self, path: &Path) -> Result<HotFile> {
        let key = path.as_os_str().as_bytes();
        let entry = match self.load(path) {
            Ok(entry) => Arc::new(entry),
            Err(e) => {
                drop(self.table.remove(key));
                return Err(e);
            }
        };
        self.counters.add(Count::evictions, cache::insert(&self.table, key, &entry));
        Ok(HotFile(entry))
    }

    fn load(&self, path: &Path) -> Result<Entry> {
        let loader = Loader {
            file_bytes_max: self.options.file_bytes_max,
            trust_ns: self.bound_ns,
            counters: &self.counters,
        };
        match loader.load(path, now_ns()) {
            // Our own descriptors may be what used up the limit.
            Err(e) if is_out_of_descriptors(&e) && !self.table.is_empty() => {
                self.counters.add(Count::evictions, self.table.len() as u64);
                self.table.clear();
                loader.load(path, now_ns())
            }
            done => done,
        }
    }
}

impl std::fmt::Debug for HotFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HotFiles")
            .field("options", &self.options)
            .field("len", &self.len())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

fn is_out_of_descriptors(error: &Error) -> bool {
    [Errno::MFILE, Errno::NFILE].iter().any(|e| error.raw_os_error() == Some(e.raw_os_error()))
}

fn ns(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The monotonic clock, ns.
fn now_ns() -> u64 {
    let t = clock_gettime(ClockId::Monotonic);
    t.tv_sec.unsigned_abs() * 1_000_000_000 + t.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_forked_child_asks_and_takes_no_events_of_its_parent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "first").unwrap();
        let freshness = Freshness::Inotify { bound: Duration::ZERO };
        let options = HotFiles::options().freshness(freshness).recheck(Duration::from_secs(3600));
        let mut files = options.build().unwrap();
        let tried = (0..10_000).any(|_| {
            assert_eq!(&*files.get(&path).unwrap(), b"first");
            std::thread::sleep(Duration::from_millis(1));
            files.counts().watched + files.counts().unwatched > 0
        });
        if files.counts().watched == 0 {
            return cutwater_testing::skip!("there are no events here: {tried}");
        }
        files.made_in = Origin::elsewhere();
        let before = files.counts();
        std::fs::write(&path, "other").unwrap();
        assert_eq!(&*files.get(&path).unwrap(), b"other");
        assert_eq!(files.counts().drains, before.drains);
        assert!(files.counts().rechecks > before.rechecks && !files.is_watching());
    }
}
