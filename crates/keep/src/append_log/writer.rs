//! The one writer.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{Ordering, fence};

use cutwater_sys::Errno;
use cutwater_sys::shared_map::SharedMap;

use crate::append_log::failure::os;
use crate::append_log::format::{
    BOOT_AT, DURABLE_AT, Header, LINE_AT, RECORD_HEADER_BYTES, RECORD_LEN_MAX, SEQUENCE_AT,
    record_bytes, record_header,
};
use crate::append_log::length::{HEADER_BYTES, check_of};
use crate::append_log::lock::Locked;
use crate::append_log::options::AppendLogOptions;
use crate::append_log::published::{Publisher, Words};
use crate::append_log::records::{RecordAt, Records};
use crate::append_log::recover::Recovery;
use crate::append_log::space::Space;
use crate::error::{Action, Cause, Error, Result};

/// A log that this process, and no other, appends to.
///
/// Appended records become visible to readers when they are published, all at once. Dropping
/// the log publishes nothing; [`close`](Self::close) does. What another program must not do to
/// the file while it is open: a truncation under the writer ends the process by SIGBUS, since
/// it stores into a map. Its own disk filling up is an error.
#[derive(Debug)]
pub struct AppendLog {
    file: Locked,
    path: PathBuf,
    id: u64,
    line: LineMap,
    publisher: Publisher,
    space: Space,
    published: u64,
    /// The end of what was appended.
    tail: u64,
    quiet: bool,
    /// A sync failed: the state of the device is no longer known.
    failed: bool,
    /// Bytes of earlier writers that no sync has confirmed.
    unconfirmed: Range<u64>,
    recovery: Recovery,
}

/// The state with which a writer begins.
pub(super) struct Start {
    pub(super) header: Header,
    pub(super) boot: Option<[u8; 16]>,
    pub(super) recovery: Recovery,
    pub(super) quiet: bool,
}

/// Bytes that are written again at a time.
const AGAIN_BYTES: u64 = 256 << 10;

/// The header, mapped.
#[derive(Debug)]
struct LineMap(SharedMap);

impl Words for LineMap {
    fn store(&self, index: usize, value: u64, order: Ordering) {
        if let Some(word) = self.0.word(LINE_AT as usize + 8 * index) {
            word.store(value, order);
        }
    }
}

impl AppendLog {
    /// Opens or creates a log with the defaults of [`AppendLogOptions`].
    ///
    /// # Errors
    /// As [`AppendLogOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::options().open(path)
    }

    /// Options to open with.
    #[must_use]
    pub fn options() -> AppendLogOptions {
        AppendLogOptions::default()
    }

    /// Makes the file end where the log does, and announces it.
    pub(super) fn start(file: Locked, path: &Path, start: Start) -> io::Result<Self> {
        let Start { header, boot, recovery, quiet } = start;
        // Zeros after the end, on the device too: no record of the past is found there.
        file.set_len(recovery.end)?;
        if recovery.bytes_lost() > 0 {
            file.sync_data()?;
        }
        let line = LineMap(SharedMap::new(file.as_fd(), 0, HEADER_BYTES as usize)?);
        match line.0.populate(0, HEADER_BYTES as usize) {
            // An old kernel.
            Ok(()) | Err(Errno::INVAL) => {}
            Err(errno) => return Err(errno.into()),
        }
        let publisher = Publisher::start(&line, &header.line, header.id, recovery.end);
        let log = Self {
            id: header.id,
            publisher,
            line,
            space: Space::new(recovery.end),
            published: recovery.end,
            tail: recovery.end,
            path: path.to_path_buf(),
            file,
            quiet,
            failed: false,
            unconfirmed: header.durable.unwrap_or(recovery.end)..recovery.end,
            recovery,
        };
        let durable = match header.durable {
            Some(durable) => durable.min(recovery.end),
            // It is unknown, so all is synced now.
            None => {
                write_again(&log.file, HEADER_BYTES..recovery.end)?;
                log.file.sync_data()?;
                recovery.end
            }
        };
        log.set_durable(durable);
        // Last: a writer killed before this recovers again.
        log.file.write_all_at(&boot.unwrap_or_default(), BOOT_AT)?;
        Ok(log)
    }

    /// What opening it found.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        self.recovery
    }

    /// Bytes of the file that readers may read.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.published
    }

    /// Where the next record will begin.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.tail
    }

    /// Appends a record of up to [`RECORD_LEN_MAX`] bytes and returns where it begins. No
    /// reader sees it before [`publish`](Self::publish).
    ///
    /// # Errors
    /// [`Error::is_full`] when the disk is: the record was not appended, everything before it
    /// stays, and appending may be tried again. [`Error::is_out_of_bounds`] for a record too
    /// long. After a failed [`sync`](Self::sync) all calls fail, and so they do in a child made
    /// by `fork(2)`: the log has one writer.
    pub fn append(&mut self, payload: &[u8]) -> Result<u64> {
        self.check()?;
        let at = self.tail;
        if payload.len() > RECORD_LEN_MAX {
            return Err(self.error(Cause::TooLong { bytes_max: RECORD_LEN_MAX as u64 }));
        }
        let end = at + record_bytes(payload.len());
        if i64::try_from(end).is_err() {
            return Err(self.error(Cause::OutOfBounds));
        }
        self.place(at, end, payload).map_err(|error| self.os(&error))?;
        self.tail = end;
        Ok(at)
    }

    fn place(&mut self, at: u64, end: u64, payload: &[u8]) -> io::Result<()> {
        self.space.have(&self.file, at, end)?;
        self.space.store(at, &record_header(self.id, at, payload))?;
        self.space.store(at + RECORD_HEADER_BYTES as u64, payload)
    }

    /// Makes all appended records visible to readers, and wakes those that sleep. Returns the
    /// published length. It outlives this process, not the machine: see [`sync`](Self::sync).
    pub fn publish(&mut self) -> u64 {
        if self.tail != self.published && self.file.is_ours() {
            // The copies into the map are opaque to the compiler; this keeps them, on every
            // processor, before the words that announce them.
            fence(Ordering::Release);
            self.publisher.publish(&self.line, self.tail);
            self.published = self.tail;
            if !self.quiet {
                self.line.0.wake(SEQUENCE_AT);
            }
        }
        self.published
    }

    /// Publishes, and returns when all of it is on the device. See `fdatasync(2)`.
    ///
    /// # Errors
    /// What the device answers. The kernel forgets what it could not write, so no more is
    /// appended through this handle: open the log again, which finds what is there. The next sync
    /// writes again what none has confirmed; [`Error::is_corrupt`] where that is lost. Then
    /// [`AppendLogOptions::salvage`] goes on with what is left.
    pub fn sync(&mut self) -> Result<()> {
        self.check()?;
        let durable = self.publish();
        // In the other slot, too: one damaged word then loses nothing.
        self.publisher.publish(&self.line, durable);
        if let Err(error) = self.confirm() {
            self.failed = true;
            return Err(error);
        }
        self.unconfirmed = durable..durable;
        self.set_durable(durable);
        Ok(())
    }

    /// Takes all that was stored to the device, also what an earlier writer could not.
    fn confirm(&self) -> Result<()> {
        let (mut records, mut at) = (Records::default(), self.unconfirmed.start);
        while at < self.unconfirmed.end {
            let found = records.find(&self.file, self.id, at, self.unconfirmed.end);
            at = match found.map_err(|error| self.os(&error))? {
                RecordAt::Record { next, .. } => next,
                RecordAt::Bad(what) => return Err(self.error(Cause::Spoiled { at, what })),
                RecordAt::Short { file_len } => {
                    return Err(self.error(Cause::Truncated { at: file_len }));
                }
            };
        }
        let written = write_again(&self.file, self.unconfirmed.clone());
        written.and_then(|()| self.file.sync_data()).map_err(|error| self.os(&error))
    }

    /// Publishes, gives unused blocks back, syncs, and ends writing.
    ///
    /// # Errors
    /// As [`sync`](Self::sync); the log is closed in any case.
    pub fn close(mut self) -> Result<()> {
        self.sync()?;
        // No page past the end may be touched from here on.
        self.space = Space::new(self.tail);
        self.file.set_len(self.tail).map_err(|error| self.os(&error))?;
        self.file.sync_all().map_err(|error| self.os(&error))
    }

    /// The next sync takes it to the device; until then an older one is as good.
    fn set_durable(&self, durable: u64) {
        let at = DURABLE_AT as usize;
        let words = (self.line.0.word(at), self.line.0.word(at + 8));
        if let (Some(length), Some(check)) = words {
            length.store(durable.to_le(), Ordering::Relaxed);
            check.store(check_of(self.id, durable).to_le(), Ordering::Release);
        }
    }

    #[cfg(test)]
    pub(super) fn locked(&mut self) -> &mut Locked {
        &mut self.file
    }

    fn check(&self) -> Result<()> {
        if !self.file.is_ours() {
            return Err(self.error(Cause::Refused(
                "it belongs to the process that this one was forked from; append there",
            )));
        }
        if self.failed {
            return Err(self.error(Cause::Refused("an earlier sync failed; open it again")));
        }
        Ok(())
    }

    fn error(&self, cause: Cause) -> Error {
        Error::new(Action::Store("append to"), Some(&self.path), cause)
    }

    fn os(&self, error: &io::Error) -> Error {
        os(Action::Store("append to"), &self.path, error)
    }
}

/// Writes bytes over themselves, so that the next sync takes them to the device. A write to the device that
/// failed, whichever caller got the error, leaves pages in the page cache that count as written: a sync alone would say that
/// they are there.
fn write_again(file: &File, range: Range<u64>) -> io::Result<()> {
    let mut bytes = vec![0; AGAIN_BYTES.min(range.end.saturating_sub(range.start)) as usize];
    let mut at = range.start;
    while at < range.end {
        let len = (range.end - at).min(AGAIN_BYTES) as usize;
        file.read_exact_at(&mut bytes[..len], at)?;
        file.write_all_at(&bytes[..len], at)?;
        at += len as u64;
    }
    Ok(())
}
