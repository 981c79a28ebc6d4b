//! What another process has mapped, for the names of its frames. It is kept, because the process may
//! have ended when they are looked up, and then `/proc/PID/maps` is empty (`proc_pid_maps(5)`).

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often to look: a program maps its libraries as it starts, and few later. If it ends sooner,
/// only what the first look found has names.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Parts of files that are mapped as code.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Maps(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
struct Part {
    addrs: Range<u64>,
    /// Where in the file the first address is.
    offset: u64,
    path: PathBuf,
}

impl Maps {
    /// The maps of a process; none if it has ended.
    fn read(pid: u32) -> Self {
        let text = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
        Self::parsed(&String::from_utf8_lossy(&text))
    }

    fn parsed(text: &str) -> Self {
        Self(text.lines().filter_map(part).collect())
    }

    /// The file that is mapped at an address, and the offset in it.
    pub(crate) fn place(&self, addr: u64) -> Option<(&Path, u64)> {
        let part = self.0.iter().find(|part| part.addrs.contains(&addr))?;
        Some((&part.path, addr - part.addrs.start + part.offset))
    }
}

/// A line of the file: addresses, rights, offset, device, inode, path.
fn part(line: &str) -> Option<Part> {
    let (addrs, rest) = line.split_once(' ')?;
    let (rights, rest) = rest.split_once(' ')?;
    let (offset, rest) = rest.split_once(' ')?;
    let path = &rest[rest.find('/')?..];
    let hex = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let (start, end) = addrs.split_once('-')?;
    let addrs = hex(start)?..hex(end)?;
    rights.contains('x').then_some(Part { addrs, offset: hex(offset)?, path: path.into() })
}

/// Looks at what a process has mapped, until [`Watch::end`].
#[derive(Debug)]
pub(crate) struct Watch {
    end: Sender<()>,
    thread: JoinHandle<Maps>,
}

impl Watch {
    /// Begins. `None` if no thread can be started.
    pub(crate) fn start(pid: u32) -> Option<Self> {
        let (end, ended) = channel();
        let look = move || {
            let mut kept = Maps::read(pid);
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(LOOK_EVERY) {
                let maps = Maps::read(pid);
                if !maps.0.is_empty() {
                    kept = maps;
                }
            }
            kept
        };
        let thread = thread::Builder::new().name("maps".into()).spawn(look).ok()?;
        Some(Self { end, thread })
    }

    /// What was mapped when it was last looked at.
    pub(crate) fn end(self) -> Maps {
        drop(self.end);
        // The thread does not panic; if it did, frames would have no names.
        self.thread.join().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_run_have_a_file_and_a_place_in_it() {
        let maps = Maps::parsed(
            "55d0c0a00000-55d0c0a10000 r--p 00000000 fe:00 1234 /usr/bin/some program\n\
             55d0c0a10000-55d0c0a20000 r-xp 00010000 fe:00 1234 /usr/bin/some program\n\
             7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0 [vdso]\n\
             7f0000000000-7f0000001000 rwxp 00000000 00:00 0 \n\
             not a line\n",
        );
        let program = Path::new("/usr/bin/some program");
        assert_eq!(maps.place(0x55d0_c0a1_0123), Some((program, 0x10123)));
        for addr in [0x55d0_c0a0_0123, 0x55d0_c0a2_0000, 0x7ffd_0000_0000, 0x7f00_0000_0000, 0] {
            assert_eq!(maps.place(addr), None, "{addr:x}");
        }
    }

    #[test]
    fn what_a_process_had_mapped_is_known_after_its_end() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let watch = Watch::start(child.id()).unwrap();
        while Maps::read(child.id()).0.is_empty() {
            thread::yield_now();
        }
        thread::sleep(2 * LOOK_EVERY);
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(Maps::read(child.id()), Maps::default());
        assert!(!watch.end().0.is_empty());
    }
}
