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
