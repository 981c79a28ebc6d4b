//! What the file system under a path can do; each ability is tried on a file there.
//!
//! # Safety
//! Reads go to a [`Buffer`] that is borrowed during the call; the lease call takes integers; the
//! only map is removed in the function that made it, and never touched.
#![allow(unsafe_code)]

use core::ptr;
use std::fs::File;
use std::io::{IoSliceMut, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use io_uring::{IoUring, opcode, types};
use rustix::fs::{AtFlags, CWD, FallocateFlags, Mode, OFlags, StatxFlags, fallocate, openat};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::ring::queue::complete;
use super::{Answer, Check};
use crate::buffer::{Buffer, PAGE_BYTES};
use crate::pio::{ReadFlags, read, read_vectored};
use crate::residency::{cachestat, mincore};
use crate::{Errno, Result, errno_of, last_errno};

/// The file that the reads were tried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The file or device that was named.
    Given,
    /// A temporary one without a name, in the directory.
    Temporary,
    /// A file that was there, as none could be made.
    Found,
    /// None could be opened, with the error.
    Nothing(Errno),
}

/// What `O_DIRECT` demands of addresses and offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alignment {
    /// Alignment of buffers, bytes.
    pub memory_bytes: u32,
    /// Alignment of offsets and lengths, bytes.
    pub offset_bytes: u32,
    /// How it is known: `statx` (`STATX_DIOALIGN`) or `tried`.
    pub by: &'static str,
}

/// What the file system can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// The file that it was tried on.
    pub ground: Ground,
    /// Each call or flag.
    pub checks: Vec<Check>,
    /// What `O_DIRECT` demands, where it works.
    pub direct: Option<Alignment>,
}

/// Tries reads on the file, directory or block device at `path`.
///
/// It writes to no file of the caller's; in a directory it makes a file without a name.
/// It runs on a thread of its own for the reason that [`super::ring::probe`] gives.
#[must_use]
pub fn probe(path: &Path) -> FileFacts {
    let path = path.to_path_buf();
    let here = move || probe_here(&path);
    let spawned = std::thread::Builder::new().name("cutwater-probe".into()).spawn(here);
    match spawned.map(std::thread::JoinHandle::join) {
        Ok(Ok(facts)) => facts,
        _ => nothing(Errno::AGAIN),
    }
}

fn nothing(errno: Errno) -> FileFacts {
    FileFacts { ground: Ground::Nothing(errno), checks: Vec::new(), direct: None }
}

fn probe_here(path: &Path) -> FileFacts {
    let scratch = place_for_scratch(path).map_or(Err(Errno::NOENT), scratch);
    let opened = if path.is_dir() {
        match &scratch {
            Ok(file) => reopen(file.as_fd(), OFlags::empty()).map(|f| (Ground::Temporary, f)),
            Err(e) => found(path).ok_or(*e).map(|f| (Ground::Found, f)),
        }
    } else {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        openat(CWD, path, flags, Mode::empty()).map(|f| (Ground::Given, f))
    };
    let (ground, file) = match opened {
        Ok(opened) => opened,
        Err(errno) => return nothing(errno),
    };
    let (direct, alignment) = direct(file.as_fd());
    let mut checks = reads(file.as_fd());
    checks.push(Check::new("O_DIRECT", direct.as_ref().map(drop).map_err(|e| *e)));
    checks.push(Check { name: "IOPOLL", answer: polled(direct) });
    checks.extend(on_scratch(scratch));
    FileFacts { ground, checks, direct: alignment }
}

/// The directory itself, or the one of a regular file; that of a device is of no use.
fn place_for_scratch(path: &Path) -> Option<&Path> {
    if path.is_dir() {
        return Some(path);
    }
    let dir = path.parent().filter(|_| path.is_file())?;
    // A bare file name has the empty path as its parent.
    Some(if dir.as_os_str().is_empty() { Path::new(".") } else { dir })
}

/// Bytes of a temporary file: enough for a read past the first page.
const SCRATCH_BYTES: usize = 4 * PAGE_BYTES;

/// A file without a name in `dir`: by `O_TMPFILE`, or made and removed at once.
fn scratch(dir: &Path) -> Result<File> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let file = openat(CWD, dir, flags | OFlags::TMPFILE, mode).or_else(|e| match e {
        Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL => {
            let name = dir.join(format!(".cutwater-probe-{}", std::process::id()));
            let file = openat(CWD, &name, flags | OFlags::CREATE | OFlags::EXCL, mode)?;
            rustix::fs::unlink(&name)?;
            Ok(file)
        }
        e => Err(e),
    })?;
    let mut file = File::from(file);
    file.write_all(&[0x5a; SCRATCH_BYTES]).map_err(errno_of)?;
    Ok(file)
}

/// Most entries of a directory that are searched for a readable file.
const ENTRIES_MAX: usize = 256;

fn found(dir: &Path) -> Option<OwnedFd> {
    let entries =
        std::fs::read_dir(dir).ok()?.take(ENTRIES_MAX).filter_map(std::result::Result::ok);
    entries.filter(|e| e.file_type().is_ok_and(|t| t.is_file())).find_map(|entry| {
        let big = entry.metadata().is_ok_and(|m| m.len() >= SCRATCH_BYTES as u64);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        big.then(|| openat(CWD, entry.path(), flags, Mode::empty()).ok()).flatten()
    })
}

/// Opens the same file again, for reading.
fn reopen(file: BorrowedFd<'_>, flags: OFlags) -> Result<OwnedFd> {
    let name = format!("/proc/self/fd/{}", file.as_raw_fd());
    openat(CWD, name, OFlags::RDONLY | OFlags::CLOEXEC | flags, Mode::empty())
}

fn reads(file: BorrowedFd<'_>) -> Vec<Check> {
    let plain = ReadFlags::default();
    vec![
        Check::new("mmap", map(file)),
        Check::new("preadv2", vectored(file, plain)),
        // First, while the page may not be cached: either answer shows that the flag is known.
        Check::new("RWF_NOWAIT", vectored(file, ReadFlags { nowait: true, ..plain })),
        Check::new("RWF_DONTCACHE", vectored(file, ReadFlags { dontcache: true, ..plain })),
        Check::new("pread", read(file, &mut [0u8; 64], 0)),
        Check::new("cachestat", cachestat(file, 0..PAGE_BYTES as u64)),
        Check::new("mincore", truthful_mincore(file)),
    ]
}

/// Asks `mincore(2)` and checks that its answer is a real one. Of files that the caller neither owns
/// nor may write, the kernel says that everything is resident, even past their end.
///
/// # Errors
/// As [`mincore`]; `EPERM` where the answer is made up.
fn truthful_mincore(file: BorrowedFd<'_>) -> Result<()> {
    mincore(file, 0..PAGE_BYTES as u64)?;
    let stat = rustix::fs::fstat(file)?;
    let end = u64::try_from(stat.st_size).map_err(|_| Errno::INVAL)?;
    let past = end.next_multiple_of(PAGE_BYTES as u64);
    // A device has no size in its inode, so the first answer must do.
    if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_block_device() {
        return Ok(());
    }
    match mincore(file, past..past + PAGE_BYTES as u64)? {
        0 => Ok(()),
        _ => Err(Errno::PERM),
    }
}

/// Maps a page and never touches it, as the file may be or become shorter.
fn map(file: BorrowedFd<'_>) -> Result<()> {
    let (prot, flags) = (ProtFlags::READ, MapFlags::SHARED);
    // SAFETY: a null hint lets the kernel pick free addresses, so no memory of ours changes.
    let start = unsafe { mmap(ptr::null_mut(), PAGE_BYTES, prot, flags, file, 0) }?;
    // SAFETY: mapped above with this length, and nothing refers to it.
    unsafe { munmap(start, PAGE_BYTES) }
}

fn vectored(file: BorrowedFd<'_>, flags: ReadFlags) -> Result<()> {
    let mut buf = [0u8; 64];
    match read_vectored(file, &mut [IoSliceMut::new(&mut buf)], 0, flags) {
        Ok(_) => Ok(()),
        Err(Errno::AGAIN) if flags.nowait => Ok(()),
        Err(e) => Err(e),
    }
}

/// Opens the file again with `O_DIRECT` and reads with the alignment that it demands.
fn direct(file: BorrowedFd<'_>) -> (Result<OwnedFd>, Option<Alignment>) {
    let opened = reopen(file, OFlags::DIRECT);
    let outcome = opened.and_then(|fd| {
        let mut buffer = Buffer::new(2 * PAGE_BYTES)?;
        let said = alignment(fd.as_fd());
        // If the kernel does not say, the smallest that works.
        let steps = said.map_or(vec![512, PAGE_BYTES as u32], |a| vec![a.offset_bytes]);
        let took = steps.into_iter().find(|&step| {
            let len = (step as usize).min(buffer.len());
            read(fd.as_fd(), &mut buffer.as_mut_slice()[..len], u64::from(step)).is_ok()
        });
        let tried = took.map(|b| Alignment { memory_bytes: b, offset_bytes: b, by: "tried" });
        let alignment = took.and(said).or(tried).ok_or(Errno::INVAL)?;
        Ok((fd, alignment))
    });
    match outcome {
        Ok((fd, alignment)) => (Ok(fd), Some(alignment)),
        Err(errno) => (Err(errno), None),
    }
}

/// `STATX_DIOALIGN` (Linux 6.1); zeros mean that it does not work here.
fn alignment(file: BorrowedFd<'_>) -> Option<Alignment> {
    let got = rustix::fs::statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::DIOALIGN).ok()?;
    let known = got.stx_mask & StatxFlags::DIOALIGN.bits() != 0 && got.stx_dio_offset_align != 0;
    known.then_some(Alignment {
        memory_bytes: got.stx_dio_mem_align,
        offset_bytes: got.stx_dio_offset_align,
        by: "statx",
    })
}

fn polled(direct: Result<OwnedFd>) -> Answer {
    let Ok(file) = direct else { return Answer::Untried("needs O_DIRECT") };
    if IoUring::new(4).is_err() {
        return Answer::Untried("io_uring is refused");
    }
    polled_read(file.as_fd()).into()
}

/// One read of a page of `file`, opened with `O_DIRECT`, on a ring that polls the device
/// (`IORING_SETUP_IOPOLL`).
///
/// # Errors
/// `EOPNOTSUPP` from a device without poll queues; those of `io_uring_setup(2)`.
pub fn polled_read(file: BorrowedFd<'_>) -> Result<()> {
    let mut ring = IoUring::builder().setup_iopoll().build(4).map_err(errno_of)?;
    let mut buffer = Buffer::new(PAGE_BYTES)?;
    let slice = buffer.as_mut_slice();
    let fd = types::Fd(file.as_raw_fd());
    let entry = opcode::Read::new(fd, slice.as_mut_ptr(), PAGE_BYTES as u32).build();
    // SAFETY: `slice` borrows a page of `buffer` beyond the call; a read of a file ends.
    unsafe { complete(&mut ring, &entry) }.map(drop)
}

/// Calls that need a file of our own: a lease on another's could send us a signal.
fn on_scratch(scratch: Result<File>) -> [Check; 2] {
    let Ok(file) = scratch else {
        let answer = Answer::Untried("no file can be made here");
        return ["F_SETLEASE", "fallocate"].map(|name| Check { name, answer });
    };
    let grown = fallocate(&file, FallocateFlags::KEEP_SIZE, 0, 2 * SCRATCH_BYTES as u64);
    // A read lease is only granted while nobody has the file open for writing, not even we.
    let leased = reopen(file.as_fd(), OFlags::empty()).and_then(|reader| {
        drop(file);
        lease(reader.as_fd())
    });
    [Check::new("F_SETLEASE", leased), Check::new("fallocate", grown)]
}

fn lease(file: BorrowedFd<'_>) -> Result<()> {
    for kind in [libc::F_RDLCK, libc::F_UNLCK] {
        // SAFETY: F_SETLEASE takes an integer and touches no memory of ours.
        if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) } != 0 {
            return Err(last_errno());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::answer;

    #[test]
    fn a_directory_is_tried_with_a_file_that_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let facts = probe(dir.path());
        assert_eq!(facts.ground, Ground::Temporary);
        assert!(answer(&facts.checks, "preadv2").works(), "{facts:?}");
        assert_eq!(answer(&facts.checks, "O_DIRECT").works(), facts.direct.is_some());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_is_read_and_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, b"abc").unwrap();
        let facts = probe(&path);
        assert_eq!(facts.ground, Ground::Given);
        assert_eq!(std::fs::read(&path).unwrap(), b"abc");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_opened_is_said() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(probe(&dir.path().join("none")).ground, Ground::Nothing(Errno::NOENT));
    }

    #[test]
    fn proc_has_no_direct_reads() {
        let facts = probe(Path::new("/proc/self/stat"));
        assert!(!answer(&facts.checks, "O_DIRECT").works(), "{facts:?}");
        assert_eq!(facts.direct, None);
    }
}
