//! Walking over records: bytes are copied first and judged afterwards.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::append_log::format::{
    RECORD_HEADER_BYTES, RECORD_LEN_MAX, is_sound, payload_len, record_bytes,
};

/// Bytes copied ahead at a time.
const AHEAD_BYTES: usize = 64 << 10;
/// A buffer larger than this is given back once a small record follows the large one.
const KEPT_BYTES: usize = 1 << 20;

/// What is at a place of a log.
pub(super) enum RecordAt {
    /// A sound record: its payload in the buffer, and where the next begins.
    Record { payload: Range<usize>, next: u64 },
    /// No sound record, and what is wrong.
    Bad(&'static str),
    /// The file ends before the record does, though the length says otherwise.
    Short { file_len: u64 },
}

/// Copies of a log's bytes, and the walk over them.
#[derive(Debug, Default)]
pub(super) struct Records {
    bytes: Vec<u8>,
    /// Where in the file the copy begins.
    at: u64,
}

impl Records {
    /// What is at `at` in the log `id`, which may be read up to `end`.
    pub(super) fn find(&mut self, file: &File, id: u64, at: u64, end: u64) -> io::Result<RecordAt> {
        let room = end.saturating_sub(at);
        if room < RECORD_HEADER_BYTES as u64 {
            return Ok(RecordAt::Bad("a record reaches past the end of the log"));
        }
        if let Some(short) = self.have(file, at, RECORD_HEADER_BYTES, end)? {
            return Ok(short);
        }
        let start = (at - self.at) as usize;
        let mut header = [0; RECORD_HEADER_BYTES];
        header.copy_from_slice(&self.bytes[start..start + RECORD_HEADER_BYTES]);
        let Some(len) = payload_len(header) else {
            return Ok(RecordAt::Bad("no record begins there"));
        };
        let whole = record_bytes(len);
        if whole > room {
            return Ok(RecordAt::Bad("a record reaches past the end of the log"));
        }
        if let Some(short) = self.have(file, at, whole as usize, end)? {
            return Ok(short);
        }
        let start = (at - self.at) as usize + RECORD_HEADER_BYTES;
        let payload = start..start + len;
        if !is_sound(id, at, header, &self.bytes[payload.clone()]) {
            return Ok(RecordAt::Bad("the checksum of a record is wrong"));
        }
        Ok(RecordAt::Record { payload, next: at + whole })
    }

    /// Bytes of the last record found.
    pub(super) fn payload(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Makes sure that `len` bytes from `at` are in the copy.
    fn have(&mut self, file: &File, at: u64, len: usize, end: u64) -> io::Result<Option<RecordAt>> {
        debug_assert!(len as u64 <= record_bytes(RECORD_LEN_MAX));
        let copied = self.at..self.at + self.bytes.len() as u64;
        if copied.start <= at && at + len as u64 <= copied.end {
            return Ok(None);
        }
        let ahead = usize::try_from(end - at).unwrap_or(usize::MAX).min(AHEAD_BYTES);
        let wanted = len.max(ahead);
        if self.bytes.capacity() > KEPT_BYTES && wanted <= KEPT_BYTES {
            self.bytes = Vec::new();
        }
        // Nothing counts as copied if the read fails.
        self.bytes.clear();
        self.at = at;
        self.bytes.resize(wanted, 0);
        let copied = read_up_to(file, &mut self.bytes, at);
        self.bytes.truncate(*copied.as_ref().unwrap_or(&0));
        let copied = copied?;
        Ok((copied < len).then_some(RecordAt::Short { file_len: at + copied as u64 }))
    }
}

/// Fills `buf` from `at`, less only at the end of the file.
pub(super) fn read_up_to(file: &File, buf: &mut [u8], at: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buf.len() {
        match file.read_at(&mut buf[done..], at + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
