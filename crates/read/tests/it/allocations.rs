//! In the steady state no path allocates per read: counted by an allocator that counts.

use std::ops::ControlFlow;

use crate::support::checks::{bytes, file_in, open_by_every_path};
use cutwater::{File, Order};

/// Allocations that `f` makes on this thread.
fn count(f: impl FnOnce()) -> u64 {
    allocation_counter::measure(f).count_total
}

/// `f` reads, first until nothing is new to the thread, then under the count.
fn check(name: &str, what: &str, most: u64, mut f: impl FnMut()) {
    for _ in 0..4 {
        f();
    }
    let n = count(&mut f);
    assert!(n <= most, "{name}: {what} allocated {n} times, {most} are allowed");
}

fn sum(file: &File, ranges: &[std::ops::Range<u64>], order: Order) {
    let mut bytes = 0;
    let done = file.read_ranges(ranges, order, |piece| {
        bytes += piece.bytes.len() as u64;
        ControlFlow::Continue(())
    });
    assert_eq!(done.unwrap().bytes, bytes);
}

#[test]
fn the_counter_counts() {
    assert_eq!(count(|| drop(std::hint::black_box(vec![1, 2, 3]))), 1);
}

#[test]
fn no_path_allocates_per_read() {
    let bytes = bytes(6 << 20);
    let f = file_in(&std::env::temp_dir(), &bytes);
    let blocks: Vec<_> =
        (0..1500u64).map(|i| (i * 37 % 1500) * 4096).map(|s| s..s + 4096).collect();
    let odd: Vec<_> = (0..999u64).map(|i| (i * 104_729) % (6 << 20)).map(|s| s..s + 777).collect();
    let mut buf = vec![0; 4096];
    for (name, file) in open_by_every_path(f.path()) {
        check(&name, "read_at", 0, || {
            for range in &blocks {
                file.read_at(&mut buf, range.start).unwrap();
            }
        });
        check(&name, "read_at off the grid", 0, || {
            for range in &odd {
                file.read_at(&mut buf[..777], range.start).unwrap();
            }
        });
        for order in [Order::Completion, Order::Listed] {
            check(&name, "read_ranges", 0, || sum(&file, &blocks, order));
            check(&name, "read_ranges off the grid", 0, || sum(&file, &odd, order));
        }
        // One list of chunks for the pass.
        check(&name, "for_each_chunk", 1, || {
            let go = |_: u64, _: &[u8]| ControlFlow::Continue(());
            assert_eq!(file.for_each_chunk(0..6 << 20, 4096, go).unwrap(), 6 << 20);
        });
        let mut chunks = file.chunks(0..6 << 20, 4096).unwrap();
        let n = count(|| while chunks.next().unwrap().is_some() {});
        assert_eq!(n, 0, "{name}: chunks");
    }
}

#[test]
fn no_path_allocates_per_read_when_nothing_is_cached() {
    let bytes = bytes(6 << 20);
    let f = file_in(&std::env::temp_dir(), &bytes);
    let blocks: Vec<_> = (0..500u64).map(|i| (i * 37 % 1500) * 4096).map(|s| s..s + 4096).collect();
    for (name, file) in open_by_every_path(f.path()) {
        let drop_cached = || file.advise(0..0, cutwater::Advice::DontNeed).unwrap();
        check(&name, "read_ranges, cold", 0, || {
            drop_cached();
            sum(&file, &blocks, Order::Completion);
        });
    }
}
