//! Memory for intermediate data of any size: appended at the end, consumed from the front.
//!
//! ```
//! use std::ops::ControlFlow;
//! use cutwater_keep::scratch::Scratch;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut scratch = Scratch::options().memory_max(64 << 20).create()?;
//! for i in 0..100_000u64 {
//!     scratch.append(&i.to_le_bytes())?;
//! }
//! let mut sum = 0u64;
//! scratch.drain(|bytes| {
//!     sum += bytes.iter().map(|&b| u64::from(b)).sum::<u64>();
//!     ControlFlow::<()>::Continue(()) // its memory goes back to the system
//! })?;
//! # assert!(sum > 0);
//! scratch.close()?;
//! # Ok(()) }
//! ```
//!
//! # What it does
//! - Memory comes in chunks on the largest pages there are; [`Scratch::report`] says which.
//! - What was consumed goes back to the system, 2 MiB at a time, at once.
//! - Past a budget, whole chunks go to a file without a name. What was read of it is a copy,
//!   so nothing that happens to the file is a signal.
//! - [`Scratch::persist`] writes a real file, synced, under its name all at once.
//!
//! # What it does not do
//! - It keeps nothing after the process: `msync` on anonymous memory writes nothing anywhere.
//! - What was spilled is the process's that spilled it: a child made by `fork(2)` gets an error.
//! - Memory the system has promised and does not have ends in the OOM killer, as everywhere;
//!   the budget is the defence. Explicit huge pages are reserved when they are taken.

mod chunk;
mod options;
mod persist;
mod report;
mod spill;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::ops::{ControlFlow, Range};
use std::path::Path;

use cutwater_sys::Errno;
use cutwater_sys::anon_map::AnonMap;

use crate::error::{Action, Cause, Error, Result};
use chunk::{Chunk, Source};
use spill::Spill;

pub use options::{HugePages, ScratchOptions};
pub use report::Report;

/// The unit of memory taken: whole huge pages.
const CHUNK_LEN: usize = 16 << 20;
/// The same under a small budget.
const SMALL_CHUNK_LEN: usize = 2 << 20;
/// Bytes handed out or copied at a time.
const PIECE_LEN: usize = 2 << 20;

/// Bytes that are appended, read and consumed, in memory as long as there may be.
#[derive(Debug)]
pub struct Scratch {
    options: ScratchOptions,
    chunk_len: usize,
    source: Source,
    /// All chunks with bytes from `start` to `end`; the last one is in memory.
    chunks: VecDeque<Chunk>,
    /// The number of chunks before these.
    chunks_gone: u64,
    /// Memory kept for the next chunk to be filled.
    spare: Option<AnonMap>,
    spill: Option<Spill>,
    start: u64,
    end: u64,
}

impl Scratch {
    /// The bounds to choose.
    #[must_use]
    pub fn options() -> ScratchOptions {
        ScratchOptions::default()
    }

    fn with(options: ScratchOptions) -> Self {
        let roomy = options.memory_max >= 4 * CHUNK_LEN as u64;
        Self {
            chunk_len: if roomy { CHUNK_LEN } else { SMALL_CHUNK_LEN },
            source: Source::new(options.huge_pages),
            options,
            chunks: VecDeque::new(),
            chunks_gone: 0,
            spare: None,
            spill: None,
            start: 0,
            end: 0,
        }
    }

    /// Bytes appended and not consumed.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Nothing, or all was consumed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Where the first byte that was not consumed is: offsets count all bytes ever appended.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Where the next byte will be.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// What it is made of now. Reads `/proc/self/smaps`, which takes a while.
    #[must_use]
    pub fn report(&self) -> Report {
        report::report(self)
    }

    /// Appends bytes and returns the offset of the first.
    ///
    /// # Errors
    /// [`Error::is_full`] past the bound or on a full disk, [`Error::is_limit`] without
    /// memory. Then nothing was appended.
    pub fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        let at = self.end;
        if self.len().saturating_add(bytes.len() as u64) > self.options.bytes_max {
            let bytes_max = self.options.bytes_max;
            return Err(Error::new(Action::Store("append to"), None, Cause::Full { bytes_max }));
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.append_to_chunk(rest) {
                Ok(n) => rest = &rest[n..],
                Err(error) => {
                    self.end = at;
                    self.drop_chunks_behind();
                    return Err(self.os("append to", &error));
                }
            }
        }
        Ok(at)
    }

    /// Copies bytes from `offset` into `buf`: as many as there are, and 0 at the end.
    ///
    /// # Errors
    /// [`Error::is_out_of_bounds`] for bytes that were consumed or are past the end;
    /// what `pread(2)` answers for spilled ones.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let end = self.bounds(offset, buf.len() as u64)?;
        let mut at = offset;
        while at < end {
            let done = (at - offset) as usize;
            let (chunk, range) = self.place(at, end);
            let into = &mut buf[done..done + range.len()];
            match chunk {
                Chunk::Memory { map, gone } => {
                    into.copy_from_slice(&map.as_slice()[range.start - gone..range.end - gone]);
                }
                Chunk::Spilled => {
                    self.read_spilled(into, at).map_err(|error| self.os("read", &error))?;
                }
            }
            at += range.len() as u64;
        }
        Ok((end - offset) as usize)
    }

    /// The bytes from `offset`, without a copy, as far as they lie together in memory: none
    /// for spilled ones, for bytes that were consumed and past the end.
    #[must_use]
    pub fn slice_at(&self, offset: u64) -> Option<&[u8]> {
        if self.bounds(offset, 1).ok()? == offset {
            return None;
        }
        let (chunk, range) = self.place(offset, self.end);
        match chunk {
            Chunk::Memory { map, gone } => map.as_slice().get(range.start - gone..range.end - gone),
            Chunk::Spilled => None,
        }
    }

    /// Gives the first `bytes` back, or all there are. They cannot be read again.
    ///
    /// # Errors
    /// What `munmap(2)` or `fallocate(2)` answers; the bytes are consumed all the same.
    pub fn consume(&mut self, bytes: u64) -> Result<()> {
        self.start += bytes.min(self.len());
        self.release_consumed().map_err(|error| self.os("give back", &error))
    }

    /// Hands all bytes to `each`, a piece of up to 2 MiB at a time, and gives each piece back
    /// after it. Ends when `each` breaks; that piece counts as consumed.
    ///
    /// # Errors
    /// As [`read_at`](Self::read_at) and [`consume`](Self::consume).
    pub fn drain<B>(&mut self, mut each: impl FnMut(&[u8]) -> ControlFlow<B>) -> Result<Option<B>> {
        let mut copy = Vec::new();
        while !self.is_empty() {
            let piece = self.piece(self.start, &mut copy)?;
            let (len, flow) = (piece.len() as u64, each(piece));
            self.consume(len)?;
            if let ControlFlow::Break(value) = flow {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Writes all bytes to a file at `path` and returns when it is on the device: written
    /// next to `path`, synced, renamed over it, the directory synced. A crash at any moment
    /// leaves what was there before or all of the new. Returns the bytes written. See
    /// `fsync(2)`, `rename(2)`.
    ///
    /// # Errors
    /// What the file system answers; [`Error::is_full`]. Before the rename, what was at `path`
    /// stays.
    pub fn persist(&self, path: impl AsRef<Path>) -> Result<u64> {
        let path = path.as_ref();
        let mut failed = None;
        let written = persist::replace(path, |file| {
            let (mut at, mut copy) = (self.start, Vec::new());
            while at < self.end {
                match self.piece(at, &mut copy) {
                    Ok(piece) => {
                        file.write_all(piece)?;
                        at += piece.len() as u64;
                    }
                    Err(error) => {
                        failed = Some(error);
                        return Err(io::ErrorKind::Other.into());
                    }
                }
            }
            Ok(())
        });
        match (failed, written) {
            (Some(error), _) => Err(error),
            (None, Ok(())) => Ok(self.len()),
            (None, Err(error)) => Err(os("write", Some(path), &error)),
        }
    }

    /// Gives everything back.
    ///
    /// # Errors
    /// What `munmap(2)` answers.
    pub fn close(mut self) -> Result<()> {
        let maps = self.chunks.drain(..).filter_map(|chunk| match chunk {
            Chunk::Memory { map, .. } => Some(map),
            Chunk::Spilled => None,
        });
        let mut result = Ok(());
        for map in maps.chain(self.spare.take()) {
            result = result.and(map.unmap());
        }
        result.map_err(|errno| Error::os(Action::Unmap, None, errno))
    }

    fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.chunks.iter()
    }

    fn chunk_len(&self) -> usize {
        self.chunk_len
    }

    fn explicit_refused(&self) -> Option<i32> {
        self.source.explicit_refused.map(Errno::raw_os_error)
    }

    /// Where `wanted` bytes from `offset` end.
    fn bounds(&self, offset: u64, wanted: u64) -> Result<u64> {
        if !(self.start..=self.end).contains(&offset) {
            return Err(Error::new(Action::Store("read"), None, Cause::OutOfBounds));
        }
        Ok(offset.saturating_add(wanted).min(self.end))
    }

    /// The chunk with the byte at `at`, and the range in it that reaches at most to `end`.
    /// `at` is below `end`, so the chunk is there.
    fn place(&self, at: u64, end: u64) -> (&Chunk, Range<usize>) {
        let chunk_len = self.chunk_len as u64;
        let (index, from) = (at / chunk_len - self.chunks_gone, (at % chunk_len) as usize);
        let len = (end - at).min(chunk_len - from as u64) as usize;
        (&self.chunks[index as usize], from..from + len)
    }

    fn piece<'a>(&'a self, at: u64, copy: &'a mut Vec<u8>) -> Result<&'a [u8]> {
        // Pieces end where huge pages do, so that each can be given back at once.
        let to_boundary = PIECE_LEN - (at % PIECE_LEN as u64) as usize;
        if let Some(slice) = self.slice_at(at) {
            return Ok(&slice[..slice.len().min(to_boundary)]);
        }
        copy.resize(to_boundary, 0);
        let n = self.read_at(copy, at)?;
        Ok(&copy[..n])
    }

    fn append_to_chunk(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let at = (self.end % self.chunk_len as u64) as usize;
        let index = (self.end / self.chunk_len as u64 - self.chunks_gone) as usize;
        if index == self.chunks.len() {
            self.settle_last()?;
            let map = match self.spare.take() {
                Some(map) => map,
                None => self.source.map(self.chunk_len)?,
            };
            self.chunks.push_back(Chunk::Memory { map, gone: 0 });
        }
        let n = bytes.len().min(self.chunk_len - at);
        if let Some(Chunk::Spilled) = self.chunks.back() {
            self.take_back_last(at)?;
        }
        if let Some(Chunk::Memory { map, gone }) = self.chunks.back_mut() {
            map.as_mut_slice()[at - *gone..at - *gone + n].copy_from_slice(&bytes[..n]);
        }
        self.end += n as u64;
        Ok(n)
    }

    /// Reads the first `len` bytes of the last chunk back into memory: it was spilled by an
    /// append that then failed further on, so that it is not full any more.
    fn take_back_last(&mut self, len: usize) -> io::Result<()> {
        let mut map = match self.spare.take() {
            Some(map) => map,
            None => self.source.map(self.chunk_len)?,
        };
        let index = self.chunks_gone + self.chunks.len() as u64 - 1;
        let read = self.read_spilled(&mut map.as_mut_slice()[..len], index * self.chunk_len as u64);
        if let Err(error) = read {
            self.spare = Some(map);
            return Err(error);
        }
        self.chunks.pop_back();
        self.chunks.push_back(Chunk::Memory { map, gone: 0 });
        Ok(())
    }

    /// Spills the last chunk, which is full, if memory is past the budget.
    fn settle_last(&mut self) -> io::Result<()> {
        let in_memory: u64 = self.chunks.iter().map(Chunk::memory_len).sum();
        let Some(Chunk::Memory { map, gone }) = self.chunks.back() else { return Ok(()) };
        if in_memory <= self.options.memory_max {
            return Ok(());
        }
        let spill = match &self.spill {
            Some(spill) => spill,
            None => self.spill.insert(Spill::new(&self.options.directory)?),
        };
        let index = self.chunks_gone + self.chunks.len() as u64 - 1;
        spill.write(map.as_slice(), index * self.chunk_len as u64 + *gone as u64)?;
        if let Some(Chunk::Memory { map, gone: 0 }) = self.chunks.pop_back() {
            self.spare = Some(map);
        }
        self.chunks.push_back(Chunk::Spilled);
        Ok(())
    }

    fn drop_chunks_behind(&mut self) {
        let needed = self.end.div_ceil(self.chunk_len as u64) - self.chunks_gone;
        self.chunks.truncate(needed as usize);
    }

    fn release_consumed(&mut self) -> io::Result<()> {
        let mut result = Ok(());
        let chunk_len = self.chunk_len as u64;
        while self.start / chunk_len > self.chunks_gone {
            let released = match self.chunks.pop_front() {
                Some(Chunk::Memory { map, .. }) => map.unmap().map_err(io::Error::from),
                Some(Chunk::Spilled) => self.release_spilled(self.chunks_gone * chunk_len),
                None => Ok(()),
            };
            result = result.and(released);
            self.chunks_gone += 1;
        }
        if let Some(first) = self.chunks.front_mut() {
            result = result.and(first.release_below((self.start % chunk_len) as usize));
        }
        result
    }

    fn release_spilled(&self, at: u64) -> io::Result<()> {
        self.spill.as_ref().map_or(Ok(()), |spill| spill.release(at, self.chunk_len as u64))
    }

    fn read_spilled(&self, buf: &mut [u8], at: u64) -> io::Result<()> {
        self.spill.as_ref().ok_or(io::ErrorKind::NotFound)?.read(buf, at)
    }

    fn os(&self, verb: &'static str, error: &io::Error) -> Error {
        // Memory is all there is besides the file.
        let in_memory = Errno::from_io_error(error) == Some(Errno::NOMEM);
        os(verb, (!in_memory).then_some(&self.options.directory), error)
    }
}

fn os(verb: &'static str, path: Option<&Path>, error: &io::Error) -> Error {
    let errno = Errno::from_io_error(error).unwrap_or(Errno::IO);
    Error::os(Action::Store(verb), path, errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_append_that_fails_after_it_spilled_leaves_all_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let options = Scratch::options().memory_max(0).spill_directory(dir.path());
        let mut scratch = options.create().unwrap();
        let bytes: Vec<u8> = (0..3 * SMALL_CHUNK_LEN).map(|i| (i % 251) as u8).collect();
        // The first chunk goes to the file, then the file takes no more.
        scratch.append(&bytes[..2 * SMALL_CHUNK_LEN + 10]).unwrap();
        scratch.chunks.pop_back();
        scratch.chunks.pop_back();
        scratch.end = 100;
        let spill = scratch.spill.take().unwrap();
        scratch.spill = Some(spill.read_only());
        let error = scratch.append(&bytes[100..]).unwrap_err();
        assert!(error.to_string().contains("append"), "{error}");
        assert_eq!(scratch.len(), 100);
        // Other bytes than those that were spilled before.
        scratch.append(&[252; 100]).unwrap();
        let mut found = vec![0; 300];
        assert_eq!(scratch.read_at(&mut found, 0).unwrap(), 200);
        assert!(found[..100] == bytes[..100] && found[100..200] == [252; 100]);
    }
}
