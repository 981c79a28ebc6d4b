//! What the name of an output stands for: an open descriptor, or a path.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, RawFd};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// The name of standard output on the command line.
pub(super) const STANDARD: &str = "-";

/// The number of standard output (`stdout(3)`).
pub(super) const STDOUT: RawFd = 1;

/// The most links that are followed, as in `path_resolution(7)`.
const LINKS_MAX: usize = 40;

/// What a name stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// A descriptor of this process.
    Descriptor(RawFd),
    /// A path that is not a link; there may be nothing.
    Path(PathBuf),
}

impl Name {
    /// Follows links until a descriptor of this process or the last path. The kernel would follow a
    /// descriptor's link in `/proc` to the file behind it, and open that anew.
    ///
    /// # Errors
    /// When a link cannot be read, or there are more than [`LINKS_MAX`].
    pub(super) fn resolve(name: &Path) -> io::Result<Self> {
        let mut path = name.to_owned();
        for _ in 0..=LINKS_MAX {
            if let Some(number) = descriptor(&path) {
                return Ok(Self::Descriptor(number));
            }
            match fs::read_link(&path) {
                Ok(target) => path = directory(&path).join(target),
                // EINVAL: it is not a link (`readlink(2)`).
                Err(e)
                    if matches!(
                        e.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::InvalidInput
                    ) =>
                {
                    return Ok(Self::Path(path));
                }
                Err(e) => return Err(e),
            }
        }
        Err(Errno::LOOP.into())
    }
}

/// The directory that `path` is in.
pub(super) fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The number of the descriptor that a path names (`proc_pid_fd(5)`).
fn descriptor(path: &Path) -> Option<RawFd> {
    match path.to_str()? {
        STANDARD | "/dev/stdout" => return Some(STDOUT),
        "/dev/stdin" => return Some(0),
        "/dev/stderr" => return Some(2),
        _ => {}
    }
    let number = path.file_name()?.to_str()?;
    let number = number.parse().ok().filter(|_| number.bytes().all(|b| b.is_ascii_digit()))?;
    let parent = directory(path);
    // Without /proc, only the names show it.
    let named = ["/dev/fd", "/proc/self/fd"].iter().any(|own| parent == Path::new(own));
    let own = |own: &str| fs::canonicalize(own).ok();
    let is_own = || {
        let parent = fs::canonicalize(parent).ok();
        parent.is_some()
            && (parent == own("/proc/self/fd") || parent == own("/proc/thread-self/fd"))
    };
    (named || is_own()).then_some(number)
}

/// Another descriptor for what `number` is open on: the same place in the same file, not opened
/// again.
pub(super) fn duplicate(number: RawFd) -> io::Result<File> {
    let standard = match number {
        0 => Some(io::stdin().as_fd().try_clone_to_owned()),
        STDOUT => Some(io::stdout().as_fd().try_clone_to_owned()),
        2 => Some(io::stderr().as_fd().try_clone_to_owned()),
        _ => None,
    };
    if let Some(descriptor) = standard {
        return descriptor.map(File::from);
    }
    let own = pidfd_open(getpid(), PidfdFlags::empty());
    match own.and_then(|own| pidfd_getfd(own, number, PidfdGetfdFlags::empty())) {
        Ok(descriptor) => Ok(File::from(descriptor)),
        // A kernel before 5.6, or a container that refuses the call: opened to append, it cuts
        // nothing.
        Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => {
            File::options().append(true).open(format!("/proc/self/fd/{number}"))
        }
        Err(e) => Err(e.into()),
    }
}
