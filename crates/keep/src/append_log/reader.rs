//! The readers, in any process.

use std::fs::File;
use std::hint::spin_loop;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{Ordering, fence};
use std::thread;
use std::time::{Duration, Instant};

use cutwater_sys::Errno;
use cutwater_sys::shared_map::WaitWord;

use crate::append_log::failure::{check_kind, os};
use crate::append_log::format::{Header, LINE_AT, SEQUENCE_AT};
use crate::append_log::length::{HEADER_BYTES, is_length};
use crate::append_log::published::{Damage, LINE_BYTES, Line};
use crate::append_log::records::{RecordAt, Records, read_up_to};
use crate::error::{Action, Cause, Error, Result};
use cutwater_maps::open::open_without_waiting;

/// The longest a waiting reader sleeps before it looks again without having been woken.
pub const WAIT_SLICE: Duration = Duration::from_millis(10);
/// How long a reader spins before it sleeps, unless asked otherwise.
const SPIN: Duration = Duration::from_micros(20);
/// Looks at a line that was caught half written, before it counts as spoiled.
const LOOKS_MAX: u32 = 1000;
/// Looks between two glances at the clock.
const LOOKS_PER_CLOCK: u32 = 16;
/// The first and the longest sleep where there is no futex.
const NAP_MIN: Duration = Duration::from_micros(50);
const NAP_MAX: Duration = Duration::from_millis(1);

/// A record of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record<'a> {
    /// Where it begins in the file: a place for [`LogReader::seek`].
    pub position: u64,
    /// What was appended.
    pub payload: &'a [u8],
}

/// Reads a log that another process may be writing. It never writes and holds no lock.
#[derive(Debug)]
pub struct LogReader {
    file: File,
    path: PathBuf,
    id: u64,
    records: Records,
    position: u64,
    /// The longest length seen.
    published: u64,
    /// The damage of one of the two copies of the published length.
    damage: Option<Damage>,
    word: Option<WaitWord>,
    spin: Duration,
}

impl LogReader {
    /// Opens a log at its first record.
    ///
    /// # Errors
    /// [`Error::is_not_found`]; [`Error::is_corrupt`] for a file that is not a log or was not
    /// one yet; what `open(2)` answers.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let fail = |error: io::Error| os(Action::Open, path, &error);
        let file = open_without_waiting(path).map_err(fail)?;
        check_kind(&file, path)?;
        let mut bytes = [0; HEADER_BYTES as usize];
        let n = read_up_to(&file, &mut bytes, 0).map_err(fail)?;
        let header = Header::decode(&bytes[..n])
            .map_err(|what| Error::new(Action::Open, Some(path), Cause::Spoiled { at: 0, what }))?;
        // Without it, waiting is sleeping.
        let word = WaitWord::new(file.as_fd(), SEQUENCE_AT).ok();
        let mut reader = Self {
            file,
            path: path.to_path_buf(),
            id: header.id,
            records: Records::default(),
            position: HEADER_BYTES,
            published: HEADER_BYTES,
            damage: None,
            word,
            spin: SPIN,
        };
        reader.refresh()?;
        Ok(reader)
    }

    /// How long [`wait`](Self::wait) spins before it sleeps. A spinning reader sees a record
    /// soonest and takes a core.
    pub fn set_spin(&mut self, spin: Duration) {
        self.spin = spin;
    }

    /// Where the next record begins.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether one of the two copies of the published length is damaged. The other one is used. If
    /// records may be missing, reading past the last known one is an error. Opening the log for
    /// writing repairs both.
    #[must_use]
    pub fn is_header_damaged(&self) -> bool {
        self.damage.is_some()
    }

    /// Goes to the record at `position`, which was a record's position or a reader's.
    ///
    /// # Errors
    /// [`Error::is_out_of_bounds`] outside of what is published. A place where no record
    /// begins is [`Error::is_corrupt`] when it is read.
    pub fn seek(&mut self, position: u64) -> Result<()> {
        if !is_length(position) || position > self.published && position > self.refresh()? {
            return Err(self.error(Cause::OutOfBounds));
        }
        self.position = position;
        Ok(())
    }

    /// The next record; none at the end of what is published. Its bytes are a copy, checked.
    ///
    /// # Errors
    /// [`Error::is_corrupt`] for damaged bytes, and at the end of a log whose published length is
    /// damaged so that records may be missing; [`Error::is_truncated`] when the file is shorter
    /// than what was published; what `pread(2)` answers. The reader stays where it is.
    pub fn read_next(&mut self) -> Result<Option<Record<'_>>> {
        if !self.is_ready()? {
            return Ok(None);
        }
        let position = self.position;
        let found = self.records.find(&self.file, self.id, position, self.published);
        match found.map_err(|error| self.os(&error))? {
            RecordAt::Record { payload, next } => {
                self.position = next;
                Ok(Some(Record { position, payload: self.records.payload(payload) }))
            }
            RecordAt::Bad(what) => Err(self.error(Cause::Spoiled { at: position, what })),
            RecordAt::Short { file_len } => Err(self.error(Cause::Truncated { at: file_len })),
        }
    }

    /// Waits until there is a record to read, spinning first and then asleep. False when the
    /// time is over.
    ///
    /// # Errors
    /// As [`read_next`](Self::read_next).
    pub fn wait(&mut self, time: Duration) -> Result<bool> {
        let begin = Instant::now();
        if self.spin(begin, self.spin.min(time))? {
            return Ok(true);
        }
        let mut nap = NAP_MIN;
        loop {
            // The number first, the length after: a publication in between ends the sleep.
            let sequence = self.look()?.sequence();
            if self.is_ready()? {
                return Ok(true);
            }
            let left = time.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Ok(false);
            }
            self.sleep(sequence, left, &mut nap)?;
        }
    }

    /// Closes the file. Nothing can fail: it was only read.
    pub fn close(self) {}

    fn spin(&mut self, begin: Instant, time: Duration) -> Result<bool> {
        loop {
            for _ in 0..LOOKS_PER_CLOCK {
                if self.is_ready()? {
                    return Ok(true);
                }
                spin_loop();
            }
            if begin.elapsed() >= time {
                return Ok(false);
            }
        }
    }

    fn sleep(&mut self, sequence: u32, left: Duration, nap: &mut Duration) -> Result<()> {
        let answer = match &self.word {
            Some(word) => word.wait(sequence, left.min(WAIT_SLICE)),
            None => Err(Errno::NOSYS),
        };
        if answer.is_err() {
            // No futex here, or the page is gone, which the next look shows.
            self.word = None;
            thread::sleep((*nap).min(left));
            *nap = (*nap * 2).min(NAP_MAX);
        }
        Ok(())
    }

    fn is_ready(&mut self) -> Result<bool> {
        if self.position < self.published || self.position < self.refresh()? {
            return Ok(true);
        }
        match self.damage {
            Some(Damage::Hides(_)) => Err(self.error(Cause::Spoiled {
                at: LINE_AT,
                what: "one of the two published lengths is damaged, and records may follow",
            })),
            _ => Ok(false),
        }
    }

    fn refresh(&mut self) -> Result<u64> {
        let mut before = None;
        for _ in 0..LOOKS_MAX {
            let line = self.look()?;
            // Whole, or left so by a writer that died.
            let settled = line.is_whole(self.id) || before == Some(line);
            if let (true, Some(published)) = (settled, line.published(self.id)) {
                // Records are copied after the length, as the writer stored them before it.
                fence(Ordering::Acquire);
                self.published = self.published.max(published);
                self.damage = self.damage_of(&line)?;
                return Ok(self.published);
            }
            before = Some(line);
            spin_loop();
        }
        Err(self.error(Cause::Spoiled { at: LINE_AT, what: "the published length is spoiled" }))
    }

    fn damage_of(&self, line: &Line) -> Result<Option<Damage>> {
        if line.is_whole(self.id) {
            return Ok(None);
        }
        let file_len = self.file.metadata().map_err(|error| self.os(&error))?.len();
        Ok(line.damage(self.id, file_len))
    }

    fn look(&self) -> Result<Line> {
        let mut line = [0; LINE_BYTES];
        let n = read_up_to(&self.file, &mut line, LINE_AT).map_err(|error| self.os(&error))?;
        if n < LINE_BYTES {
            return Err(self.error(Cause::Truncated { at: LINE_AT + n as u64 }));
        }
        Ok(Line::decode(&line))
    }

    fn error(&self, cause: Cause) -> Error {
        Error::new(Action::Store("read"), Some(&self.path), cause)
    }

    fn os(&self, error: &io::Error) -> Error {
        os(Action::Store("read"), &self.path, error)
    }
}
