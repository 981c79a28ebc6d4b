//! Following a log that grows, also when it is rotated.
//!
//! Rotation by rename: the path leads to another file. The old one is read on for a while, since its writer may
//! notice late. Files that were at the path between two looks are found by their renames.
//! By copy and truncate: the file is shorter than what was read of it, or the bytes before that
//! place are no longer the same, so a file that has grown past the place again is noticed too.
//!
//! While the path leads to nothing that can be followed (a file that may not be read yet, a directory, a FIFO, a
//! loop of links), the old file is read on, and the path is tried again at each poll. A file that is rotated away
//! before it could be read is looked for in the directory, and read once that is allowed. What is known to be
//! missing is said ([`Event::Lost`]).

mod history;
mod place;

use std::collections::VecDeque;
use std::fs::{self, File, Metadata};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::split::RECORD_BYTES_MAX;
use history::History;
use place::{FileId, Place, id_of, look, open_regular};

/// Bytes read at a time, and so the most that [`Follow::poll`] hands over at a time.
const READ_BYTES: usize = 256 << 10;

/// Bytes before the place reached that are compared, to notice that the file was written anew.
const WITNESS_BYTES: usize = 64;

/// The most files that are read on after they were replaced.
const PREVIOUS_MAX: usize = 8;

/// The most files that are tried again after they left the path and could not be read.
const UNREAD_MAX: usize = 8;

/// How long a replaced file is read on once another one was replaced after it: while a deleted file
/// is open, its space is not free.
const LATE_MAX: Duration = Duration::from_secs(60);

/// How much of a line is looked at to see whether it begins a record.
const LINE_LOOKED_AT: usize = 4 << 10;

/// Bytes read at a time to find the start of a tail.
const TAIL_STEP_BYTES: u64 = 64 << 10;

/// A log that is followed.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    current: Reader,
    /// The files before the current one, the oldest first, and when they were replaced: their writers may take
    /// a while to notice a rotation.
    previous: VecDeque<(Reader, Instant)>,
    /// Files that follow the current one.
    next: VecDeque<Reader>,
    history: History,
    /// Files that were at the path and could not be read; each with its id and why.
    unread: VecDeque<(FileId, String)>,
    /// The file at the path, where it cannot be read.
    unreadable: Option<(FileId, String)>,
    /// Why the path leads to nothing that can be followed, as last reported.
    trouble: Option<String>,
    buf: Vec<u8>,
}

/// One file, read as it grows.
#[derive(Debug)]
struct Reader {
    file: File,
    id: FileId,
    /// Bytes read; all but `held` were handed over.
    offset: u64,
    /// The start of a line whose end was not written yet.
    held: Vec<u8>,
    /// Bytes dropped so far of a line that is too long, after its beginning in `held`.
    dropped: u64,
    /// The bytes before `offset`.
    witness: Vec<u8>,
    line_bytes_max: usize,
}

/// What happened to a log that is followed.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Whole lines were added; the last one of a file that was replaced may lack its line feed.
    Lines {
        /// Where in the file they begin.
        offset: u64,
        /// The lines.
        bytes: &'a [u8],
    },
    /// A line that is too long: where it begins, its length, its beginning.
    LongLine {
        /// Where in the file it begins.
        offset: u64,
        /// Its length, bytes, without its end.
        length: u64,
        /// Whether it has an end; the last line of a file that was replaced may lack it.
        is_ended: bool,
        /// Its beginning.
        start: &'a [u8],
    },
    /// The path leads to another file, which is read from its start.
    Replaced,
    /// The file was truncated or written anew, and is read from its start.
    Truncated,
    /// The path leads to something that cannot be followed. What was followed is read on, and the path is tried
    /// again at each poll. Comes once for each reason.
    Unusable {
        /// The reason, for people.
        why: &'a str,
    },
    /// The path leads to the followed file again.
    Usable,
    /// A file was at the path between two looks and cannot be read yet. It is tried again at each poll.
    Unread {
        /// Which file, and the reason, for people.
        why: &'a str,
    },
    /// Something is missing: what was written late to a file that was replaced and can no longer be read, or
    /// a file that was at the path and could not be read before it was gone.
    Lost {
        /// Why, for people.
        why: &'a str,
    },
}

impl Follow {
    /// Follows `path` from the start of its last `lines` lines.
    ///
    /// # Errors
    /// When it cannot be opened or read, or is not a regular file.
    pub fn open(path: &Path, lines: usize, line_bytes_max: usize) -> io::Result<Self> {
        let history = History::of(path);
        let (file, meta) = open_regular(path)?;
        let offset = tail_start(&file, meta.len(), lines)?;
        let mut current = Reader::new(file, &meta, line_bytes_max.max(READ_BYTES));
        current.offset = offset;
        current.witness_before(offset)?;
        let buf = vec![0; READ_BYTES];
        let (previous, next, unread) = Default::default();
        let (unreadable, trouble) = (None, None);
        let path = path.into();
        Ok(Self { path, current, previous, next, history, unread, unreadable, trouble, buf })
    }

    /// Goes back to the start of the record that the first line to be read belongs to, where
    /// `begins` is true, but no further than the longest record.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn back_to_record(&mut self, mut begins: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
        let offset = self.current.offset;
        let before = offset.min(RECORD_BYTES_MAX as u64);
        let mut bytes = vec![0; before as usize + LINE_LOOKED_AT];
        let n = read_full(&self.current.file, &mut bytes, offset - before)?;
        let bytes = &bytes[..n];
        let mut at = before as usize;
        while at < n {
            let end = memchr::memchr(b'\n', &bytes[at..]).map_or(n, |feed| at + feed);
            if begins(&bytes[at..end]) {
                self.current.offset = offset - before + at as u64;
                return self.current.witness_before(self.current.offset);
            }
            let Some(feed) = at.checked_sub(1) else { break };
            at = memchr::memrchr(b'\n', &bytes[..feed]).map_or(0, |feed| feed + 1);
        }
        Ok(())
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Calls `each` for all that happened since the last poll; [`ControlFlow::Break`] ends this one.
    ///
    /// # Errors
    /// When the file that the path leads to cannot be read on. The next poll tries again, and goes on with
    /// another file where the path leads to one by then.
    pub fn poll(&mut self, mut each: impl FnMut(Event<'_>) -> ControlFlow<()>) -> io::Result<()> {
        let each = &mut each;
        self.history.read_events();
        if self.read_previous(each).is_break() || self.try_unread(each).is_break() {
            return Ok(());
        }
        loop {
            let read = self.read_current(each);
            if matches!(read, Ok(ControlFlow::Break(()))) {
                return Ok(());
            }
            match self.next_file(each) {
                ControlFlow::Break(()) => return Ok(()),
                ControlFlow::Continue(None) => return read.map(|_| ()),
                ControlFlow::Continue(Some(next)) => {
                    if self.replace(next, each).is_break() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Reads what was written late to files that were replaced.
    fn read_previous(
        &mut self,
        each: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut at = 0;
        while let Some((previous, since)) = self.previous.get_mut(at) {
            let is_over = since.elapsed() > LATE_MAX;
            let failed = match previous.read_on(&mut self.buf, each) {
                Ok(flow) => {
                    flow?;
                    None
                }
                Err(e) => Some(e.to_string()),
            };
            at += 1;
            // The last one is kept: its writer may still not have noticed.
            if failed.is_none() && !(is_over && at < self.previous.len()) {
                continue;
            }
            at -= 1;
            if let Some((mut ended, _)) = self.previous.remove(at) {
                ended.flush(each)?;
            }
            if let Some(why) = &failed {
                let why = format!("the file before can no longer be read: {why}");
                each(Event::Lost { why: &why })?;
            }
        }
        ControlFlow::Continue(())
    }

    fn read_current(
        &mut self,
        each: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> io::Result<ControlFlow<()>> {
        if self.current.is_rewritten()? {
            // A line whose end was not written is over.
            let flow = self.current.flush(each);
            self.current.start_again();
            if flow.is_break() || each(Event::Truncated).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.current.read_on(&mut self.buf, each)
    }

    /// The file to go on with, where the path leads to another one.
    fn next_file(
        &mut self,
        each: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<(), Option<Reader>> {
        if let Some(next) = self.next.pop_front() {
            return ControlFlow::Continue(Some(next));
        }
        match look(&self.path, self.current.id) {
            Place::Same => {
                if self.trouble.take().is_some() {
                    each(Event::Usable)?;
                }
            }
            Place::Absent => {
                self.trouble = None;
                self.left_unread(None, each)?;
                self.find_between(None, each)?;
            }
            Place::Unusable(e) => {
                let why = e.to_string();
                let file = fs::metadata(&self.path).ok().filter(Metadata::is_file);
                let id = file.as_ref().map(id_of);
                self.left_unread(id, each)?;
                self.find_between(id, each)?;
                self.unreadable = id.map(|id| (id, why.clone()));
                if self.trouble.as_ref() != Some(&why) {
                    each(Event::Unusable { why: self.trouble.insert(why) })?;
                }
            }
            Place::Other(file, meta) => {
                self.trouble = None;
                let id = id_of(&meta);
                self.left_unread(Some(id), each)?;
                self.find_between(Some(id), each)?;
                self.unread.retain(|(unread, _)| *unread != id);
                // A file that was replaced and is back is read on from where it was.
                let back = self.previous.iter().position(|(reader, _)| reader.id == id);
                let back = back.and_then(|at| self.previous.remove(at)).map(|(reader, _)| reader);
                let fresh = || Reader::new(file, &meta, self.current.line_bytes_max);
                self.next.push_back(back.unwrap_or_else(fresh));
            }
        }
        ControlFlow::Continue(self.next.pop_front())
    }

    /// Queues the files that the path led to since the last look, but not the one with the id `last`, to which
    /// it leads now.
    fn find_between(
        &mut self,
        last: Option<FileId>,
        each: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let between = self.history.take(&self.path, self.current.id);
        for path in between.paths {
            let Ok(id) = fs::metadata(&path).map(|meta| id_of(&meta)) else { continue };
            let queued = self.next.iter().any(|next| next.id == id);
            let previous = self.previous.iter().any(|(reader, _)| reader.id == id);
            let unread = self.unread.iter().any(|(unread, _)| *unread == id);
            if queued || previous || unread || id == self.current.id || Some(id) == last {
                continue;
            }
            match open_regular(&path) {
                Ok((file, meta)) => {
                    self.next.push_back(Reader::new(file, &meta, self.current.line_bytes_max));
                }
                // A file that was never at the path as itself.
                Err(e) if e.kind() == io::ErrorKind::InvalidInput => {}
                Err(e) => {
                    let why = format!("{} cannot be read yet: {e}", path.display());
                    each(Event::Unread { why: &why })?;
                    self.put_aside(id, e.to_string(), each)?;
                }
            }
        }
        between.lost.map_or(ControlFlow::Continue(()), |why| each(Event::Lost { why: &why }))
    }

    /// Puts the file aside that was at the path and could not be read, where `now` is another one.
    fn left_unread(
        &mut self,
        now: Option<FileId>,
        each: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self.unreadable.take() {
            Some((id, why)) if now != Some(id) => self.put_aside(id, why, each),
            _ => ControlFlow::Continue(()),
        }
    }

    fn put_aside(
        &mut self,
        id: FileId,
        why: String,
        each: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.unread.push_back((id, why));
        if self.unread.len() <= UNREAD_MAX {
            return ControlFlow::Continue(());
        }
        let why = self.unread.pop_front().map_or_else(String::new, |(_, why)| why);
        each(Event::Lost {
            why: &format!("a file that was at the path was never readable ({why})"),
        })
    }

    /// Tries to read the files that were put aside, by the names that they have now.
    fn try_unread(
        &mut self,
        each: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for _ in 0..self.unread.len() {
            let Some((id, why)) = self.unread.pop_front() else { break };
            let Some(path) = self.history.find(id) else {
                let why =
                    format!("a file that was at the path could not be read ({why}), and is gone");
                each(Event::Lost { why: &why })?;
                continue;
            };
            match open_regular(&path) {
                Ok((file, meta)) if id_of(&meta) == id => {
                    let mut reader = Reader::new(file, &meta, self.current.line_bytes_max);
                    // An error comes again with the next poll.
                    let read = reader.read_on(&mut self.buf, each);
                    self.previous.push_front((reader, Instant::now()));
                    if let Ok(flow) = read {
                        flow?;
                    }
                }
                // It was renamed just now; the next poll finds it.
                Ok(_) => self.unread.push_back((id, why)),
                Err(e) => self.unread.push_back((id, e.to_string())),
            }
        }
        while self.previous.len() > PREVIOUS_MAX {
            self.end_oldest(each)?;
        }
        ControlFlow::Continue(())
    }

    fn end_oldest(
        &mut self,
        each: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self.previous.pop_front() {
            Some((mut oldest, _)) => oldest.flush(each),
            None => ControlFlow::Continue(()),
        }
    }

    /// Goes on with the next file.
    fn replace(
        &mut self,
        next: Reader,
        each: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let ended = std::mem::replace(&mut self.current, next);
        // Only the file before the current one may have a line whose end is still to come.
        self.previous.iter_mut().try_for_each(|(previous, _)| previous.flush(each))?;
        self.previous.push_back((ended, Instant::now()));
        if self.previous.len() > PREVIOUS_MAX {
            self.end_oldest(each)?;
        }
        each(Event::Replaced)
    }
}

impl Reader {
    fn new(file: File, meta: &Metadata, line_bytes_max: usize) -> Self {
        Self {
            file,
            id: id_of(meta),
            offset: 0,
            held: Vec::new(),
            dropped: 0,
            witness: Vec::new(),
            line_bytes_max,
        }
    }

    fn start_again(&mut self) {
        (self.offset, self.dropped) = (0, 0);
        self.held.clear();
        self.witness.clear();
    }

    /// Whether what was read of the file is no longer what it holds.
    fn is_rewritten(&mut self) -> io::Result<bool> {
        if self.file.metadata()?.len() < self.offset {
            return Ok(true);
        }
        let mut now = [0; WITNESS_BYTES];
        let now = &mut now[..self.witness.len()];
        let n = read_full(&self.file, now, self.offset - now.len() as u64)?;
        Ok(now[..n] != self.witness[..])
    }

    fn witness_before(&mut self, offset: u64) -> io::Result<()> {
        let length = offset.min(WITNESS_BYTES as u64);
        self.witness.resize(length as usize, 0);
        let n = read_full(&self.file, &mut self.witness, offset - length)?;
        self.witness.truncate(n);
        Ok(())
    }

    /// Reads to the end of the file.
    fn read_on(
        &mut self,
        buf: &mut [u8],
        each: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> io::Result<ControlFlow<()>> {
        loop {
            let n = match self.file.read_at(buf, self.offset) {
                Ok(0) => return Ok(ControlFlow::Continue(())),
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            let flow = self.take(&buf[..n], each);
            self.offset += n as u64;
            let kept = n.min(WITNESS_BYTES);
            let stale = (self.witness.len() + kept).saturating_sub(WITNESS_BYTES);
            self.witness.drain(..stale);
            self.witness.extend_from_slice(&buf[n - kept..n]);
            if flow.is_break() {
                return Ok(flow);
            }
        }
    }

    /// Hands over the whole lines of `bytes`, which follow what is held.
    fn take(
        &mut self,
        bytes: &[u8],
        each: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut rest = bytes;
        let start = self.offset - self.held.len() as u64 - self.dropped;
        if !self.held.is_empty() {
            let Some(feed) = memchr::memchr(b'\n', rest) else {
                self.hold(rest);
                return ControlFlow::Continue(());
            };
            let (end, after) = rest.split_at(feed + 1);
            self.hold(end);
            let offset = start;
            let flow = self.hand_over(offset, true, each);
            rest = after;
            flow?;
        }
        let cut = memchr::memrchr(b'\n', rest).map_or(0, |at| at + 1);
        let (lines, held) = rest.split_at(cut);
        if !lines.is_empty() {
            let offset = self.offset + (bytes.len() - rest.len()) as u64;
            each(Event::Lines { offset, bytes: lines })?;
        }
        self.hold(held);
        ControlFlow::Continue(())
    }

    /// Keeps the start of a line, or only its beginning where it is too long.
    fn hold(&mut self, bytes: &[u8]) {
        let room = (self.line_bytes_max + 1).saturating_sub(self.held.len()).min(bytes.len());
        self.held.extend_from_slice(&bytes[..room]);
        self.dropped += (bytes.len() - room) as u64;
    }

    /// Hands over the line that was held.
    fn hand_over(
        &mut self,
        offset: u64,
        is_ended: bool,
        each: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let length = self.held.len() as u64 + self.dropped - u64::from(is_ended);
        let event = if length > self.line_bytes_max as u64 {
            let start = &self.held[..self.held.len().min(WITNESS_BYTES * 4)];
            Event::LongLine { offset, length, is_ended, start }
        } else {
            Event::Lines { offset, bytes: &self.held }
        };
        let flow = each(event);
        self.held.clear();
        self.held.shrink_to(READ_BYTES);
        self.dropped = 0;
        flow
    }

    /// Ends a file that was replaced: the bytes held are a line without its end.
    fn flush(&mut self, each: &mut impl FnMut(Event<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        if self.held.is_empty() {
            return ControlFlow::Continue(());
        }
        let offset = self.offset - self.held.len() as u64 - self.dropped;
        self.hand_over(offset, false, each)
    }
}

fn read_full(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buf.len() {
        match file.read_at(&mut buf[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

/// Where the last `lines` lines of a file of `size` bytes begin.
fn tail_start(file: &File, size: u64, lines: usize) -> io::Result<u64> {
    let mut buf = vec![0; TAIL_STEP_BYTES as usize];
    let (mut end, mut left) = (size, lines);
    while end > 0 {
        let start = end.saturating_sub(TAIL_STEP_BYTES);
        let n = read_full(file, &mut buf[..(end - start) as usize], start)?;
        for at in memchr::memrchr_iter(b'\n', &buf[..n]) {
            // The line feed that ends the file begins no line.
            if start + at as u64 + 1 == size {
                continue;
            }
            if left <= 1 {
                return Ok(if left == 0 { size } else { start + at as u64 + 1 });
            }
            left -= 1;
        }
        end = start;
    }
    Ok(if lines == 0 { size } else { 0 })
}
