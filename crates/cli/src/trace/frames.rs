//! The kernel functions in which the slowest operations spend their time.

use std::collections::HashMap;

use serde::Serialize;

use super::operation::Operation;
use super::tail::{Spent, Tail, Tails};
use cutwater_flame::KernelNames;

/// Functions of a chain that are named: the innermost, and its callers.
const NAMED: usize = 3;
/// The number that all chains without room share.
#[cfg(feature = "ebpf")]
pub(super) const UNKEPT: u32 = u32::MAX;
/// Rows of a kind.
const ROWS_MAX: usize = 8;
/// How a thread leaves its CPU, which is the same for all waits, and how this is seen.
const SCHEDULER: [&str; 11] = [
    "bpf_trace_run4",
    "__bpf_trace_sched_switch",
    "__schedule",
    "schedule",
    "io_schedule",
    "schedule_timeout",
    "io_schedule_timeout",
    "schedule_preempt_disabled",
    "schedule_hrtimeout_range_clock",
    "schedule_hrtimeout_range",
    "__traceiter_sched_switch",
];

/// The slowest operations of a kind.
#[derive(Debug, Serialize)]
pub(super) struct TailReport {
    pub(super) kind: Operation,
    /// They took this long or longer.
    pub(super) from_ns: u64,
    pub(super) count: u64,
    /// All of them together.
    pub(super) total_ns: u64,
    /// The share of that time on a CPU without a sample.
    pub(super) unsampled_share: f64,
    /// Largest share first.
    pub(super) frames: Vec<Frames>,
}

/// Kernel functions, the innermost first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Frames {
    pub(super) functions: Vec<String>,
    /// Whether they waited or worked.
    pub(super) on_cpu: bool,
    /// Samples on the CPU; 0 for waits, which are measured.
    pub(super) samples: u64,
    /// Of the time of all these operations, 0.0 to 1.0.
    pub(super) share: f64,
}

/// Names the tails, and says why names are missing.
pub(super) fn reports(
    tails: &Tails,
    chains: &HashMap<u32, Vec<u64>>,
    names: &mut KernelNames,
) -> (Vec<TailReport>, Option<String>) {
    let tails = tails.tails();
    let seen = tails.iter().flat_map(|tail| tail.seen.keys());
    let addresses = seen.filter_map(|chain| chains.get(chain)).flat_map(|chain| lookups(chain));
    let unnamed = names.learn(addresses);
    let reports = tails.iter().map(|tail| report(tail, chains, names)).collect();
    (reports, unnamed.map(|why| format!("names of kernel functions: {why}")))
}

fn report(tail: &Tail, chains: &HashMap<u32, Vec<u64>>, names: &KernelNames) -> TailReport {
    let mut sums: HashMap<Vec<String>, Spent> = HashMap::new();
    for (chain, seen) in &tail.seen {
        let functions = functions(chains.get(chain), names);
        let sum = sums.entry(functions).or_default();
        sum.off_ns += seen.off_ns;
        sum.samples += seen.samples;
    }
    let (frames, unsampled_share) = shares(sums, tail.total_ns);
    TailReport {
        kind: tail.kind,
        from_ns: tail.from_ns,
        count: tail.count,
        total_ns: tail.total_ns,
        unsampled_share,
        frames,
    }
}

/// The time of waits is measured. The rest was on a CPU, and is divided by samples; without samples
/// only its sum is known.
fn shares(sums: HashMap<Vec<String>, Spent>, total_ns: u64) -> (Vec<Frames>, f64) {
    let total = total_ns.max(1) as f64;
    let off: u64 = sums.values().map(|seen| seen.off_ns).sum();
    let samples: u64 = sums.values().map(|seen| seen.samples).sum();
    let on_share = total_ns.saturating_sub(off) as f64 / total;
    let mut frames = Vec::new();
    for (functions, seen) in sums {
        if seen.off_ns > 0 {
            let share = seen.off_ns as f64 / total;
            frames.push(Frames { functions: functions.clone(), on_cpu: false, samples: 0, share });
        }
        if seen.samples > 0 {
            let share = on_share * seen.samples as f64 / samples as f64;
            frames.push(Frames { functions, on_cpu: true, samples: seen.samples, share });
        }
    }
    frames.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.functions.cmp(&b.functions)));
    frames.truncate(ROWS_MAX);
    (frames, if samples == 0 { on_share } else { 0.0 })
}

/// The innermost address was executing, the others are where a call returns to.
fn lookups(chain: &[u64]) -> impl Iterator<Item = u64> + '_ {
    chain.iter().enumerate().map(|(at, addr)| if at == 0 { *addr } else { addr.wrapping_sub(1) })
}

/// What a chain is shown as: its innermost functions.
fn functions(chain: Option<&Vec<u64>>, names: &KernelNames) -> Vec<String> {
    kernel_names(chain, names).into_iter().take(NAMED).collect()
}

/// The functions of a chain, innermost first, without how a thread leaves its CPU.
pub(super) fn kernel_names(chain: Option<&Vec<u64>>, names: &KernelNames) -> Vec<String> {
    let Some(chain) = chain else { return vec!["[not kept]".to_owned()] };
    if chain.is_empty() {
        return vec!["[user code]".to_owned()];
    }
    let names = lookups(chain).map(|addr| names.name(addr));
    names.skip_while(|name| SCHEDULER.contains(name)).map(str::to_owned).collect()
}

/// What operations of a kind are called.
pub(super) fn whose(kind: Operation) -> &'static str {
    match kind {
        Operation::Major => "major faults",
        Operation::Minor => "minor faults",
        Operation::Read => "reads",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(off_ns: u64, samples: u64) -> Spent {
        Spent { off_ns, samples }
    }

    fn sums(of: &[(&str, Spent)]) -> HashMap<Vec<String>, Spent> {
        of.iter().map(|(name, seen)| (vec![(*name).to_owned()], *seen)).collect()
    }

    #[test]
    fn waits_have_their_time_and_samples_share_out_the_rest() {
        let (frames, unsampled) = shares(
            sums(&[("wait", seen(600, 0)), ("copy", seen(0, 3)), ("clear", seen(0, 1))]),
            1_000,
        );
        let found: Vec<_> = frames
            .iter()
            .map(|f| (f.functions[0].as_str(), f.on_cpu, (f.share * 100.0).round()))
            .collect();
        assert_eq!(found, [("wait", false, 60.0), ("copy", true, 30.0), ("clear", true, 10.0)]);
        assert!(unsampled.abs() < 1e-9);
    }

    #[test]
    fn time_on_the_cpu_without_a_sample_is_said_and_not_given_to_anybody() {
        let (frames, unsampled) = shares(sums(&[("wait", seen(250, 0))]), 1_000);
        assert_eq!((frames.len(), unsampled), (1, 0.75));
    }
}
