//! Waits from records, and of a real thread.

use super::super::options::SamplerOptions;
use super::super::record::tests::{back, record, timed};
use super::super::sampler::Sampler;
use super::*;

const USER: u64 = -512i64 as u64;

fn waits(records: &[Vec<u8>]) -> Waits {
    let mut waits = Waits::default();
    records.iter().for_each(|r| waits.take(r, 1, 99));
    waits
}

fn seen(off_cpu: &OffCpu) -> Vec<(u64, u64)> {
    off_cpu.stacks.iter().map(|(stack, ns)| (stack.user()[0], *ns)).collect()
}

#[test]
fn a_wait_lasts_until_the_thread_is_back_on_whichever_cpu() {
    // The rings of two CPUs, one after the other: not in order of time.
    let off_cpu = waits(&[
        timed(5, 100, &[USER, 10]),
        back(5, 900),
        back(5, 150),
        timed(5, 200, &[USER, 20]),
        timed(6, 300, &[USER, 10]),
        back(6, 310),
    ]);
    let off_cpu = off_cpu.finish(2_000);
    assert_eq!((seen(&off_cpu), off_cpu.waits), (vec![(20, 700), (10, 60)], 3));
}

#[test]
fn a_wait_that_goes_on_ends_with_the_recording_and_one_that_began_before_it_is_left_out() {
    let off_cpu = waits(&[back(5, 100), timed(5, 400, &[USER, 10])]).finish(1_000);
    assert_eq!(seen(&off_cpu), [(10, 600)]);
}

#[test]
fn a_lost_return_makes_no_wait_longer_and_losses_are_counted() {
    let records =
        [timed(5, 100, &[USER, 10]), timed(5, 700, &[USER, 20]), back(5, 750), record(2, &[0, 7])];
    let off_cpu = waits(&records).finish(1_000);
    assert_eq!((seen(&off_cpu), off_cpu.lost), (vec![(20, 50)], 7));
}

#[test]
fn the_drainer_and_other_processes_are_left_out() {
    let mut waits = waits(&[timed(99, 1, &[USER, 10]), back(99, 5)]);
    waits.take(&timed(5, 1, &[USER, 10]), 2, 99);
    assert_eq!(waits.finish(9), OffCpu::default());
}

#[test]
fn a_sleep_is_a_wait_of_at_least_its_time() {
    const SLEEP: std::time::Duration = std::time::Duration::from_millis(60);
    let options = SamplerOptions { off_cpu: true, ..SamplerOptions::default() };
    let sampler = match Sampler::start(options) {
        Ok(sampler) => sampler,
        Err(e) => return cutwater_testing::skip!("{e}"),
    };
    std::thread::spawn(|| std::thread::sleep(SLEEP)).join().unwrap();
    let off_cpu = sampler.stop().off_cpu.unwrap();
    if let Some(why) = off_cpu.why_not {
        return cutwater_testing::skip!("{why}");
    }
    let longest = off_cpu.stacks.first().map_or(0, |(_, ns)| *ns);
    assert!(longest >= SLEEP.as_nanos() as u64, "{off_cpu:?}");
    assert!(off_cpu.stacks.iter().any(|(s, _)| !s.kernel().is_empty()), "{off_cpu:?}");
}
