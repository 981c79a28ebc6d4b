//! How inputs are stored.

use std::io;
use std::path::Path;

use super::decode;
use super::decode::signature::{self, Format};
use crate::{Error, Result};

/// Ends of names that say that a file is compressed. They name what is in it; how it is read depends on
/// its first bytes alone.
pub const COMPRESSED_ENDS: [&str; 7] = ["gz", "zst", "zstd", "bz2", "xz", "lz4", "Z"];

/// How the bytes of an input are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// A file with bytes at offsets: read by all threads at once.
    Plain,
    /// gzip: streamed by one thread.
    Gzip,
    /// Zstandard: streamed by one thread.
    Zstd,
    /// bzip2: streamed by one thread.
    Bzip2,
    /// xz, or one of its relatives `.lzma` and lzip: streamed by one thread.
    Xz,
    /// LZ4, in frames or in its legacy format: streamed by one thread.
    Lz4,
    /// A pipe, a terminal, a socket: streamed by one thread.
    Stream,
}

impl InputKind {
    /// The kind of the input at `path`, by the signature that it begins with, or `otherwise`.
    ///
    /// # Errors
    /// For an archive, which holds no lines.
    pub(super) fn of(path: &Path, head: &[u8], otherwise: Self) -> Result<Self> {
        if let Some(archive) = signature::archive(head) {
            return Err(otherwise.failed(path, decode::refused(archive, 0)));
        }
        Ok(match signature::format(head) {
            None => otherwise,
            Some(Format::Gzip) => Self::Gzip,
            // Frames without data begin files of pzstd, and seekable ones.
            Some(Format::Zstd | Format::Skippable) => Self::Zstd,
            Some(Format::Bzip2) => Self::Bzip2,
            Some(Format::Xz | Format::Lzma | Format::Lzip) => Self::Xz,
            Some(Format::Lz4 | Format::Lz4Legacy) => Self::Lz4,
        })
    }

    /// Whether its bytes are decompressed.
    #[must_use]
    pub fn is_compressed(self) -> bool {
        self.check().is_some()
    }

    /// The command that checks a compressed file.
    fn check(self) -> Option<&'static str> {
        match self {
            Self::Plain | Self::Stream => None,
            Self::Gzip => Some("gzip -t"),
            Self::Zstd => Some("zstd -t"),
            Self::Bzip2 => Some("bzip2 -t"),
            Self::Xz => Some("xz -t"),
            Self::Lz4 => Some("lz4 -t"),
        }
    }

    /// The error for an input at `path` that cannot be read.
    pub(super) fn failed(self, path: &Path, e: io::Error) -> Error {
        let name = path.display();
        let what = if self.is_compressed() { "decompress" } else { "read" };
        let words = match (e.kind(), self.check()) {
            _ if decode::is_advice(&e) && path.as_os_str() == "-" => e.to_string(),
            // The advice ends in a command that takes the name.
            _ if decode::is_advice(&e) => format!("{e} {name}"),
            (io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData, Some(check)) => {
                format!("{e}; likely cause: it is cut off or damaged; see: {check} {name}")
            }
            _ => return Error::Stream(format!("{what} {name}"), e),
        };
        Error::Stream(format!("{what} {name}"), io::Error::new(e.kind(), words))
    }
}
