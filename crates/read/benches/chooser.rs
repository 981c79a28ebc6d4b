//! What the chooser costs: warm reads of 4 KiB through `auto` and through the path that it
//! chooses there, named, in batches of 32.
//!
//! `cargo bench -p cutwater --bench chooser [-- --quick]`
//!
//! Both take turns (A B A B), and every byte is summed. The difference of the medians is printed as a
//! share of a warm `pread(2)` of 4 KiB, for which the promise is under 2 %.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what cannot be set up must stop, and figures are printed"
)]

use std::ops::{ControlFlow, Range};
use std::time::Instant;

use cutwater::{File, Order, Pattern, ReadPath, sigbus};
use cutwater_lab::SplitMix;

const BLOCK: u64 = 4096;
const BATCH: usize = 32;
/// Small enough for a core's cache, so that memory does not hide the chooser.
const FILE_BYTES: u64 = 256 << 10;

fn main() {
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let (rounds, batches) = if quick { (3, 50) } else { (61, 2_000) };
    let has_maps = sigbus::install().is_ok();
    let named = if has_maps { ReadPath::Mmap } else { ReadPath::Preadv };
    let temp = tempfile::NamedTempFile::new().unwrap();
    let bytes: Vec<u8> = (0..FILE_BYTES).map(|i| (i / 7) as u8).collect();
    std::fs::write(temp.path(), &bytes).unwrap();
    let open = |path| File::options().path(path).pattern(Pattern::Random).open(temp.path());
    let paths = [ReadPath::Auto, named, ReadPath::Read];
    let files = paths.map(|path| open(path).unwrap());
    let lists = lists(batches);
    let mut ns = [const { Vec::new() }; 3];
    let mut sums = [0u64; 3];
    for _ in 0..rounds {
        for (i, file) in files.iter().enumerate() {
            let started = Instant::now();
            for list in &lists {
                file.read_ranges(list, Order::Completion, |piece| {
                    sums[i] = sums[i].wrapping_add(u64::from(piece.bytes[0]));
                    ControlFlow::Continue(())
                })
                .unwrap();
            }
            let reads = (batches * BATCH) as f64;
            ns[i].push(started.elapsed().as_nanos() as f64 / reads);
        }
    }
    assert!(sums.iter().all(|sum| *sum == sums[0]), "the paths read other bytes: {sums:?}");
    let [auto, named_ns, read] = ns.map(median);
    println!("auto {auto:.0} ns, {named} {named_ns:.0} ns, read {read:.0} ns a read of 4 KiB");
    println!(
        "the chooser: {:.1} ns a read, {:.1} % of a read by call (promised: under 2 %)",
        auto - named_ns,
        (auto - named_ns) / read * 100.0
    );
}

fn lists(batches: usize) -> Vec<Vec<Range<u64>>> {
    let mut random = SplitMix(1);
    let mut next = || {
        let at = random.below(FILE_BYTES / BLOCK) * BLOCK;
        at..at + BLOCK
    };
    (0..batches).map(|_| (0..BATCH).map(|_| next()).collect()).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
