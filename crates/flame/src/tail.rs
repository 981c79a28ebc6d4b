//! A picture of chosen operations by the kernel functions that they spent their time in.

use std::path::{Path, PathBuf};

use super::error::FlameError;
use super::fold::{self, Folded};
use super::svg::{self, Picture};

/// Draws stacks of kernel functions, with their nanoseconds, into a file next to `path`. The first
/// name of a stack is that of the operation, then come the functions, outermost first. Returns the
/// microseconds in the picture; if there are none, no file is written.
///
/// # Errors
/// [`FlameError::Write`].
pub fn write_tail(
    path: &Path,
    title: &str,
    stacks: impl Iterator<Item = (Vec<String>, u64)>,
) -> Result<u64, FlameError> {
    let mut nanoseconds = Folded::new();
    for (stack, ns) in stacks {
        *nanoseconds.entry(fold::kernel_line(&stack)).or_insert(0) += ns;
    }
    let rounded = nanoseconds.into_iter().map(|(line, ns)| (line, (ns + 500) / 1000));
    let folded: Folded = rounded.filter(|(_, us)| *us > 0).collect();
    if !folded.is_empty() {
        let title = format!("{title}, the slowest 1 %");
        svg::write(&folded, Picture::OffCpu, &title, &[], &beside(path))?;
    }
    Ok(folded.values().sum())
}

/// `hot.svg` has `hot.tail.svg` next to it.
pub(crate) fn beside(path: &Path) -> PathBuf {
    path.with_extension("tail.svg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_the_functions_under_their_operation() {
        let dir = tempfile::tempdir().unwrap();
        let stack = |ns| (vec!["reads".to_owned(), "vfs_read".to_owned()], ns);
        let stacks = [stack(1_200), stack(2_900)].into_iter();
        let drawn = write_tail(&dir.path().join("hot.svg"), "trace", stacks).unwrap();
        let svg = std::fs::read_to_string(dir.path().join("hot.tail.svg")).unwrap();
        assert_eq!(drawn, 4);
        assert!(svg.contains("vfs_read") && svg.contains("reads (4 us") && svg.contains("slowest"));
    }
}
