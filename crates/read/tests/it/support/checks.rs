//! What every path must give: the bytes that `std::fs` gives.

use std::io::IoSliceMut;
use std::ops::{ControlFlow, Range};
use std::path::Path;

use cutwater::{File, Order, Pattern, ReadPath, Reuse};
use cutwater_testing::Dice;

/// `len` bytes without a period that a wrong offset could hide in.
pub(crate) fn bytes(len: usize) -> Vec<u8> {
    Dice::new(1).bytes(len)
}

/// A file in `dir` that holds `bytes`; removed when dropped.
pub(crate) fn file_in(dir: &Path, bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().prefix("cutwater-test-").tempfile_in(dir).unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file.as_file().sync_all().unwrap();
    file
}

/// What a `pread` of `range` would give.
pub(crate) fn expected<'a>(bytes: &'a [u8], range: &Range<u64>) -> &'a [u8] {
    let len = bytes.len() as u64;
    &bytes[range.start.min(len) as usize..range.end.clamp(range.start.min(len), len) as usize]
}

/// Opens `at` by every path that this host has, and by the chooser in several moods. What is
/// refused is printed.
pub(crate) fn open_by_every_path(at: &Path) -> Vec<(String, File)> {
    if let Err(e) = cutwater::sigbus::install() {
        cutwater_testing::skip!("copies from the map: {e}");
    }
    let mut files = Vec::new();
    for path in ReadPath::ALL {
        for depth in [1, 5, 64] {
            match File::options().path(path).depth(depth).open(at) {
                Ok(f) => files.push((format!("{path} at depth {depth}"), f)),
                Err(e) => cutwater_testing::skip!("{path}: {e}"),
            }
        }
    }
    for reuse in [Reuse::Once, Reuse::Again] {
        let f = File::options().reuse(reuse).pattern(Pattern::Random).open(at).unwrap();
        files.push((format!("auto, {reuse:?}"), f));
    }
    files
}

/// Everything that a file offers, on one file opened one way.
pub(crate) fn check_everything(name: &str, file: &File, bytes: &[u8]) {
    check_single_reads(name, file, bytes);
    check_vectored_reads(name, file, bytes);
    for list in range_lists(bytes.len() as u64) {
        for order in [Order::Completion, Order::Listed] {
            check_ranges(name, file, bytes, &list, order);
        }
    }
    super::passes::check_chunks(name, file, bytes);
    super::passes::check_shards(name, file, bytes);
    super::passes::check_copies(name, file, bytes);
    super::passes::check_answers(name, file, bytes);
}

/// Lists of ranges with an edge each, for a file of `size` bytes (1 or more).
pub(crate) fn range_lists(size: u64) -> Vec<Vec<Range<u64>>> {
    let near_max = i64::MAX as u64;
    vec![
        vec![],
        vec![0..0],
        vec![0..1],
        vec![0..size],
        vec![0..size + 4096],
        vec![size..size + 10, size - 1..size, size + 5..size + 6],
        (0..700).map(|i| i * 4096..(i + 1) * 4096).collect(),
        (0..500).map(|i| (i * 7919 * 4096) % size).map(|s| s..s + 4096).collect(),
        (0..300).map(|i| (i * 104_729) % size).map(|s| s..s + 1 + s % 9000).collect(),
        vec![5..3_000_000, 17..18, 2_999_999..6_000_001],
        // A range that ends before it begins is empty, and so is what follows from it.
        vec![Range { start: 9, end: 2 }, 2..5, 5..8, Range { start: 8, end: 0 }, 0..3],
        vec![7..7, 7..9, 9..9, 9..12],
        // Past the end, as far as offsets go.
        vec![near_max - 1..near_max, 0..2, near_max - 8192..near_max],
        vec![1..near_max, 3..4],
    ]
}

/// `ranges` in `order`: every byte once, each range ended once, the sums right.
pub(crate) fn check_ranges(
    name: &str,
    file: &File,
    bytes: &[u8],
    ranges: &[Range<u64>],
    order: Order,
) {
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
    let is_short =
        |(r, b): &(&Range<u64>, &Vec<u8>)| (b.len() as u64) < r.end.saturating_sub(r.start);
    let short = ranges.iter().zip(&got).filter(is_short).count();
    assert_eq!((summary.ranges, summary.bytes), (ranges.len() as u64, sum), "{name}");
    assert_eq!((summary.short, summary.stopped), (short as u64, false), "{name}: {ranges:?}");
}

/// `read_at` and `read_exact_at`, among them past the end.
pub(crate) fn check_single_reads(name: &str, file: &File, bytes: &[u8]) {
    let size = bytes.len() as u64;
    assert_eq!(file.size().unwrap(), size, "{name}");
    for (offset, len) in [
        (0, 0),
        (0, 1),
        (0, 4096),
        (1, 4096),
        (4095, 2),
        (size - 1, 10),
        (size, 1),
        (size + 9, 1),
        (777, 1_600_000),
        (i64::MAX as u64 - 100, 100),
    ] {
        let mut buf = vec![0xee; len];
        let n = file.read_at(&mut buf, offset).unwrap();
        let want = expected(bytes, &(offset..offset + len as u64));
        assert!(buf[..n] == *want, "{name}: {len} bytes at {offset}");
        assert!(buf[n..].iter().all(|&b| b == 0xee), "{name}: nothing past the end is touched");
        let exact = file.read_exact_at(&mut buf, offset);
        assert_eq!(exact.is_ok(), n == len, "{name}: {len} bytes at {offset}");
        if let Err(e) = exact {
            assert!(e.is_past_end() && e.offset() == Some(offset), "{name}: {e}");
        }
    }
}

/// `read_vectored_at`, with empty buffers between and a list that reaches past the end.
pub(crate) fn check_vectored_reads(name: &str, file: &File, bytes: &[u8]) {
    let size = bytes.len() as u64;
    for offset in [0, 1, 4095, size - 50, size, size + 1] {
        let (mut a, mut b, mut none) = (vec![0; 33], vec![0; 5000], []);
        let n = {
            let bufs = [&mut none[..], &mut a[..], &mut [], &mut b[..], &mut []];
            file.read_vectored_at(&mut bufs.map(IoSliceMut::new), offset).unwrap()
        };
        a.extend_from_slice(&b);
        let want = expected(bytes, &(offset..offset + 5033));
        assert!(a[..n] == *want, "{name}: vectored at {offset}");
    }
}
