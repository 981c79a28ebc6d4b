//! The storm: changes to the file, as another program would make them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use cutwater_lab::SplitMix;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use tempfile::NamedTempFile;

use super::bytes::{self, SIZE_MAX};
use cutwater_shell::Failure;
use cutwater_shell::words::shown;

/// Bytes written at a time at the most.
const WRITE_MAX: u64 = 128 << 10;

/// The file and what is done to it; the file is removed with it.
#[derive(Debug)]
pub(super) struct Weather {
    file: NamedTempFile,
    random: SplitMix,
    contents: Vec<u8>,
}

impl Weather {
    /// A file in the first of `dirs` that can be written; otherwise the failure of the first.
    pub(super) fn over_a_file_in_any(dirs: &[PathBuf], seed: u64) -> Result<Self, Failure> {
        let mut refused = None;
        for dir in dirs {
            match Self::over_a_file_in(dir, seed) {
                Ok(weather) => return Ok(weather),
                Err(failure) => refused = refused.or(Some(failure)),
            }
        }
        Err(refused.unwrap_or_else(|| Failure::new("there is no directory for a temporary file")))
    }

    /// A file in `dir`, full of the bytes that belong there.
    fn over_a_file_in(dir: &Path, seed: u64) -> Result<Self, Failure> {
        let contents: Vec<u8> = (0..SIZE_MAX).map(bytes::at).collect();
        let cannot =
            |e: io::Error| Failure::new(format!("cannot make a file in {}", shown(dir))).because(e);
        let file =
            tempfile::Builder::new().prefix("cutwater-storm-").tempfile_in(dir).map_err(cannot)?;
        file.as_file().write_all_at(&contents, 0).map_err(cannot)?;
        Ok(Self { file, random: SplitMix(seed), contents })
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// One change.
    pub(super) fn change(&mut self) -> Result<(), Failure> {
        let at = self.random.below(SIZE_MAX);
        let len = 1 + self.random.below(WRITE_MAX.min(SIZE_MAX - at));
        let changed = match self.random.below(8) {
            0 => self.file.as_file().set_len(0),
            1 | 2 => self.file.as_file().set_len(at),
            3 => self.file.as_file().set_len(SIZE_MAX),
            4 => punch(self.file.as_file(), at, len),
            _ => {
                let part = &self.contents[at as usize..(at + len) as usize];
                self.file.as_file().write_all_at(part, at)
            }
        };
        changed.map_err(|e| {
            Failure::new(format!("cannot change {}", shown(self.file.path()))).because(e)
        })
    }
}

fn punch(file: &File, at: u64, len: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, at, len) {
        // Not every file system has holes.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
