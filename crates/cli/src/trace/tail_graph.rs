//! `--flamegraph`: the slowest operations of each kind, by the kernel functions that they spent
//! their time in.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use super::frames::{kernel_names, whose};
use super::tail::{Tail, Tails};
use cutwater_flame::{self as flame, FlameError, KernelNames};

/// What was drawn of the slowest operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct TailGraph {
    /// The time in the picture.
    pub(super) microseconds: u64,
}

/// Draws the tails next to `path`, unless nothing was seen in them.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn draw(
    path: &Path,
    title: &str,
    tails: &Tails,
    chains: &HashMap<u32, Vec<u64>>,
    names: &KernelNames,
) -> Result<Option<TailGraph>, FlameError> {
    let tails = tails.tails();
    let stacks = tails.iter().flat_map(|tail| stacks(tail, chains, names));
    let microseconds = flame::write_tail(path, title, stacks)?;
    Ok((microseconds > 0).then_some(TailGraph { microseconds }))
}

/// Names, outermost first, and nanoseconds: waits have their time, samples share out the rest.
fn stacks(
    tail: &Tail,
    chains: &HashMap<u32, Vec<u64>>,
    names: &KernelNames,
) -> Vec<(Vec<String>, u64)> {
    let off_ns: u64 = tail.seen.values().map(|seen| seen.off_ns).sum();
    let samples: u64 = tail.seen.values().map(|seen| seen.samples).sum();
    let of_sample = tail.total_ns.saturating_sub(off_ns) as f64 / samples.max(1) as f64;
    let stack = |(chain, seen): (&u32, &super::tail::Spent)| {
        let mut stack = kernel_names(chains.get(chain), names);
        stack.push(whose(tail.kind).to_owned());
        stack.reverse();
        (stack, seen.off_ns + (of_sample * seen.samples as f64) as u64)
    };
    tail.seen.iter().map(stack).collect()
}

#[cfg(test)]
mod tests {
    use super::super::operation::Operation;
    use super::super::tail::Spent;
    use super::*;

    #[test]
    fn waits_have_their_time_and_samples_share_out_the_rest() {
        let seen = |off_ns, samples| Spent { off_ns, samples };
        let tail = Tail {
            kind: Operation::Major,
            from_ns: 1,
            count: 3,
            total_ns: 10_000,
            seen: HashMap::from([(1, seen(6_000, 1)), (2, seen(0, 3))]),
        };
        // Without names the chains differ by their length.
        let chains = HashMap::from([(1, vec![7]), (2, vec![7, 8])]);
        let mut stacks = stacks(&tail, &chains, &KernelNames::default());
        stacks.sort_by_key(|(stack, _)| stack.len());
        let found: Vec<_> = stacks.iter().map(|(s, ns)| (s[0].as_str(), s.len(), *ns)).collect();
        assert_eq!(found, [("major faults", 2, 7_000), ("major faults", 3, 3_000)]);
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hot.svg");
        let drawn =
            draw(&path, "x", &Tails::default(), &HashMap::new(), &KernelNames::default()).unwrap();
        assert_eq!((drawn, std::fs::read_dir(dir.path()).unwrap().count()), (None, 0));
    }
}
