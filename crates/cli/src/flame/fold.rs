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

/// Folds `samples` by the names of their frames, on top of a frame called `label`.
pub(super) fn fold(samples: &Samples, names: &Names, label: Option<&str>) -> Folded {
    let mut folded = Folded::new();
    for (stack, count) in &samples.stacks {
        let mut line = ROOT.to_owned();
        label.into_iter().for_each(|label| push(&mut line, label));
        for (name, in_kernel) in names.outermost_first(stack) {
            push(&mut line, name);
            if in_kernel {
                line.push_str(KERNEL);
            }
        }
        *folded.entry(line).or_insert(0) += count;
    }
    folded
}

fn push(line: &mut String, name: &str) {
    line.push(';');
    // The type [u8; 4] has a semicolon in it, which separates frames here.
    line.extend(name.chars().map(|c| if c == ';' || c.is_control() { ',' } else { c }));
}

#[cfg(test)]
mod tests {
    use super::push;

    #[test]
    fn a_name_with_a_semicolon_stays_one_frame() {
        let mut line = "all".to_owned();
        push(&mut line, "read<[u8; 4]>\n");
        assert_eq!(line, "all;read<[u8, 4]>,");
    }
}
