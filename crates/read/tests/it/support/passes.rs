//! Passes over whole files: chunks, shards, copies; and what a file answers about itself.

use std::io::{Read, Seek, Write};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;

use cutwater::report::{CopyVia, Explanation};
use cutwater::{Advice, Cut, File};

use super::checks::expected;

/// `chunks` and `for_each_chunk`: in order, every byte once, none longer than asked.
pub(crate) fn check_chunks(name: &str, file: &File, bytes: &[u8]) {
    let size = bytes.len() as u64;
    for (range, chunk_bytes) in [
        (0..size, 1 << 20),
        (0..u64::from(u32::MAX), 300_001),
        (4097..size - 1, 65_536),
        (size..size + 10, 4096),
        (5..5, 4096),
        (0..64, 1),
        (0..i64::MAX as u64, 1 << 20),
    ] {
        let want = expected(bytes, &range);
        let mut got = Vec::new();
        let mut chunks = file.chunks(range.clone(), chunk_bytes).unwrap();
        while let Some((offset, chunk)) = chunks.next().unwrap() {
            assert_eq!(offset, range.start + got.len() as u64, "{name}: chunks in order");
            assert!((1..=chunk_bytes).contains(&chunk.len()), "{name}");
            got.extend_from_slice(chunk);
        }
        assert!(got == want, "{name}: chunks of {chunk_bytes} over {range:?}");
        assert!(chunks.next().unwrap().is_none(), "{name}: an ended pass stays ended");
        got.clear();
        let n = file.for_each_chunk(range.clone(), chunk_bytes, |offset, chunk| {
            assert_eq!(offset, range.start + got.len() as u64, "{name}: chunks in order");
            assert!((1..=chunk_bytes).contains(&chunk.len()), "{name}");
            got.extend_from_slice(chunk);
            ControlFlow::Continue(())
        });
        assert_eq!(n.unwrap(), want.len() as u64, "{name}");
        assert!(got == want, "{name}: each chunk of {chunk_bytes} over {range:?}");
    }
}

/// `par_shards` by both cuts: every byte once, in order, and no record cut.
pub(crate) fn check_shards(name: &str, file: &File, bytes: &[u8]) {
    for n in [0, 1, 2, 3, 7, 1000] {
        for cut in [Cut::Page, Cut::After(b'\n'), Cut::After(0)] {
            let shards = file.par_shards(n, cut).unwrap();
            assert!(shards.len() <= n.max(1), "{name}: {n} shards by {cut:?}");
            let mut at = 0;
            for (i, shard) in shards.iter().enumerate() {
                assert_eq!((shard.index, shard.range.start), (i, at), "{name}: {n} by {cut:?}");
                assert!(shard.range.end > at, "{name}: no empty shard");
                assert_eq!(shard.delta, at % 4096, "{name}: what a map of it has to skip");
                if cut == Cut::Page {
                    assert_eq!(shard.delta, 0, "{name}");
                }
                if let (Cut::After(byte), 1..) = (cut, at) {
                    assert_eq!(bytes[at as usize - 1], byte, "{name}: a record was cut");
                }
                at = shard.range.end;
            }
            assert_eq!(at, bytes.len() as u64, "{name}: all bytes are in a shard");
        }
    }
}

/// `copy_to` a file, a pipe and a socket.
pub(crate) fn check_copies(name: &str, file: &File, bytes: &[u8]) {
    let (size, mut via) = (bytes.len() as u64, None);
    for range in [0..size, 100..200_101, size - 1..size + 5000, size + 1..size + 2, 7..7] {
        let want = expected(bytes, &range);
        let mut to = tempfile::tempfile().unwrap();
        to.write_all(b"head").unwrap();
        let copied = file.copy_to(range.clone(), &to).unwrap();
        assert_eq!(copied.bytes, want.len() as u64, "{name}: {range:?}");
        if !want.is_empty() {
            // Also where the range reaches past the end, which others are asked about.
            assert_eq!(*via.get_or_insert(copied.via), copied.via, "{name}: who moved bytes");
        }
        let mut got = Vec::new();
        to.rewind().unwrap();
        to.read_to_end(&mut got).unwrap();
        assert!(&got[..4] == b"head" && got[4..] == *want, "{name}: to a file {range:?}");
    }
    // What a pipe holds, so that nobody need read meanwhile.
    let (mut reader, writer) = std::io::pipe().unwrap();
    let copied = file.copy_to(9..9009, &writer).unwrap();
    drop(writer);
    let mut got = Vec::new();
    reader.read_to_end(&mut got).unwrap();
    assert!(got == *expected(bytes, &(9..9009)), "{name}: to a pipe by {:?}", copied.via);
    assert_ne!(copied.via, CopyVia::CopyFileRange, "{name}");
    let (near, mut far) = UnixStream::pair().unwrap();
    let all = std::thread::spawn(move || {
        let mut got = Vec::new();
        far.read_to_end(&mut got).unwrap();
        got
    });
    let copied = file.copy_to(3..700_003, &near).unwrap();
    drop(near);
    let want = expected(bytes, &(3..700_003));
    assert!(all.join().unwrap() == *want, "{name}: to a socket by {:?}", copied.via);
    assert_eq!(copied.bytes, want.len() as u64, "{name}");
}

/// `advise`, `residency` and `explain`.
pub(crate) fn check_answers(name: &str, file: &File, bytes: &[u8]) {
    let size = bytes.len() as u64;
    for advice in [
        Advice::Sequential,
        Advice::Random,
        Advice::WillNeed,
        Advice::NoReuse,
        Advice::DontNeed,
        Advice::Normal,
    ] {
        for range in [0..0, 0..size, 4096..8192, size..size + 4096, 5..5] {
            file.advise(range, advice).unwrap();
        }
    }
    let pages = |start: u64, end: u64| end.min(size).max(start).div_ceil(4096) - start / 4096;
    for (start, end) in [(0, size), (1, 2), (4096, 4097), (0, u64::MAX), (8192, 8192)] {
        match file.residency(start..end) {
            Ok(said) => {
                assert_eq!(said.pages, pages(start, end), "{name}: pages of {start}..{end}");
                assert!(said.resident <= said.pages, "{name}: {said:?}");
                assert!(["cachestat", "mincore"].contains(&said.by), "{name}: {said:?}");
            }
            Err(e) => cutwater_testing::skip!("residency: {e}"),
        }
    }
    let said = file.explain();
    assert!(!said.choices.is_empty() && said.choices.len() <= Explanation::KEPT, "{name}");
    assert!(said.choices.iter().all(|c| !c.reason.is_empty()), "{name}: {said:?}");
    assert!(said.ranges_by_path.iter().all(|(_, n)| *n > 0), "{name}: {said:?}");
}
