//! Splitting against a naive splitter, over sizes of pieces and blocks, by seed.

use std::ops::ControlFlow;

use proptest::prelude::*;

use super::{Block, BlockSink, Blocks, Input, Limits, Task};
use crate::Result;

#[derive(Default)]
struct Seen {
    lines: Vec<(u64, Vec<u8>)>,
    long: Vec<(u64, u64)>,
}

impl BlockSink for Seen {
    fn block(&mut self, block: Block<'_>) -> ControlFlow<()> {
        let mut at = block.offset;
        for line in block.bytes.split_inclusive(|&b| b == b'\n') {
            self.lines.push((at, line.to_vec()));
            at += line.len() as u64;
        }
        ControlFlow::Continue(())
    }

    fn long_line(&mut self, offset: u64, bytes: u64, _: &[u8]) -> ControlFlow<()> {
        self.long.push((offset, bytes));
        ControlFlow::Continue(())
    }
}

/// The lines by piece, read `step` bytes at most at a time.
fn split(text: &[u8], limits: Limits, step: usize) -> Seen {
    let mut seen = Seen::default();
    let mut blocks = Blocks::new(limits);
    let mut start = 0;
    while start < text.len() as u64 {
        let end = (start + limits.piece_bytes).min(text.len() as u64);
        let fill = |at: u64, buf: &mut [u8]| -> Result<usize> {
            let rest = &text[(at as usize).min(text.len())..];
            let n = rest.len().min(buf.len()).min(step);
            buf[..n].copy_from_slice(&rest[..n]);
            Ok(n)
        };
        blocks.read(start..end, fill, &mut seen).unwrap();
        start = end;
    }
    seen
}

fn naive(text: &[u8], line_bytes_max: usize) -> Seen {
    let mut seen = Seen::default();
    let mut at = 0;
    for line in text.split_inclusive(|&b| b == b'\n') {
        let bytes = line.strip_suffix(b"\n").unwrap_or(line).len();
        if bytes > line_bytes_max {
            seen.long.push((at, bytes as u64));
        } else {
            seen.lines.push((at, line.to_vec()));
        }
        at += line.len() as u64;
    }
    seen
}

fn check(text: &[u8], limits: Limits, step: usize) {
    let (got, want) = (split(text, limits, step), naive(text, limits.line_bytes_max));
    assert_eq!(got.lines, want.lines);
    assert_eq!(got.long, want.long);
}

proptest! {
    #[test]
    fn every_line_is_seen_once_whatever_the_pieces(
        lines in proptest::collection::vec(
            (proptest::collection::vec(prop_oneof![Just(b'a'), Just(0u8), Just(b'\r')], 0..9), 0usize..200),
            0..40,
        ),
        end in any::<bool>(),
        piece in 1u64..600,
        block in 64usize..200,
        step in 1usize..300,
    ) {
        let mut text = Vec::new();
        for (line, repeat) in &lines {
            let line = if repeat % 5 == 0 { line.repeat(*repeat) } else { line.clone() };
            text.extend_from_slice(&line);
            text.push(b'\n');
        }
        if end {
            text.pop();
        }
        check(&text, Limits { piece_bytes: piece, block_bytes: block, line_bytes_max: 300 }, step);
    }
}

#[test]
fn a_line_longer_than_the_limit_is_reported_and_the_next_one_read() {
    let mut text = vec![b'x'; 100_000];
    text.extend_from_slice(b"\nnext\n");
    for piece_bytes in [64, 1000, 99_999, 100_000, 100_001, 1 << 20] {
        let limits = Limits { piece_bytes, block_bytes: 64, line_bytes_max: 500 };
        let seen = split(&text, limits, usize::MAX);
        assert_eq!(seen.long, [(0, 100_000)], "{piece_bytes}");
        assert_eq!(seen.lines, [(100_001, b"next\n".to_vec())], "{piece_bytes}");
    }
}

#[test]
fn memory_stays_within_the_limit_for_a_line_without_end() {
    let limits = Limits { piece_bytes: 1 << 30, block_bytes: 4096, line_bytes_max: 64 << 10 };
    let mut blocks = Blocks::new(limits);
    let mut seen = Seen::default();
    let (total, mut largest) = (1u64 << 28, 0);
    let fill = |at: u64, buf: &mut [u8]| -> Result<usize> {
        largest = largest.max(buf.len());
        let n = buf.len().min((total - at) as usize);
        buf[..n].fill(b'x');
        Ok(n)
    };
    blocks.read(0..total, fill, &mut seen).unwrap();
    assert_eq!(seen.long, [(0, total)]);
    assert!(seen.lines.is_empty());
    assert!(largest <= 64 << 10, "asked for {largest} bytes at a time");
}

#[test]
fn a_file_that_ends_early_ends_the_piece_with_what_there_was() {
    let text = b"one\ntwo\nthr";
    let mut seen = Seen::default();
    let fill = |at: u64, buf: &mut [u8]| -> Result<usize> {
        let rest = &text[(at as usize).min(text.len())..];
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    };
    Blocks::new(Limits::default()).read(0..1 << 20, fill, &mut seen).unwrap();
    let lines: Vec<_> = seen.lines.iter().map(|(_, l)| l.as_slice()).collect();
    assert_eq!(lines, [&b"one\n"[..], b"two\n", b"thr"]);
}

#[test]
fn a_log_that_ends_where_a_piece_does_was_truncated_within_the_last_line_of_that_piece() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    std::io::Write::write_all(&mut file, b"first line\nsecond line\nthird line\n").expect("writes");
    let input = Input::open(file.path(), cutwater::ReadPath::Preadv).expect("it opens");
    // The piece ends within the second line.
    let task = Task { input: 0, range: 0..15 };
    let read = || {
        let (mut blocks, mut seen) = (Blocks::new(Limits::default()), Seen::default());
        super::read_task(&mut blocks, &input, &task, false, &mut seen).map(|()| seen.lines.len())
    };
    assert_eq!(read().expect("whole lines"), 2);
    file.as_file().set_len(15).expect("it becomes shorter");
    let failed = read().expect_err("half of a line is lost");
    assert!(matches!(failed, crate::Error::Truncated { at: 15, .. }), "{failed}");
}

/// The records of pieces, where a line that begins with `a` begins a record.
#[derive(Debug, Default, PartialEq, Eq)]
struct SeenRecords {
    records: Vec<(u64, Vec<u8>)>,
    long: Vec<(u64, u64)>,
    left_out: u64,
    begun: bool,
}

impl SeenRecords {
    fn keep(&mut self, offset: u64, record: &[u8]) {
        let kept = super::kept_lines(record);
        self.records.push((offset, record[..kept].to_vec()));
        self.left_out += super::lines_in(&record[kept..]);
    }
}

impl BlockSink for SeenRecords {
    fn block(&mut self, block: Block<'_>) -> ControlFlow<()> {
        let (mut at, mut offset) = (0, block.offset);
        for line in block.bytes.split_inclusive(|&b| b == b'\n') {
            let begins = line.starts_with(b"a");
            let start = offset - block.offset;
            if (begins || !self.begun) && start > at {
                self.keep(block.offset + at, &block.bytes[at as usize..start as usize]);
                at = start;
            }
            self.begun |= begins;
            offset += line.len() as u64;
        }
        self.keep(block.offset + at, &block.bytes[at as usize..]);
        ControlFlow::Continue(())
    }

    fn long_line(&mut self, offset: u64, bytes: u64, start: &[u8]) -> ControlFlow<()> {
        self.begun |= start.starts_with(b"a");
        self.long.push((offset, bytes));
        ControlFlow::Continue(())
    }

    fn joins_lines(&self) -> bool {
        true
    }

    fn begins_record(&mut self, line: &[u8]) -> bool {
        line.starts_with(b"a")
    }

    fn left_out(&mut self, lines: u64, _: u64) {
        self.left_out += lines;
    }
}

fn split_records(text: &[u8], limits: Limits, step: usize) -> SeenRecords {
    let mut seen = SeenRecords::default();
    let mut blocks = Blocks::new(limits);
    let mut start = 0;
    while start < text.len() as u64 {
        let end = (start + limits.piece_bytes).min(text.len() as u64);
        let fill = |at: u64, buf: &mut [u8]| -> Result<usize> {
            let rest = &text[(at as usize).min(text.len())..];
            let n = rest.len().min(buf.len()).min(step);
            buf[..n].copy_from_slice(&rest[..n]);
            Ok(n)
        };
        seen.begun = start > 0;
        blocks.read(start..end, fill, &mut seen).unwrap();
        start = end;
    }
    SeenRecords { begun: false, ..seen }
}

fn naive_records(text: &[u8], line_bytes_max: usize) -> SeenRecords {
    let mut seen = SeenRecords::default();
    let mut current: Option<(u64, Vec<u8>)> = None;
    let (mut at, mut begun) = (0, false);
    for line in text.split_inclusive(|&b| b == b'\n') {
        let bytes = line.strip_suffix(b"\n").unwrap_or(line).len();
        let begins = line.starts_with(b"a");
        let is_long = bytes > line_bytes_max;
        if (begins || is_long || !begun)
            && let Some((offset, record)) = current.take()
        {
            seen.keep(offset, &record);
        }
        match &mut current {
            _ if is_long => seen.long.push((at, bytes as u64)),
            Some((_, record)) => record.extend_from_slice(line),
            None if begins || !begun => current = Some((at, line.to_vec())),
            None => seen.left_out += 1,
        }
        begun |= begins;
        at += line.len() as u64;
    }
    if let Some((offset, record)) = current {
        seen.keep(offset, &record);
    }
    seen
}

proptest! {
    #[test]
    fn every_record_is_seen_once_whatever_the_pieces(
        lines in proptest::collection::vec(
            (prop_oneof![Just("a"), Just(" "), Just("x"), Just("")], 0usize..400, any::<bool>()),
            0..40,
        ),
        end in any::<bool>(),
        piece in 1u64..600,
        block in 64usize..200,
        step in 1usize..300,
    ) {
        let mut text = Vec::new();
        for (first, more, is_long) in &lines {
            text.extend_from_slice(first.as_bytes());
            text.resize(text.len() + if *is_long { *more } else { more % 20 }, b'y');
            text.push(b'\n');
        }
        if end {
            text.pop();
        }
        let limits = Limits { piece_bytes: piece, block_bytes: block, line_bytes_max: 300 };
        let (got, want) = (split_records(&text, limits, step), naive_records(&text, 300));
        let sizes = |seen: &SeenRecords| {
            let records: Vec<_> = seen.records.iter().map(|(at, r)| (*at, r.len())).collect();
            (records, seen.long.clone(), seen.left_out)
        };
        prop_assert_eq!(sizes(&got), sizes(&want));
        prop_assert_eq!(got, want);
    }
}

#[test]
fn a_record_longer_than_the_limit_keeps_its_beginning_whatever_the_pieces() {
    let rest = " continued\n".repeat(200_000);
    let text = format!("a one\n a\na two\n{rest}a three\n{}", " x\n".repeat(20_000));
    let whole = naive_records(text.as_bytes(), 1 << 20);
    assert_eq!(whole.records.len(), 3);
    assert_eq!(whole.left_out, 200_000 - 9_999 + 20_000 - 9_999);
    for piece_bytes in [100, 65_536, 1 << 20, 1 << 30] {
        let limits = Limits { piece_bytes, block_bytes: 4096, line_bytes_max: 1 << 20 };
        assert_eq!(split_records(text.as_bytes(), limits, usize::MAX), whole, "{piece_bytes}");
    }
}
