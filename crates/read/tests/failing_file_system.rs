//! Maps and reads of a file whose file system fails with EIO: a FUSE file system of our own.
//! Skipped where none can be mounted.
//!
//! In a process of its own, which serves the file system: a fault in another test's map could wait
//! for a server that waits for that test.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "what cannot be set up must stop")]

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use cutwater::{File, Mapped, ReadPath, sigbus};
use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, Generation,
    INodeNo, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyEntry, Request,
};

const SIZE: u64 = 1 << 20;
/// From here on the device fails.
const BROKEN_FROM: u64 = SIZE / 2;
const NAME: &str = "data";

fn byte(offset: u64) -> u8 {
    ((offset ^ (offset >> 9)) % 255) as u8 + 1
}

struct Failing {
    is_broken: Arc<AtomicBool>,
}

fn attributes(ino: u64) -> FileAttr {
    let is_file = ino == 2;
    FileAttr {
        ino: INodeNo(ino),
        size: if is_file { SIZE } else { 0 },
        blocks: 0,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: if is_file { FileType::RegularFile } else { FileType::Directory },
        perm: 0o755,
        nlink: 1,
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        rdev: 0,
        flags: 0,
        blksize: 4096,
    }
}

impl Filesystem for Failing {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if name == NAME {
            reply.entry(&Duration::from_secs(60), &attributes(2), Generation(0));
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&Duration::from_secs(60), &attributes(ino.into()));
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let end = (offset + u64::from(size)).min(SIZE);
        if end > BROKEN_FROM && self.is_broken.load(Ordering::Relaxed) {
            return reply.error(Errno::EIO);
        }
        reply.data(&(offset..end).map(byte).collect::<Vec<u8>>());
    }
}

fn mounted(at: &Path) -> Option<(BackgroundSession, Arc<AtomicBool>)> {
    let is_broken = Arc::new(AtomicBool::new(true));
    let mut config = Config::default();
    config.mount_options = vec![MountOption::RO, MountOption::FSName("cutwater-test".into())];
    let system = Failing { is_broken: Arc::clone(&is_broken) };
    match fuser::spawn_mount(system, at, &config) {
        Ok(session) => Some((session, is_broken)),
        Err(e) => {
            cutwater_testing::skip!("no FUSE file system can be mounted here: {e}");
            None
        }
    }
}

/// Ends the file system. A ring lets go of its files some time after it was asked to, and until
/// then the mount is busy. Users who may not unmount have fusermount for it.
fn unmount(session: BackgroundSession, at: &Path) {
    const TRIES: u32 = 1500;
    let is_mounted = || {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        mounts.lines().any(|line| line.split(' ').nth(1) == at.to_str())
    };
    let unmounts = |program: &str, options: &[&str]| {
        Command::new(program).args(options).arg(at).output().is_ok_and(|o| o.status.success())
    };
    for _ in 0..TRIES {
        if !is_mounted() || unmounts("umount", &[]) || unmounts("fusermount3", &["-u"]) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    if is_mounted() {
        return session.umount_and_join().unwrap();
    }
    session.join().unwrap();
}

/// A way to read: into a buffer, at an offset; bytes, or the error's text.
type ReadAt<'a> = dyn Fn(&mut [u8], u64) -> Result<usize, String> + 'a;

/// Reads below the broken half give the file's bytes, and above it an error; each with `read`.
fn check(name: &str, is_broken: &AtomicBool, read: &ReadAt<'_>) {
    let mut buf = [0; 5000];
    for at in [0, 4095, BROKEN_FROM - 200_000] {
        assert_eq!(read(&mut buf, at), Ok(5000), "{name} at {at}");
        assert!(buf.iter().zip(at..).all(|(b, at)| *b == byte(at)), "{name} at {at}");
    }
    for at in [BROKEN_FROM, SIZE - 5000] {
        let error = read(&mut buf, at).unwrap_err();
        assert!(error.to_lowercase().contains("input/output error"), "{name}: {error}");
        assert!(error.contains(NAME), "{name}: {error}");
    }
    // What failed is read once it works again.
    is_broken.store(false, Ordering::Relaxed);
    assert_eq!(read(&mut buf, SIZE - 5000), Ok(5000), "{name}");
    assert!(buf.iter().zip(SIZE - 5000..).all(|(b, at)| *b == byte(at)), "{name}");
    is_broken.store(true, Ordering::Relaxed);
}

#[test]
fn a_device_that_fails_is_an_error_through_every_path_and_map() {
    let protected = sigbus::install().is_ok();
    assert_eq!(protected, cfg!(target_arch = "x86_64"));
    for path in ReadPath::ALL {
        let dir = tempfile::tempdir().unwrap();
        let Some((session, is_broken)) = mounted(dir.path()) else { return };
        let at = dir.path().join(NAME);
        match File::options().path(path).open(&at) {
            Ok(file) => check(path.name(), &is_broken, &|buf, at| {
                file.read_at(buf, at).map_err(|e| e.to_string())
            }),
            Err(e) => println!("not tried, {path} is refused here: {e}"),
        }
        unmount(session, dir.path());
    }
    let dir = tempfile::tempdir().unwrap();
    let Some((session, is_broken)) = mounted(dir.path()) else { return };
    let mapped = Mapped::open(dir.path().join(NAME)).unwrap();
    check("Mapped", &is_broken, &|buf, at| {
        mapped.read_at(buf, at).map_err(|fault| {
            assert!(!fault.is_truncated(), "{fault}");
            fault.to_string()
        })
    });
    assert_eq!(mapped.counts().faults > 0, protected);
    drop(mapped);
    unmount(session, dir.path());
}
