//! Every path, and the chooser, gives the same bytes as `std::fs`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot be set up fails, or says that it was skipped"
)]

use std::io::Write;
use std::ops::{ControlFlow, Range};

use cutwater::{File, Order, Pattern, ReadPath, Reuse};
use proptest::prelude::*;

/// A file of `len` bytes without a period that a wrong offset could hide in.
fn file(len: usize) -> (tempfile::NamedTempFile, Vec<u8>) {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let bytes: Vec<u8> = (0..len)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .collect();
    let mut f = tempfile::NamedTempFile::new().unwrap();
    f.write_all(&bytes).unwrap();
    f.as_file().sync_all().unwrap();
    (f, bytes)
}

/// What a `pread` of `range` would give.
fn expected<'a>(bytes: &'a [u8], range: &Range<u64>) -> &'a [u8] {
    let len = bytes.len() as u64;
    &bytes[range.start.min(len) as usize..range.end.clamp(range.start.min(len), len) as usize]
}

/// Opens by every path that this host has.
fn paths(at: &std::path::Path) -> Vec<(String, File)> {
    if let Err(e) = cutwater::sigbus::install() {
        println!("skipped: copies from the map: {e}");
    }
    let mut files = Vec::new();
    for path in ReadPath::ALL {
        for depth in [1, 5, 64] {
            let opened = File::options().path(path).depth(depth).open(at);
            match opened {
                Ok(f) => files.push((format!("{path} at depth {depth}"), f)),
                Err(e) => println!("skipped: {path}: {e}"),
            }
        }
    }
    for reuse in [Reuse::Once, Reuse::Again] {
        let f = File::options().reuse(reuse).pattern(Pattern::Random).open(at).unwrap();
        files.push((format!("auto, {reuse:?}"), f));
    }
    files
}

fn check_ranges(name: &str, file: &File, bytes: &[u8], ranges: &[Range<u64>], order: Order) {
    let mut got: Vec<Vec<u8>> = vec![Vec::new(); ranges.len()];
    let mut ended = vec![0; ranges.len()];
    let mut listed = Vec::new();
    let summary = file
        .read_ranges(ranges, order, |piece| {
            let so_far = got[piece.index].len() as u64;
            assert_eq!(piece.offset, ranges[piece.index].start + so_far, "{name}: pieces in order");
            got[piece.index].extend_from_slice(piece.bytes);
            ended[piece.index] += usize::from(piece.last);
            listed.push(piece.index);
            ControlFlow::Continue(())
        })
        .unwrap();
    for (i, range) in ranges.iter().enumerate() {
        assert_eq!(ended[i], 1, "{name}: range {i} {range:?} ends once");
        assert!(got[i] == expected(bytes, range), "{name}: range {i} {range:?}");
    }
    if order == Order::Listed {
        assert!(listed.is_sorted(), "{name}: in the order of the list");
    }
    let sum: u64 = got.iter().map(|b| b.len() as u64).sum();
    let short = ranges.iter().zip(&got).filter(|(r, b)| (b.len() as u64) < r.end - r.start).count();
    assert_eq!((summary.ranges, summary.bytes), (ranges.len() as u64, sum), "{name}");
    assert_eq!((summary.short, summary.stopped), (short as u64, false), "{name}");
}

#[test]
fn fixed_ranges_agree_on_every_path() {
    let (f, bytes) = file(9_000_123);
    let size = bytes.len() as u64;
    let lists: Vec<Vec<Range<u64>>> = vec![
        vec![],
        vec![0..0],
        vec![0..1],
        vec![0..size],
        vec![0..size + 4096],
        vec![size..size + 10, size - 1..size, size + 5..size + 6],
        (0..2000).map(|i| i * 4096..(i + 1) * 4096).collect(),
        (0..500).map(|i| (i * 7919 * 4096) % size).map(|s| s..s + 4096).collect(),
        (0..300).map(|i| (i * 104_729) % size).map(|s| s..s + 1 + s % 9000).collect(),
        vec![5..3_000_000, 17..18, 2_999_999..6_000_001],
    ];
    for (name, file) in paths(f.path()) {
        for list in &lists {
            for order in [Order::Completion, Order::Listed] {
                check_ranges(&name, &file, &bytes, list, order);
            }
        }
    }
}

#[test]
fn single_reads_agree_on_every_path() {
    let (f, bytes) = file(2_500_001);
    let size = bytes.len() as u64;
    for (name, file) in paths(f.path()) {
        assert_eq!(file.size().unwrap(), size);
        for (offset, len) in [
            (0, 1),
            (0, 4096),
            (1, 4096),
            (4095, 2),
            (size - 1, 10),
            (size, 1),
            (size + 9, 1),
            (777, 1_600_000),
        ] {
            let mut buf = vec![0xee; len];
            let n = file.read_at(&mut buf, offset).unwrap();
            let want = expected(&bytes, &(offset..offset + len as u64));
            assert!(buf[..n] == *want, "{name}: {len} bytes at {offset}");
            assert!(buf[n..].iter().all(|&b| b == 0xee), "{name}: nothing past the end is touched");
        }
    }
}

#[test]
fn a_pass_can_be_ended_and_the_file_read_in_the_middle_of_it() {
    let (f, bytes) = file(1 << 20);
    let ranges: Vec<_> = (0..256u64).map(|i| (i * 37 % 256) * 4096).map(|s| s..s + 4096).collect();
    for (name, file) in paths(f.path()) {
        let mut seen = 0;
        let summary = file
            .read_ranges(&ranges, Order::Completion, |piece| {
                let mut again = vec![0; piece.bytes.len()];
                assert_eq!(file.read_at(&mut again, piece.offset).unwrap(), again.len());
                assert_eq!(again, piece.bytes, "{name}");
                seen += 1;
                if seen == 100 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        assert!((seen, summary.stopped) == (100, true), "{name}");
        check_ranges(&name, &file, &bytes, &ranges, Order::Completion);
    }
}

#[test]
fn a_callback_that_panics_leaves_the_thread_able_to_read() {
    let (f, bytes) = file(1 << 20);
    let ranges: Vec<_> = (0..256u64).map(|i| i * 4096..(i + 1) * 4096).collect();
    for (name, file) in paths(f.path()) {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ = file.read_ranges(&ranges, Order::Completion, |_| panic!("in a callback"));
        }));
        assert!(panicked.is_err());
        check_ranges(&name, &file, &bytes, &ranges, Order::Listed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_set_of_ranges_equals_std_fs(
        starts in prop::collection::vec((0u64..700_000, 0u64..70_000), 0..120),
        listed: bool,
    ) {
        let (f, bytes) = file(600_001);
        let ranges: Vec<_> = starts.iter().map(|&(s, l)| s..s + l).collect();
        let order = if listed { Order::Listed } else { Order::Completion };
        for (name, file) in paths(f.path()) {
            check_ranges(&name, &file, &bytes, &ranges, order);
        }
    }
}
