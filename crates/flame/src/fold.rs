//! Stacks of names, folded: `outermost;...;innermost`, with the number of samples or the time.

use std::collections::BTreeMap;

use cutwater_observe::perf::Stack;

use super::symbols::Names;

/// Marks a function in the kernel.
pub(crate) const KERNEL: &str = "_[k]";
/// The frame below all others.
pub(crate) const ROOT: &str = "all";

/// Folded stacks, sorted.
pub(crate) type Folded = BTreeMap<String, u64>;

/// Folds stacks and how much each has by the names of their frames, on top of a frame called
/// `label`.
pub(crate) fn fold(stacks: &[(Stack, u64)], names: &Names, label: Option<&str>) -> Folded {
    let mut folded = Folded::new();
    for (stack, count) in stacks {
        let mut line = ROOT.to_owned();
        label.into_iter().for_each(|label| push(&mut line, label));
        let frames: Vec<_> = names.outermost_first(stack).collect();
        for (name, in_kernel) in frames.iter().skip(start_up(&frames)).copied() {
            push(&mut line, name);
            if in_kernel {
                line.push_str(KERNEL);
            }
        }
        *folded.entry(line).or_insert(0) += count;
    }
    folded
}

/// A folded stack of kernel functions, outermost first, on top of what the first of `stack`
/// names.
pub(crate) fn kernel_line(stack: &[String]) -> String {
    let mut line = ROOT.to_owned();
    for (at, name) in stack.iter().enumerate() {
        push(&mut line, name);
        if at > 0 {
            line.push_str(KERNEL);
        }
    }
    line
}

/// How many of the outermost frames lead through std to `main` or to a thread's closure. std hides
/// them in its own backtraces.
fn start_up(frames: &[(&str, bool)]) -> usize {
    const MARK: &str = "::__rust_begin_short_backtrace";
    frames
        .iter()
        .rposition(|(name, in_kernel)| !in_kernel && name.contains(MARK))
        .map_or(0, |last| last + 1)
}

fn push(line: &mut String, name: &str) {
    line.push(';');
    // A semicolon separates frames, and the type [u8; 4] has one.
    line.extend(name.chars().map(|c| if c == ';' || c.is_control() { ',' } else { c }));
}

#[cfg(test)]
mod tests {
    use super::{push, start_up};

    #[test]
    fn the_frames_by_which_a_thread_starts_are_left_out() {
        let begin = ("std::sys::backtrace::__rust_begin_short_backtrace", false);
        let frames = [("clone3", false), begin, ("work", false), ("read", true)];
        assert_eq!(start_up(&frames), 2);
        assert_eq!(start_up(&frames[2..]), 0);
    }

    #[test]
    fn a_name_with_a_semicolon_stays_one_frame() {
        let mut line = "all".to_owned();
        push(&mut line, "read<[u8; 4]>\n");
        assert_eq!(line, "all;read<[u8, 4]>,");
    }
}
