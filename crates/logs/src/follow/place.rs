//! What a path leads to, found out without waiting and without opening what is not a file.

use std::fs::{self, File, FileType, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Device and inode.
pub(super) type FileId = (u64, u64);

/// What a path leads to now.
pub(super) enum Place {
    /// The file that it led to before.
    Same,
    /// Nothing.
    Absent,
    /// Another file.
    Other(File, Metadata),
    /// Something that cannot be followed now.
    Unusable(io::Error),
}

pub(super) fn id_of(meta: &Metadata) -> FileId {
    (meta.dev(), meta.ino())
}

/// Looks where `path` leads; `before` is the file that it led to.
pub(super) fn look(path: &Path, before: FileId) -> Place {
    let opened = match fs::metadata(path) {
        Ok(found) if id_of(&found) == before => return Place::Same,
        Ok(_) => open_regular(path),
        Err(e) => Err(e),
    };
    match opened {
        Ok((_, meta)) if id_of(&meta) == before => Place::Same,
        Ok((file, meta)) => Place::Other(file, meta),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Place::Absent,
        Err(e) => Place::Unusable(e),
    }
}

/// Opens a regular file. Never waits, as opening a FIFO would for a writer.
pub(super) fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    // Checked before it is opened: opening a device may have effects.
    check_kind(fs::metadata(path)?.file_type())?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file: File = rustix::fs::open(path, flags, Mode::empty())?.into();
    // Checked again: it may have been replaced in between.
    let meta = file.metadata()?;
    check_kind(meta.file_type())?;
    Ok((file, meta))
}

fn check_kind(kind: FileType) -> io::Result<()> {
    let name = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    let words = format!("{name} is there, and only a file can be followed");
    Err(io::Error::new(io::ErrorKind::InvalidInput, words))
}
