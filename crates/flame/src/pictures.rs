//! The files that pictures are drawn into.

use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use cutwater_shell::Failure;
use cutwater_shell::words::shown;

use super::{off_cpu, tail};

/// The files that a picture at `path` is drawn with: of time on the CPU, off it, and of the slowest
/// operations. They are made only where there is something to draw.
///
/// # Errors
/// When `path` is an open descriptor, as `-` and `/dev/stdout` are: the others would have no name. When one
/// is a named pipe: all work would be done before its reader is waited for.
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
    let pictures = [path.to_owned(), off_cpu::beside(path), tail::beside(path)];
    let is_pipe = |path: &&PathBuf| path.metadata().is_ok_and(|there| there.file_type().is_fifo());
    if let Some(pipe) = pictures.iter().find(is_pipe) {
        return Err(Failure::usage(format!(
            "{} is a named pipe, and a picture is a file; name another file with --flamegraph",
            shown(pipe)
        )));
    }
    Ok(pictures)
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
