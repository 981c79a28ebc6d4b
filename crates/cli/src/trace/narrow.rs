//! Finds processes that run a 32-bit program. Their calls have other numbers, and an event does not
//! say which kind of call it is.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::time::{Duration, Instant};

/// Processes that are remembered; beyond it, all are checked again.
const PROCESSES_MAX: usize = 4_096;
/// A process is checked again after this time: it may run another program by then.
const STALE: Duration = Duration::from_millis(10);

/// What each process runs.
#[derive(Debug, Default)]
pub(super) struct Narrow {
    known: HashMap<u32, (bool, Instant)>,
    is_seen: bool,
}

impl Narrow {
    /// Whether the process runs a 32-bit program.
    pub(super) fn has(&mut self, pid: u32) -> bool {
        let now = Instant::now();
        if self.known.len() >= PROCESSES_MAX && !self.known.contains_key(&pid) {
            self.known.clear();
        }
        let known = self.known.get(&pid).filter(|(_, looked)| now.duration_since(*looked) < STALE);
        let is_narrow = match known {
            Some((is_narrow, _)) => *is_narrow,
            None => {
                // A process that has ended keeps its last answer.
                let last = self.known.get(&pid).is_some_and(|(is_narrow, _)| *is_narrow);
                let is_narrow = is_32_bit(&format!("/proc/{pid}/exe")).unwrap_or(last);
                self.known.insert(pid, (is_narrow, now));
                is_narrow
            }
        };
        self.is_seen |= is_narrow;
        is_narrow
    }

    /// Whether any process ran one.
    pub(super) fn is_seen(&self) -> bool {
        self.is_seen
    }
}

/// What the header of an ELF file says.
fn is_32_bit(path: &str) -> Option<bool> {
    const CLASS_32: u8 = 1;
    let mut header = [0; 5];
    File::open(path).ok()?.read_exact(&mut header).ok()?;
    header.starts_with(b"\x7fELF").then_some(header[4] == CLASS_32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_of_how_many_bits_a_program_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("program").display().to_string();
        for (bytes, expected) in [
            (&b"\x7fELF\x01\x01\x01"[..], Some(true)),
            (b"\x7fELF\x02\x01\x01", Some(false)),
            (b"#!/bin/sh", None),
            (b"\x7fELF", None),
        ] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(is_32_bit(&path), expected, "{bytes:?}");
        }
        assert_eq!(is_32_bit("/nonexistent"), None);
    }

    #[test]
    fn what_is_not_there_is_as_it_was_last() {
        let mut narrow = Narrow::default();
        assert!(!narrow.has(u32::MAX) && !narrow.is_seen());
        let Some(long_ago) = Instant::now().checked_sub(STALE * 2) else { return };
        narrow.known.insert(u32::MAX, (true, long_ago));
        assert!(narrow.has(u32::MAX) && narrow.is_seen());
    }
}
