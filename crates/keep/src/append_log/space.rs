//! Where the writer puts records: a window of the file whose blocks are there.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use cutwater_sys::Errno;
use cutwater_sys::shared_map::SharedMap;
use rustix::fs::{FallocateFlags, fallocate};

use crate::append_log::format::{RECORD_LEN_MAX, record_bytes};

/// Bytes the file grows by at first; the step doubles up to the most.
pub(super) const STEP_BYTES_MIN: u64 = 1 << 20;
/// Bytes the file grows by at most.
pub(super) const STEP_BYTES_MAX: u64 = 64 << 20;
/// Bytes mapped at a time at most.
const WINDOW_BYTES: u64 = 64 << 20;
/// Bytes whose pages are asked for ahead of use.
const POPULATE_BYTES: u64 = 256 << 10;
const PAGE_BYTES: u64 = 4096;

const _: () = assert!(record_bytes_max() + PAGE_BYTES <= WINDOW_BYTES);

const fn record_bytes_max() -> u64 {
    RECORD_LEN_MAX as u64 + 16
}

/// The growing end of the file: blocks are allocated and pages made before they are touched.
#[derive(Debug)]
pub(super) struct Space {
    /// The file has blocks up to here.
    allocated: u64,
    step: u64,
    window: Option<SharedMap>,
    window_at: u64,
    /// Pages were made up to here.
    populated: u64,
    /// The kernel knows how (5.14).
    can_populate: bool,
}

impl Space {
    /// The space of a file that is `len` bytes long, all of them written.
    pub(super) fn new(len: u64) -> Self {
        Self {
            allocated: len,
            step: STEP_BYTES_MIN,
            window: None,
            window_at: 0,
            populated: 0,
            can_populate: true,
        }
    }

    /// Makes sure that `from..to`, at most a record, can be stored. After an error nothing
    /// has changed for the caller.
    pub(super) fn have(&mut self, file: &File, from: u64, to: u64) -> io::Result<()> {
        debug_assert!(to - from <= record_bytes(RECORD_LEN_MAX));
        if self.window_at <= from && to <= self.populated {
            return Ok(());
        }
        if to > self.allocated {
            self.grow(file, to)?;
        }
        if self.window.is_none() || from < self.window_at || to > self.window_end() {
            self.move_window(file, from)?;
        }
        self.populate(to)
    }

    /// Stores bytes in a range that [`Space::have`] made sure of.
    pub(super) fn store(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let window = self.window.as_ref().ok_or(Errno::RANGE)?;
        let at = at.checked_sub(self.window_at).ok_or(Errno::RANGE)?;
        Ok(window.store(usize::try_from(at).map_err(|_| Errno::RANGE)?, bytes)?)
    }

    fn window_end(&self) -> u64 {
        self.window_at + self.window.as_ref().map_or(0, |w| w.len() as u64)
    }

    fn move_window(&mut self, file: &File, from: u64) -> io::Result<()> {
        let at = from / PAGE_BYTES * PAGE_BYTES;
        let len = (self.allocated - at).min(WINDOW_BYTES);
        let len = usize::try_from(len).map_err(|_| Errno::NOMEM)?;
        self.window = Some(SharedMap::new(file.as_fd(), at, len)?);
        (self.window_at, self.populated) = (at, at);
        Ok(())
    }

    fn populate(&mut self, to: u64) -> io::Result<()> {
        let end = (to + POPULATE_BYTES).min(self.window_end());
        let (at, len) = (self.populated - self.window_at, end - self.populated);
        if let (true, Some(window)) = (self.can_populate, &self.window) {
            match window.populate(at as usize, len as usize) {
                Ok(()) => {}
                // The blocks are there without.
                Err(Errno::INVAL) => self.can_populate = false,
                // The page cannot be had: what a touch would have made SIGBUS.
                Err(Errno::FAULT) => return Err(Errno::IO.into()),
                Err(errno) => return Err(errno.into()),
            }
        }
        self.populated = end;
        Ok(())
    }

    fn grow(&mut self, file: &File, to: u64) -> io::Result<()> {
        let least = to.next_multiple_of(PAGE_BYTES);
        let wanted = least.max(self.allocated.saturating_add(self.step)) / PAGE_BYTES * PAGE_BYTES;
        self.allocated = match allocate(file, self.allocated, wanted) {
            Ok(()) => wanted,
            // A nearly full disk may still have room for one record.
            Err(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => {
                allocate(file, self.allocated, least)?;
                least
            }
            Err(errno) => return Err(errno.into()),
        };
        self.step = (self.step * 2).min(STEP_BYTES_MAX);
        Ok(())
    }
}

/// Gives a file blocks from `from` to `to`. See `fallocate(2)`.
pub(super) fn allocate(file: &File, from: u64, to: u64) -> Result<(), Errno> {
    loop {
        match fallocate(file, FallocateFlags::empty(), from, to - from) {
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return write_zeros(file, from, to),
            other => return other,
        }
    }
}

/// For file systems that cannot allocate otherwise.
fn write_zeros(file: &File, from: u64, to: u64) -> Result<(), Errno> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let mut at = from;
    while at < to {
        let len = (to - at).min(ZEROS.len() as u64);
        file.write_all_at(&ZEROS[..len as usize], at)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        at += len;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_allocate_where_the_file_system_cannot() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"kept", 0).unwrap();
        write_zeros(&file, 4, 200_000).unwrap();
        let mut bytes = vec![1; 200_000];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes[..4], b"kept");
        assert!(bytes[4..].iter().all(|&b| b == 0));
    }

    #[test]
    fn the_window_follows_the_end() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[0; 4100], 0).unwrap();
        let mut space = Space::new(4100);
        let mut at = 4100;
        for _ in 0..12 {
            let to = at + record_bytes(RECORD_LEN_MAX);
            space.have(&file, at, to).unwrap();
            space.store(at, b"begin").unwrap();
            space.store(to - 3, b"end").unwrap();
            let mut found = [0; 3];
            file.read_exact_at(&mut found, to - 3).unwrap();
            assert_eq!(&found, b"end");
            at = to;
        }
        assert!(space.store(at + (1 << 30), b"x").is_err());
        assert!(space.store(0, b"x").is_err());
    }
}
