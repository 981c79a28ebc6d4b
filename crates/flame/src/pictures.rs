//! The files that pictures are drawn into.

use std::path::{Path, PathBuf};

use cutwater_shell::Failure;

use super::{off_cpu, tail};

/// The files that a picture at `path` is drawn with: of time on the CPU, off it, and of the slowest
/// operations. They are made only where there is something to draw.
///
/// # Errors
/// When `path` is an open descriptor, as `-` and `/dev/stdout` are: the others would have no name.
pub fn pictures(path: &Path) -> Result<[PathBuf; 3], Failure> {
    let is_descriptor = path == Path::new("-")
        || ["/dev/stdin", "/dev/stdout", "/dev/stderr"].iter().any(|name| path == Path::new(name))
        || path.starts_with("/dev/fd")
        || path.starts_with("/proc");
    if is_descriptor {
        return Err(Failure::usage(
            "--flamegraph draws several pictures, with names made of the one that is given; name a \
             file such as hot.svg",
        ));
    }
    Ok([path.to_owned(), off_cpu::beside(path), tail::beside(path)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_lie_beside_the_one_that_is_named() {
        let named = pictures(Path::new("a/hot.svg")).unwrap();
        assert_eq!(named, ["a/hot.svg", "a/hot.offcpu.svg", "a/hot.tail.svg"].map(PathBuf::from));
        for name in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/3"] {
            assert!(pictures(Path::new(name)).unwrap_err().is_usage(), "{name}");
        }
    }
}
