//! The file for what exceeds the memory: it has no name and goes with the process.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use cutwater_sys::Errno;
use cutwater_sys::origin::Origin;
use rustix::fs::{FallocateFlags, fallocate};

/// Names tried where the file system has no files without one.
const NAMES_MAX: u32 = 100;

#[derive(Debug)]
pub(super) struct Spill {
    file: File,
    /// The process that keeps the layout: a forked child shares the file, but not the layout.
    made_in: Origin,
}

impl Spill {
    fn from_file(file: File) -> Self {
        Self { file, made_in: Origin::here() }
    }

    /// The file; `ECHILD` in a forked child.
    fn file(&self) -> io::Result<&File> {
        if self.made_in.is_here() { Ok(&self.file) } else { Err(Errno::CHILD.into()) }
    }

    /// See `O_TMPFILE` in `open(2)`.
    pub(super) fn new(directory: &Path) -> io::Result<Self> {
        let mut options = File::options();
        options.read(true).write(true).mode(0o600);
        match options.clone().custom_flags(libc_tmpfile()).open(directory) {
            Ok(file) => Ok(Self::from_file(file)),
            Err(error) if lacks_tmpfile(&error) => Self::unlinked(directory, &options),
            Err(error) => Err(error),
        }
    }

    fn unlinked(directory: &Path, options: &std::fs::OpenOptions) -> io::Result<Self> {
        for n in 0..NAMES_MAX {
            let path = directory.join(format!(".cutwater-scratch-{}-{n}", std::process::id()));
            match options.clone().create_new(true).open(&path) {
                Ok(file) => {
                    std::fs::remove_file(&path)?;
                    return Ok(Self::from_file(file));
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    pub(super) fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file()?.write_all_at(bytes, at)
    }

    pub(super) fn read(&self, buf: &mut [u8], at: u64) -> io::Result<()> {
        self.file()?.read_exact_at(buf, at)
    }

    /// Gives the blocks of a range back, where the file system can. See `fallocate(2)`.
    pub(super) fn release(&self, at: u64, len: u64) -> io::Result<()> {
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        if !self.made_in.is_here() {
            // The bytes are the parent's.
            return Ok(());
        }
        match fallocate(&self.file, punch, at, len) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

fn libc_tmpfile() -> i32 {
    i32::try_from(rustix::fs::OFlags::TMPFILE.bits()).unwrap_or(0)
}

fn lacks_tmpfile(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|errno| [Errno::OPNOTSUPP, Errno::ISDIR, Errno::INVAL].contains(&errno))
}

#[cfg(test)]
impl Spill {
    /// The same file, for reading only.
    pub(super) fn read_only(self) -> Self {
        use std::os::fd::AsRawFd;
        let file = File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd()));
        Self::from_file(file.unwrap())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_child_leaves_the_bytes_of_its_parent_alone() {
        let dir = tempfile::tempdir().unwrap();
        let spill = Spill::new(dir.path()).unwrap();
        spill.write(b"parent", 0).unwrap();
        let child = Spill { file: spill.file.try_clone().unwrap(), made_in: Origin::elsewhere() };
        let refused = Some(Errno::CHILD.raw_os_error());
        assert_eq!(child.write(b"child", 0).unwrap_err().raw_os_error(), refused);
        assert_eq!(child.read(&mut [0; 6], 0).unwrap_err().raw_os_error(), refused);
        child.release(0, 4096).unwrap();
        let mut found = [0; 6];
        spill.read(&mut found, 0).unwrap();
        assert_eq!(&found, b"parent");
    }

    #[test]
    fn the_file_has_no_name_either_way() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = File::options();
        options.read(true).write(true);
        for spill in [Spill::new(dir.path()), Spill::unlinked(dir.path(), &options)] {
            let spill = spill.unwrap();
            spill.write(b"bytes", 10).unwrap();
            let mut found = [0; 5];
            spill.read(&mut found, 10).unwrap();
            assert_eq!(&found, b"bytes");
            spill.release(0, 4096).unwrap();
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        }
    }
}
