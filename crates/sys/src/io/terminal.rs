//! The terminal behind a descriptor.

use std::os::fd::AsFd;

/// Columns of the terminal at `fd`; none where it is not a terminal or has no known size.
#[must_use]
pub fn columns(fd: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(fd).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_file_has_no_columns() {
        assert_eq!(super::columns(tempfile::tempfile().unwrap()), None);
    }
}
