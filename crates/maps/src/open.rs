//! Opening files without waiting. For the crates that stand on this one; no part of the interface.

use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};

/// Opens for reading and does not wait: without `O_NONBLOCK` a FIFO waits for a writer.
pub fn open_without_waiting(path: &Path) -> std::io::Result<std::fs::File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// The name for people of a thing without bytes at offsets; none for files and block devices.
#[must_use]
pub fn not_a_file(kind: FileType) -> Option<&'static str> {
    match kind {
        FileType::RegularFile | FileType::BlockDevice => None,
        FileType::Directory => Some("a directory"),
        FileType::Fifo => Some("a FIFO or pipe"),
        FileType::Socket => Some("a socket"),
        FileType::CharacterDevice => Some("a terminal or another character device"),
        FileType::Symlink => Some("a symbolic link"),
        FileType::Unknown => Some("neither a regular file nor a block device"),
    }
}
