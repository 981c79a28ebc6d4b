//! Waiting until a file changes: inotify(7), or a pause where it is refused.

use std::collections::BTreeSet;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

/// How long to wait at most for an event: changes that another host makes on a network file system
/// cause none.
const EVENT_WAIT: Duration = Duration::from_millis(500);

/// How long to wait between looks where there are no events.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// What a file and its directory are watched for: growth, truncation, rotation and permissions.
const WATCHED: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::DELETE);

/// Waits for changes of files.
#[derive(Debug)]
pub struct Watcher {
    inotify: Option<OwnedFd>,
    /// Why changes are looked for at intervals, where they are.
    pub refused: Option<String>,
}

impl Watcher {
    /// Watches the directories of `paths`, as rotation replaces the files themselves.
    #[must_use]
    pub fn new<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let directory = |path: &Path| {
            let real = path.canonicalize().unwrap_or_else(|_| path.into());
            // A link may be changed in its own directory, what it leads to in another.
            [path.to_path_buf(), real].map(|p| match p.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.into(),
                _ => PathBuf::from("."),
            })
        };
        let directories: BTreeSet<PathBuf> = paths.into_iter().flat_map(directory).collect();
        match Self::watch(&directories) {
            Ok(inotify) => Self { inotify: Some(inotify), refused: None },
            Err(e) => Self { inotify: None, refused: Some(e.to_string()) },
        }
    }

    /// Looks at intervals, without events.
    #[must_use]
    pub fn polling() -> Self {
        Self { inotify: None, refused: None }
    }

    fn watch(directories: &BTreeSet<PathBuf>) -> Result<OwnedFd, Errno> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        for directory in directories {
            inotify::add_watch(&inotify, directory, WATCHED)?;
        }
        Ok(inotify)
    }

    /// Returns when something changed, a signal came, or it is time to look again.
    pub fn wait(&self) {
        let Some(inotify) = &self.inotify else {
            std::thread::sleep(LOOK_INTERVAL);
            return;
        };
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(EVENT_WAIT.subsec_nanos()) };
        // An error here is a signal, on which the caller looks again too.
        let _ = poll(&mut [PollFd::new(inotify, PollFlags::IN)], Some(&timeout));
        // What changed does not matter; the events are read so that they do not come again.
        let mut buf = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(inotify, &mut buf);
        while events.next().is_ok() {}
    }
}
