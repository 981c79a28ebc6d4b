//! Faults and reads of this process, recorded one by one.

use super::*;
use cutwater_sys::anon_map::{AnonMap, Pages};
use cutwater_sys::buffer::PAGE_BYTES;

/// Records this thread's process during `work`, or prints why it cannot.
fn record(work: impl FnOnce()) -> Option<(Trace, Vec<Moment>)> {
    let mut trace = match Trace::open(std::process::id(), Start::Now) {
        Ok(trace) => trace,
        Err(e) => {
            cutwater_testing::skip!("{e}");
            return None;
        }
    };
    work();
    trace.stop();
    let mut moments = Vec::new();
    trace.take(&mut moments, true);
    let tid = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
    moments.retain(|m| m.tid == tid);
    Some((trace, moments))
}

#[test]
fn first_touches_are_faults_at_their_addresses_in_order_of_time() {
    const PAGES: usize = 64;
    let bytes = PAGES * PAGE_BYTES;
    // The other tests of this process may fill the ring.
    for _ in 0..10 {
        let mut map = AnonMap::new(bytes, Pages::Small).unwrap();
        let start = map.addresses().start as u64;
        let touch = || map.as_mut_slice().iter_mut().step_by(PAGE_BYTES).for_each(|b| *b = 1);
        let Some((trace, moments)) = record(touch) else { return };
        if trace.lost() > 0 {
            continue;
        }
        let within = |m: &&Moment| {
            matches!(m.what, What::Fault { address, .. }
                if (start..start + bytes as u64).contains(&address))
        };
        let faults = moments.iter().filter(within).count();
        assert!(faults >= 1, "{moments:?}");
        assert!(moments.is_sorted_by_key(|m| m.time_ns));
        if trace.times_faults() {
            let begins = moments.iter().filter(|m| m.what == What::FaultBegins).count();
            assert!(begins >= faults, "{begins} {faults}");
        }
        return;
    }
    panic!("events are always lost");
}

#[test]
fn reads_are_recorded_with_descriptor_and_result_where_tracepoints_are_permitted() {
    use std::os::fd::AsRawFd;
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    let read = || {
        rustix::io::pread(&file, &mut [0u8; 100], 0).unwrap();
    };
    let Some((trace, moments)) = record(read) else { return };
    if !trace.has_reads() {
        return cutwater_testing::skip!("{:?}", trace.missing());
    }
    let first = file.as_raw_fd() as u64;
    let call = What::Call { number: libc::SYS_pread64, first };
    let back = What::Return { number: libc::SYS_pread64, value: 100 };
    let at = |what| moments.iter().position(|m| m.what == what);
    assert!(at(call).is_some() && at(call) < at(back), "{moments:?}");
}
