//! The file behind a descriptor or an address, looked up in `/proc`.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

/// How many descriptors are remembered; beyond it, all are looked up again.
const DESCRIPTORS_MAX: usize = 4096;
/// Processes whose maps are remembered.
const PROCESSES_MAX: usize = 256;
/// A table of maps is read again after this, and after [`MISSED`] when an address is not in it.
const STALE: Duration = Duration::from_millis(250);
const MISSED: Duration = Duration::from_millis(20);

/// Memory without a file.
const ANONYMOUS: &str = "[anonymous]";
/// A process that had ended, or a file that was closed, before it could be looked up.
pub(super) const GONE: &str = "[gone]";

/// Names by descriptor and by address, remembered for a while.
#[derive(Debug, Default)]
pub(super) struct Paths {
    descriptors: HashMap<(u32, u64), String>,
    maps: HashMap<u32, Maps>,
}

impl Paths {
    /// The file behind a descriptor of a process.
    pub(super) fn of_descriptor(&mut self, pid: u32, fd: u64) -> &str {
        if self.descriptors.len() >= DESCRIPTORS_MAX {
            self.descriptors.clear();
        }
        self.descriptors.entry((pid, fd)).or_insert_with(|| {
            let link = fs::read_link(format!("/proc/{pid}/fd/{fd}"));
            link.map_or_else(|_| GONE.to_owned(), |path| short(&path.to_string_lossy()))
        })
    }

    /// Forgets a descriptor that was closed: its number may be used again.
    pub(super) fn forget(&mut self, pid: u32, fd: u64) {
        self.descriptors.remove(&(pid, fd));
    }

    /// What is mapped at an address of a process.
    pub(super) fn of_address(&mut self, pid: u32, address: u64) -> &str {
        if self.maps.len() >= PROCESSES_MAX && !self.maps.contains_key(&pid) {
            self.maps.clear();
        }
        let maps = self.maps.entry(pid).or_insert_with(|| Maps::read(pid));
        let age = maps.read_at.elapsed();
        if age >= STALE || (age >= MISSED && maps.find(address).is_none()) {
            // A process that has ended has no maps: the old ones are the best there are.
            let new = Maps::read(pid);
            if !new.ranges.is_empty() {
                *maps = new;
            }
            maps.read_at = Instant::now();
        }
        maps.find(address).unwrap_or(GONE)
    }
}

/// `/proc/PID/maps` at one moment.
#[derive(Debug)]
struct Maps {
    /// Begin, end, name; sorted.
    ranges: Vec<(u64, u64, String)>,
    read_at: Instant,
}

impl Maps {
    fn read(pid: u32) -> Self {
        let text = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        Self { ranges: text.lines().filter_map(range).collect(), read_at: Instant::now() }
    }

    fn find(&self, address: u64) -> Option<&str> {
        let at = self.ranges.partition_point(|(_, end, _)| *end <= address);
        let (start, _, name) = self.ranges.get(at)?;
        (*start <= address).then_some(name)
    }
}

/// `7f00-7f10 r--p 00000000 fe:00 123 /usr/lib/x.so`
fn range(line: &str) -> Option<(u64, u64, String)> {
    let (addresses, rest) = line.split_once(' ')?;
    let (start, end) = addresses.split_once('-')?;
    // The name is the sixth field and may have blanks.
    let name = rest.splitn(5, ' ').nth(4).unwrap_or_default().trim_start();
    let name = if name.is_empty() { ANONYMOUS.to_owned() } else { short(name) };
    Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?, name))
}

/// A name without the number that distinguishes pipes and sockets.
pub(super) fn short(name: &str) -> String {
    match name.split_once(":[") {
        Some((kind @ ("pipe" | "socket"), _)) => format!("[{kind}]"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_named_by_file_or_kind() {
        for (line, expected) in [
            (
                "1000-2000 r--p 00000000 fe:00 12                   /a b/c",
                (0x1000, 0x2000, "/a b/c"),
            ),
            ("2000-3000 rw-p 00000000 00:00 0 ", (0x2000, 0x3000, ANONYMOUS)),
            (
                "3000-4000 rw-p 00000000 00:00 0                    [heap]",
                (0x3000, 0x4000, "[heap]"),
            ),
        ] {
            let (start, end, name) = expected;
            assert_eq!(range(line), Some((start, end, name.to_owned())), "{line}");
        }
        assert_eq!(range("nonsense"), None);
    }

    #[test]
    fn an_address_is_of_the_map_that_it_lies_in() {
        let ranges = vec![(10, 20, "a".to_owned()), (30, 40, "b".to_owned())];
        let maps = Maps { ranges, read_at: Instant::now() };
        let names = [9, 10, 19, 20, 30, 40].map(|at| maps.find(at));
        assert_eq!(names, [None, Some("a"), Some("a"), None, Some("b"), None]);
    }

    #[test]
    fn our_own_descriptors_and_code_have_their_files() {
        let me = std::process::id();
        let temp = tempfile::NamedTempFile::new().unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(temp.as_file()) as u64;
        let mut paths = Paths::default();
        assert_eq!(paths.of_descriptor(me, fd), temp.path().to_str().unwrap());
        let code = short as fn(&str) -> String as usize as u64;
        let program = std::env::current_exe().unwrap();
        assert_eq!(paths.of_address(me, code), program.to_str().unwrap());
        assert_eq!(paths.of_descriptor(me, 1 << 30), GONE);
        assert_eq!(short("socket:[123]"), "[socket]");
    }
}
