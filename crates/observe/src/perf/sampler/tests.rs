//! Samples of this process, where the host permits them.

use super::*;

const ENOUGH: u64 = 50;
/// CPU time for 199 samples, however busy the host is.
const CPU_NS: u64 = 200_000_000;

/// Starts, or prints why this host cannot.
fn start_or_skip(kernel: bool) -> Option<Sampler> {
    match Sampler::start(SamplerOptions { kernel, ..SamplerOptions::default() }) {
        Ok(sampler) => Some(sampler),
        Err(e) => {
            assert!(e.is_refused() || e.is_unsupported() || e.is_limit(), "{e}");
            cutwater_testing::skip!("{e}");
            None
        }
    }
}

#[inline(never)]
fn spin() -> u64 {
    (0..100_000u64).fold(0, |a, b| std::hint::black_box(a ^ b))
}

fn user_share_of(samples: &Samples, function: usize) -> f64 {
    let inside = |addr: &u64| (*addr as usize).wrapping_sub(function) < 512;
    let hits: u64 = samples
        .stacks
        .iter()
        .filter(|(stack, _)| stack.user().first().is_some_and(inside))
        .map(|(_, n)| n)
        .sum();
    hits as f64 / samples.count() as f64
}

#[test]
fn a_thread_that_starts_later_is_sampled_where_it_spends_its_time() {
    let Some(sampler) = start_or_skip(true) else { return };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while cutwater_sys::usage::thread().user_ns < CPU_NS || sampler.taken() < ENOUGH {
                spin();
            }
        });
    });
    let samples = sampler.stop();
    assert!(samples.count() >= ENOUGH);
    let share = user_share_of(&samples, spin as fn() -> u64 as usize);
    assert!(share > 0.0, "{samples:?}");
}

#[test]
fn without_kernel_frames_there_are_none_and_it_is_said() {
    let Some(sampler) = start_or_skip(false) else { return };
    while sampler.taken() < ENOUGH {
        spin();
    }
    let samples = sampler.stop();
    assert!(!samples.kernel_frames && samples.why_not.is_some());
    assert!(samples.stacks.iter().all(|(stack, _)| stack.kernel().is_empty()));
}

#[test]
fn kernel_frames_are_there_or_it_is_said_why_not() {
    let Some(sampler) = start_or_skip(true) else { return };
    while sampler.taken() < ENOUGH {
        let _ = std::fs::read("/proc/self/maps");
    }
    let samples = sampler.stop();
    let seen = samples.stacks.iter().any(|(stack, _)| !stack.kernel().is_empty());
    assert_eq!(seen, samples.kernel_frames);
    assert_eq!(seen, samples.why_not.is_none());
    if let Some(why_not) = samples.why_not {
        println!("no kernel frames: {why_not}");
    }
}

#[test]
fn dropping_a_sampler_ends_its_thread() {
    let Some(sampler) = start_or_skip(true) else { return };
    let shared = Arc::downgrade(&sampler.shared);
    drop(sampler);
    assert_eq!(shared.strong_count(), 0);
}
