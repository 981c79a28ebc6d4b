//! What metrics cost: warm single reads of 4 KiB with and without, and the sampler by itself.
//!
//! `cargo bench -p cutwater --bench metrics [-- --quick] [-- --cells]`
//!
//! Both take turns (A B A B), in one process and on one file, and every read is checked. A time
//! is the least of several slices', because what else the host does only adds; the share is the
//! median of the pairs' ratios with their quartiles. The promise is under 1 % of a read and under
//! 0.5 % of a core for the sampler.
//!
//! A program of one thread gets a second with its metrics, and with any second thread the kernel
//! counts references to a file at each call: what that takes is measured by itself, by a thread
//! that does nothing.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what cannot be set up must stop, and figures are printed"
)]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use cutwater::metrics::Format;
use cutwater::{File, Metrics, Order, Pattern, ReadPath, sigbus};
use cutwater_lab::SplitMix;

const BLOCK: usize = 4096;
/// Small enough for a core's cache, so that memory does not hide the cost.
const FILE_BYTES: u64 = 256 << 10;
/// Of the cells' file: some of its blocks of 1 MiB are not in that cache.
const CELL_FILE_BYTES: u64 = 8 << 20;
/// Times that a loop is timed; the shortest counts.
const SLICES: usize = 8;
/// For the sampler's thread to start and look for the first time.
const SETTLE: Duration = Duration::from_millis(2);
/// Files that the sampler looks at, and the bytes of each (with holes: it asks all the same).
const FILES: usize = 1000;
const SPARSE_BYTES: u64 = 1 << 30;

fn main() {
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let only_cells = std::env::args().any(|a| a == "--cells");
    let has_maps = sigbus::install().is_ok();
    if !only_cells {
        singles(has_maps, quick);
    }
    println!("two threads, one of them idle; cells of the bench, with metrics");
    let _idle = Idle::new();
    cells(has_maps, quick);
    if !only_cells {
        sampler(if quick { Duration::from_millis(300) } else { Duration::from_secs(21) });
    }
}

/// Single reads of 4 KiB.
fn singles(has_maps: bool, quick: bool) {
    let temp = tempfile::NamedTempFile::new().unwrap();
    let bytes: Vec<u8> = (0..FILE_BYTES).map(|i| (i / BLOCK as u64) as u8).collect();
    std::fs::write(temp.path(), &bytes).unwrap();
    let map = if has_maps { ReadPath::Mmap } else { ReadPath::Preadv };
    let paths = [ReadPath::Auto, map, ReadPath::Read];
    println!("one thread; with metrics");
    paths.into_iter().for_each(|path| pairs(path, temp.path(), quick, metrics));
    println!("one thread; with metrics, but no sampler and so no second thread");
    let no_thread = || Metrics::options().without_sampler().start().unwrap();
    paths.into_iter().for_each(|path| pairs(path, temp.path(), quick, no_thread));
    println!("one thread; with a second that does nothing, and no metrics");
    paths.into_iter().for_each(|path| pairs(path, temp.path(), quick, Idle::new));
    println!("one thread; with a second that has ended, and no metrics: what this bench adds");
    paths.into_iter().for_each(|path| pairs(path, temp.path(), quick, || drop(Idle::new())));
    println!("two threads, one of them idle; with metrics");
    let _idle = Idle::new();
    paths.into_iter().for_each(|path| pairs(path, temp.path(), quick, metrics));
}

fn metrics() -> Metrics {
    Metrics::start().unwrap()
}

/// A thread that waits until this is dropped.
struct Idle {
    end: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Idle {
    fn new() -> Self {
        let (end, ended) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let _ = ended.recv();
        });
        Self { end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        drop(self.end.take());
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

/// Measures single reads by a path without and with what `with` makes, and prints it.
fn pairs<T>(path: ReadPath, at: &Path, quick: bool, with: fn() -> T) {
    let reads = if quick { 500 } else { 4_000 };
    let file = File::options().path(path).pattern(Pattern::Random).open(at).unwrap();
    compare(&path.to_string(), if quick { 3 } else { 151 }, with, || read(&file, reads));
}

/// Cells of `cutwater bench`, warm: passes over ranges that are known ahead, and single reads.
fn cells(has_maps: bool, quick: bool) {
    let temp = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(temp.path(), vec![7; CELL_FILE_BYTES as usize]).unwrap();
    let megabyte = 1 << 20;
    for path in [ReadPath::Read, ReadPath::Preadv, ReadPath::Mmap, ReadPath::Uring, ReadPath::Auto]
    {
        if path == ReadPath::Mmap && !has_maps {
            continue;
        }
        for (block, depth) in [(BLOCK, 1), (BLOCK, 32), (megabyte, 1), (megabyte, 32)] {
            let file =
                File::options().path(path).pattern(Pattern::Random).depth(depth).open(temp.path());
            let file = file.unwrap();
            // A slice of some milliseconds.
            let reads = (if quick { 4 } else { 32 }) << if block == BLOCK { 6 } else { 0 };
            let name = format!("{path}, {} KiB, depth {depth}", block >> 10);
            compare(&name, if quick { 3 } else { 61 }, metrics, || {
                pass(&file, block, depth as usize, reads)
            });
        }
    }
}

/// Nanoseconds a read, of `reads` known ahead `depth` at a time.
fn pass(file: &File, block: usize, depth: usize, reads: usize) -> f64 {
    let blocks = CELL_FILE_BYTES / block as u64;
    let at = |n: usize| (n as u64 * 7919 % blocks) * block as u64;
    let ranges: Vec<_> = (0..reads).map(|n| at(n)..at(n) + block as u64).collect();
    let (mut buf, mut bytes) = (vec![0; block], 0);
    let started = Instant::now();
    if depth == 1 {
        for range in &ranges {
            bytes += file.read_at(&mut buf, range.start).unwrap();
        }
    } else {
        file.read_ranges(&ranges, Order::Completion, |piece| {
            bytes += piece.bytes.len();
            ControlFlow::Continue(())
        })
        .unwrap();
    }
    let ns = started.elapsed().as_nanos() as f64 / reads as f64;
    assert_eq!(bytes, reads * block);
    ns
}

/// Compares `time`, which gives nanoseconds, without and with what `with` makes, and prints it.
fn compare<T>(name: &str, pairs: usize, with: fn() -> T, time: impl Fn() -> f64) {
    time();
    let side = |on: bool| {
        let what = on.then(with);
        thread::sleep(SETTLE);
        let ns = (0..SLICES).map(|_| time()).fold(f64::MAX, f64::min);
        drop(what);
        ns
    };
    let (mut without_ns, mut shares) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        // Each goes first as often as the other.
        let first = side(pair % 2 == 1);
        let second = side(pair % 2 == 0);
        let (off, on) = if pair % 2 == 0 { (first, second) } else { (second, first) };
        without_ns.push(off);
        shares.push((on / off - 1.0) * 100.0);
    }
    shares.sort_unstable_by(f64::total_cmp);
    without_ns.sort_unstable_by(f64::total_cmp);
    let quartile = |values: &[f64], q: usize| values[values.len() * q / 4];
    println!(
        "  {name}: {:.1} ns a read without; {:+.2} % (quartiles {:+.2} to {:+.2})",
        quartile(&without_ns, 2),
        quartile(&shares, 2),
        quartile(&shares, 1),
        quartile(&shares, 3)
    );
}

/// Nanoseconds a read.
fn read(file: &File, reads: usize) -> f64 {
    let mut random = SplitMix(1);
    let mut buf = [0; BLOCK];
    let started = Instant::now();
    for _ in 0..reads {
        let block = random.below(FILE_BYTES / BLOCK as u64);
        file.read_at(&mut buf, block * BLOCK as u64).unwrap();
        assert!(buf[0] == block as u8, "block {block} has other bytes");
    }
    started.elapsed().as_nanos() as f64 / reads as f64
}

/// What the background thread takes of a core.
fn sampler(time: Duration) {
    let metrics = Metrics::start().unwrap();
    let temp = tempfile::tempfile().unwrap();
    temp.set_len(SPARSE_BYTES).unwrap();
    let open = |_| File::options().from_fd(temp.try_clone().unwrap().into());
    // Fewer where there are fewer descriptors.
    let files: Vec<_> = (0..FILES).map_while(|i| open(i).ok()).collect();
    let started = Instant::now();
    thread::sleep(time);
    let text = metrics.render(Format::Prometheus);
    let seconds = started.elapsed().as_secs_f64();
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|l| l.strip_prefix(name));
        line.and_then(|v| v.trim().parse().ok()).unwrap_or(0.0)
    };
    println!(
        "sampler: {:.3} % of a core over {seconds:.1} s with {} files; {:.0} pages asked about",
        value("cutwater_sampler_cpu_seconds_total ") / seconds * 100.0,
        files.len(),
        value("cutwater_sampled_pages_total{class=\"default\"} ")
    );
}
