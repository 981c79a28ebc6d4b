//! A program that does all that there are metrics for, as far as the host lets it.

use std::hint::black_box;
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cutwater::maps::{LeaseOptions, MapAdvice};
use cutwater::{File, Frozen, Mapped, Metrics, Order, ReadPath, sigbus};
use cutwater_keep::hot_files::HotFiles;

const PAGE: u64 = 4096;
const PAGES: u64 = 1024;
/// Memory taken each time, and how often before it is given back: growth far above 20 MB/s, for
/// seconds, again and again.
const GROWTH_BYTES: usize = 4 << 20;
const GROWTHS: usize = 80;
/// Between two times.
const PAUSE: Duration = Duration::from_millis(50);

/// What the host did not let it do; series of these may be missing.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Without {
    pub(super) ring: bool,
    pub(super) maps: bool,
    pub(super) leases: bool,
}

/// Works until it is stopped.
pub(super) struct Work {
    dir: tempfile::TempDir,
    hot: HotFiles,
    pub(super) without: Without,
}

impl Work {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["data", "leased", "shrinks", "hot"] {
            let mut file = std::fs::File::create(dir.path().join(name)).unwrap();
            file.write_all(&vec![7; (PAGES * PAGE) as usize]).unwrap();
        }
        std::fs::write(dir.path().join("hot"), b"hot").unwrap();
        let hot = HotFiles::new().unwrap();
        assert!(metrics.add(hot.metrics("test")));
        let data = dir.path().join("data");
        let lease = Frozen::by_lease(dir.path().join("leased"), &LeaseOptions::default());
        let without = Without {
            maps: sigbus::install().is_err(),
            ring: File::options().path(ReadPath::Uring).open(&data).is_err(),
            leases: lease.is_err(),
        };
        Self { dir, hot, without }
    }

    pub(super) fn until(&self, stop: &AtomicBool) {
        std::thread::scope(|scope| {
            scope.spawn(|| grow(stop));
            while !stop.load(Ordering::Relaxed) {
                self.reads();
                self.events();
                std::thread::sleep(PAUSE);
            }
        });
    }

    fn reads(&self) {
        let data = self.dir.path().join("data");
        let ranges: Vec<_> =
            (0..PAGES).map(|i| i * 7 % PAGES * PAGE..(i * 7 % PAGES + 1) * PAGE).collect();
        for path in ReadPath::ALL {
            let Ok(file) = File::options().path(path).open(&data) else { continue };
            for range in &ranges {
                file.read_at(&mut [0; PAGE as usize], range.start).unwrap();
            }
            file.read_ranges(&ranges, Order::Completion, |_| ControlFlow::Continue(())).unwrap();
        }
        // Holes that nobody has read: each page faults.
        let holes = std::fs::File::create(self.dir.path().join("holes")).unwrap();
        holes.set_len(PAGES * PAGE).unwrap();
        let path = self.dir.path().join("holes");
        let Ok(file) = File::options().path(ReadPath::Mmap).open(path) else { return };
        let _ = file.advise_map(0..0, MapAdvice::Random);
        for range in &ranges {
            file.read_at(&mut [0; PAGE as usize], range.start).unwrap();
        }
    }

    fn events(&self) {
        let hot = self.dir.path().join("hot");
        (0..3).for_each(|_| drop(self.hot.get(&hot).unwrap()));
        let shrinks = self.dir.path().join("shrinks");
        let file = std::fs::File::options().write(true).open(&shrinks).unwrap();
        file.set_len(PAGE).unwrap();
        let mapped = Mapped::open(&shrinks).unwrap();
        file.set_len(0).unwrap();
        let _ = mapped.read_at(&mut [0; 64], 0);
        let leased = self.dir.path().join("leased");
        if let Ok(frozen) = Frozen::by_lease(&leased, &LeaseOptions::default()) {
            drop(std::fs::File::options().append(true).open(&leased).unwrap());
            drop(frozen);
        }
    }
}

fn grow(stop: &AtomicBool) {
    let mut grown = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        if grown.len() == GROWTHS {
            grown.clear();
        }
        grown.push(vec![1u8; GROWTH_BYTES]);
        black_box(&grown);
        std::thread::sleep(PAUSE);
    }
}
