//! Stacks of names, folded: `outermost;...;innermost`, with the number of samples.

use std::collections::BTreeMap;

use cutwater_sys::perf::Samples;

use super::symbols::Names;

/// Marks a function in the kernel.
pub(super) const KERNEL: &str = "_[k]";
/// The frame below all others.
const ROOT: &str = "all";

/// Folded stacks, sorted.
pub(super) type Folded = BTreeMap<String, u64>;

/// Folds `samples` by the names of their frames.
pub(super) fn fold(samples: &Samples, names: &Names) -> Folded {
    let mut folded = Folded::new();
    for (stack, count) in &samples.stacks {
        let mut line = ROOT.to_owned();
        for (name, in_kernel) in names.outermost_first(stack) {
            line.push(';');
            // The type [u8; 4] has a semicolon in it, which separates frames here.
            line.extend(name.chars().map(|c| if c == ';' || c.is_control() { ',' } else { c }));
            if in_kernel {
                line.push_str(KERNEL);
            }
        }
        *folded.entry(line).or_insert(0) += count;
    }
    folded
}
