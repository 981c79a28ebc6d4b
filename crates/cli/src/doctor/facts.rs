//! What was found out about the host: gathered here, judged elsewhere.

use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use cutwater_sys::probe::block::{self, BlockDevice};
use cutwater_sys::probe::cpu::{self, CpuFacts};
use cutwater_sys::probe::file::{self, FileFacts, Ground};
use cutwater_sys::probe::limits::{self, LimitFacts};
use cutwater_sys::probe::memory::{self, MemoryFacts};
use cutwater_sys::probe::mount::{self, Mount};
use cutwater_sys::probe::ring::{self, RingFacts};
use cutwater_sys::probe::{self, Answer};

use cutwater_shell::Failure;
use cutwater_shell::words::shown;

/// What the path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    BlockDevice,
}

/// Everything that the report rests on.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    pub(super) kernel: String,
    pub(super) machine: String,
    pub(super) ring: RingFacts,
    pub(super) file: FileFacts,
    /// None for a block device, which is read without a file system.
    pub(super) mount: Option<Mount>,
    pub(super) device: Option<BlockDevice>,
    pub(super) memory: MemoryFacts,
    pub(super) limits: LimitFacts,
    pub(super) cpu: CpuFacts,
}

/// What `path` names, or why it cannot be looked at.
pub(super) fn kind(path: &Path) -> Result<Kind, Failure> {
    let meta = path.metadata().map_err(|e| {
        let missing = e.kind() == std::io::ErrorKind::NotFound && path.is_symlink();
        let what = if missing { ", which is a link: what it points to is not there" } else { "" };
        Failure::usage(format!("cannot inspect {}{what}", shown(path))).because(e)
    })?;
    kind_of(&meta).map_err(|what| {
        Failure::usage(format!(
            "{} is {what}, which has no bytes at offsets; name a file, a directory or a block device",
            shown(path)
        ))
    })
}

fn kind_of(meta: &Metadata) -> Result<Kind, &'static str> {
    let kind = meta.file_type();
    match () {
        () if kind.is_file() => Ok(Kind::File),
        () if kind.is_dir() => Ok(Kind::Directory),
        () if kind.is_block_device() => Ok(Kind::BlockDevice),
        () if kind.is_fifo() => Err("a FIFO"),
        () if kind.is_socket() => Err("a socket"),
        () => Err("a character device"),
    }
}

/// Asks the host.
pub(super) fn gather(path: &Path, kind: Kind) -> Facts {
    let mount = if kind == Kind::BlockDevice { None } else { mount::find(path) };
    let number = match kind {
        Kind::BlockDevice => mount::block_number(path),
        // Without /proc there is no mount to ask, but files carry a number too.
        _ => mount.as_ref().and_then(mount::device_number).or_else(|| file_number(path)),
    };
    let (kernel, machine) = probe::kernel();
    Facts {
        // `.` would mean nothing in a stored report.
        path: path.canonicalize().unwrap_or_else(|_| path.to_path_buf()),
        kind,
        kernel,
        machine,
        // The limits first: a probe might use some of them up.
        limits: limits::probe(),
        ring: ring::probe(),
        file: file::probe(path),
        mount,
        device: number.and_then(block::device),
        memory: memory::probe(),
        cpu: cpu::probe(),
    }
}

fn file_number(path: &Path) -> Option<(u32, u32)> {
    let number = path.metadata().ok()?.dev();
    // The layout of `dev_t` of the C library.
    let major = (number >> 8 & 0xfff) | (number >> 32 & !0xfff);
    let minor = (number & 0xff) | (number >> 12 & !0xff);
    Some((u32::try_from(major).ok()?, u32::try_from(minor & 0xffff_ffff).ok()?))
}

impl Facts {
    /// The answer of the file system.
    pub(super) fn on_file(&self, name: &str) -> Answer {
        probe::answer(&self.file.checks, name)
    }

    /// Whether there is a ring to queue on: set-up and a read on it.
    pub(super) fn has_ring(&self) -> bool {
        self.ring_refusal().is_none()
    }

    /// The call of io_uring without which nothing can be queued, where it was refused.
    pub(super) fn ring_refusal(&self) -> Option<(&'static str, Answer)> {
        let setup = ("io_uring_setup", self.ring.setup);
        let read = ("io_uring_enter", probe::answer(&self.ring.operations, "READ"));
        [setup, read].into_iter().find(|(_, answer)| !answer.works())
    }

    /// Whether anything could be tried on a file.
    pub(super) fn tried(&self) -> bool {
        !matches!(self.file.ground, Ground::Nothing(_))
    }

    /// Whether it can be known what is resident, and by which call.
    pub(super) fn residency(&self) -> Option<&'static str> {
        ["cachestat", "mincore"].into_iter().find(|call| self.on_file(call).works())
    }

    /// Whether at least one path can read here. A directory in which nothing could be tried
    /// does not prove that nothing can be read.
    pub(super) fn works(&self) -> bool {
        let paths = ["pread", "preadv2", "mmap"];
        match self.file.ground {
            Ground::Nothing(_) => self.kind == Kind::Directory,
            _ => paths.into_iter().any(|p| self.on_file(p).works()),
        }
    }
}
