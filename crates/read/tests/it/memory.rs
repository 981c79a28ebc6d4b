//! A pass takes little memory besides the map, however large the file.

use std::ops::{ControlFlow, Range};
use std::path::Path;

use cutwater::{Cut, File, Order, ReadPath, Reuse};
use cutwater_testing::child::{TestChild, role};

/// Resident bytes besides the mapping that a pass may take.
const RSS_BYTES_MAX: u64 = 64 << 20;

/// Bytes of the sparse file: larger than the bound by far, small enough to be read in a moment.
const FILE_BYTES: u64 = 1 << 30;

/// Resident bytes of this process that no file backs: the buffers, the rings, the lists.
fn own_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("RssAnon:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1024
}

/// Passes of each kind over `at`; prints the most memory that was in use during them.
fn child(path: &str, at: &str) {
    let path: ReadPath = path.parse().unwrap();
    cutwater::sigbus::install().unwrap_or_default();
    let file = File::options().path(path).reuse(Reuse::Once).open(Path::new(at)).unwrap();
    let (mut most, mut pieces) = (0, 0u64);
    let mut look = || {
        pieces += 1;
        if pieces.is_multiple_of(64) {
            most = most.max(own_bytes());
        }
    };
    let mut chunks = file.chunks(0..FILE_BYTES, 4 << 20).unwrap();
    while chunks.next().unwrap().is_some() {
        look();
    }
    file.for_each_chunk(0..FILE_BYTES, 1 << 20, |_, _| {
        look();
        ControlFlow::Continue(())
    })
    .unwrap();
    let scattered: Vec<Range<u64>> =
        (0..20_000u64).map(|i| (i * 7_919 * 65_536) % FILE_BYTES).map(|s| s..s + 8192).collect();
    let mut read = |ranges: &[Range<u64>]| {
        let done = file.read_ranges(ranges, Order::Completion, |_| {
            look();
            ControlFlow::Continue(())
        });
        done.unwrap();
    };
    read(&scattered);
    for shard in file.par_shards(4, Cut::Page).unwrap() {
        read(&[shard.range]);
    }
    println!("most={}", most.max(own_bytes()));
}

#[test]
fn a_pass_over_a_large_file_stays_under_its_bound() {
    if let Some(role) = role() {
        return child(&role[0], &role[1]);
    }
    let sparse = tempfile::NamedTempFile::new().unwrap();
    sparse.as_file().set_len(FILE_BYTES).unwrap();
    for path in ReadPath::ALL {
        if let Err(e) = File::options().path(path).open(sparse.path()) {
            cutwater_testing::skip!("{path}: {e}");
            continue;
        }
        let role = [path.name(), sparse.path().to_str().unwrap()];
        let entry = "memory::a_pass_over_a_large_file_stays_under_its_bound";
        let mut other = TestChild::start(entry, &role);
        let most: u64 = other.line("most=").unwrap().trim().parse().unwrap();
        other.finish();
        println!("{path}: {} KiB", most >> 10);
        assert!(most > 0 && most < RSS_BYTES_MAX, "{path}: {most} bytes besides the mapping");
    }
}
