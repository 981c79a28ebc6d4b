//! How two states of a file are distinguished.

use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

use cutwater_sys::Errno;
use rustix::fs::{AtFlags, CWD, FileType, Statx, StatxFlags, StatxTimestamp};
use rustix::time::{ClockId, clock_gettime};

/// A state of a file: which file, how long, and when it was last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    dev: (u32, u32),
    ino: u64,
    pub(super) size: u64,
    mtime_ns: i128,
    ctime_ns: i128,
}

/// Where a file lies, as far as its stamps and events can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A file system whose every change passes through this kernel.
    Local,
    /// A network or unknown one: others change it unseen, by their own clocks.
    Elsewhere,
}

/// Kernel clock ticks last up to 10 ms; before Linux 6.13 two writes within one leave the
/// same stamp.
const TICK: Duration = Duration::from_millis(20);
/// Stamps in whole seconds, or in two on FAT.
const COARSE: Duration = Duration::from_millis(2500);
/// How far the clock of a file server may be from ours.
const SKEW: Duration = Duration::from_secs(60);

const WANTED: StatxFlags = StatxFlags::TYPE
    .union(StatxFlags::INO)
    .union(StatxFlags::SIZE)
    .union(StatxFlags::MTIME)
    .union(StatxFlags::CTIME);

impl Stamp {
    /// The stamp of an open file (`statx(2)`); none where it is not a regular file.
    pub(super) fn of_fd(fd: BorrowedFd<'_>) -> Result<Option<Self>, Errno> {
        rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, WANTED).map(|s| Self::from_statx(&s))
    }

    /// The stamp of the file that a path names now. On a network the server is asked.
    pub(super) fn of_path(path: &Path, place: Place) -> Result<Option<Self>, Errno> {
        let flags = match place {
            Place::Local => AtFlags::empty(),
            Place::Elsewhere => AtFlags::STATX_FORCE_SYNC,
        };
        rustix::fs::statx(CWD, path, flags, WANTED).map(|s| Self::from_statx(&s))
    }

    fn from_statx(stat: &Statx) -> Option<Self> {
        let kind = FileType::from_raw_mode(stat.stx_mode.into());
        (kind == FileType::RegularFile).then(|| Self {
            dev: (stat.stx_dev_major, stat.stx_dev_minor),
            ino: stat.stx_ino,
            size: stat.stx_size,
            mtime_ns: ns_of(&stat.stx_mtime),
            ctime_ns: ns_of(&stat.stx_ctime),
        })
    }

    /// Whether a change after `read_at_ns` (of the system's clock) must show in the stamp:
    /// only when the last change lies further back than the stamps are fine.
    pub(super) fn is_settled(&self, read_at_ns: i128, place: Place) -> bool {
        const SECOND_NS: i128 = 1_000_000_000;
        let whole = self.ctime_ns % SECOND_NS == 0 && self.mtime_ns % SECOND_NS == 0;
        let slack = match place {
            Place::Elsewhere => SKEW,
            Place::Local if whole => COARSE,
            Place::Local => TICK,
        };
        read_at_ns - self.ctime_ns > slack.as_nanos() as i128
    }
}

fn ns_of(t: &StatxTimestamp) -> i128 {
    i128::from(t.tv_sec) * 1_000_000_000 + i128::from(t.tv_nsec)
}

/// The system's clock, ns since 1970: what stamps are made of.
pub(super) fn clock_ns() -> i128 {
    let t = clock_gettime(ClockId::Realtime);
    i128::from(t.tv_sec) * 1_000_000_000 + i128::from(t.tv_nsec)
}

/// Magic numbers (`statfs(2)`) of file systems that raise an event for every write and
/// stamp it by our clock: ext2 to ext4, XFS, Btrfs, tmpfs, F2FS, bcachefs. Not overlayfs,
/// whose lower files others can reach; not FUSE, NFS, SMB, 9p, virtiofs.
const LOCAL: [u64; 6] = [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0xf2f5_2010, 0xca45_1a4e];

impl Place {
    pub(super) fn of_fd(fd: BorrowedFd<'_>) -> Self {
        Self::of_type(rustix::fs::fstatfs(fd).map(|s| s.f_type as u64))
    }

    pub(super) fn of_path(path: &Path) -> Self {
        Self::of_type(rustix::fs::statfs(path).map(|s| s.f_type as u64))
    }

    fn of_type(magic: Result<u64, Errno>) -> Self {
        match magic {
            // Some file systems' numbers are 32 bits, sign-extended.
            Ok(magic) if LOCAL.contains(&(magic & 0xffff_ffff)) => Self::Local,
            _ => Self::Elsewhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed_at(ctime_ns: i128) -> Stamp {
        Stamp { dev: (8, 1), ino: 7, size: 3, mtime_ns: ctime_ns, ctime_ns }
    }

    #[test]
    fn a_stamp_settles_once_a_later_change_must_differ() {
        const MS: i128 = 1_000_000;
        let at = 1_700_000_000 * 1000 * MS;
        let fine = changed_at(at + 1);
        assert!(!fine.is_settled(at + 10 * MS, Place::Local));
        assert!(fine.is_settled(at + 30 * MS, Place::Local));
        let whole_seconds = changed_at(at);
        assert!(!whole_seconds.is_settled(at + 2000 * MS, Place::Local));
        assert!(whole_seconds.is_settled(at + 3000 * MS, Place::Local));
        assert!(!fine.is_settled(at + 30_000 * MS, Place::Elsewhere));
        // A clock that was set back proves nothing.
        assert!(!fine.is_settled(at - 3_600_000 * MS, Place::Local));
    }

    #[test]
    fn what_is_no_regular_file_has_no_stamp() {
        assert_eq!(Stamp::of_path(Path::new("/"), Place::Local), Ok(None));
        let missing = tempfile::tempdir().unwrap().path().join("missing");
        assert_eq!(Stamp::of_path(&missing, Place::Local), Err(Errno::NOENT));
    }

    #[test]
    fn proc_is_not_local() {
        if Path::new("/proc/self").exists() {
            assert_eq!(Place::of_path(Path::new("/proc/self")), Place::Elsewhere);
        }
    }
}
