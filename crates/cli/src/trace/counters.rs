//! Counters of a process in `/proc`, for anybody who may read them.

use std::fs;

use serde::Serialize;

/// Totals since the process began; `None` where `/proc` does not show them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Totals {
    /// Page faults served without the device.
    pub(super) minor_faults: Option<u64>,
    /// Page faults that waited for the device.
    pub(super) major_faults: Option<u64>,
    /// System calls that read.
    pub(super) read_calls: Option<u64>,
    /// Bytes that they read.
    pub(super) read_bytes: Option<u64>,
    /// Bytes read from devices, faults and read-ahead among them.
    pub(super) device_read_bytes: Option<u64>,
}

/// The counters of a process, at the start and now.
#[derive(Debug)]
pub(super) struct Counters {
    pid: u32,
    first: Totals,
    last: Totals,
}

impl Counters {
    pub(super) fn start(pid: u32) -> Self {
        let first = Totals::read(pid);
        Self { pid, first, last: first }
    }

    /// Reads the counters again. A counter that can no longer be read keeps its value.
    pub(super) fn look(&mut self) {
        let (now, last) = (Totals::read(self.pid), self.last);
        self.last = Totals {
            minor_faults: now.minor_faults.or(last.minor_faults),
            major_faults: now.major_faults.or(last.major_faults),
            read_calls: now.read_calls.or(last.read_calls),
            read_bytes: now.read_bytes.or(last.read_bytes),
            device_read_bytes: now.device_read_bytes.or(last.device_read_bytes),
        };
    }

    /// What was added since the start.
    pub(super) fn since(&self) -> Totals {
        let (first, last) = (self.first, self.last);
        let since = |last: Option<u64>, first: Option<u64>| Some(last?.saturating_sub(first?));
        Totals {
            minor_faults: since(last.minor_faults, first.minor_faults),
            major_faults: since(last.major_faults, first.major_faults),
            read_calls: since(last.read_calls, first.read_calls),
            read_bytes: since(last.read_bytes, first.read_bytes),
            device_read_bytes: since(last.device_read_bytes, first.device_read_bytes),
        }
    }
}

impl Totals {
    fn read(pid: u32) -> Self {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        Self::parsed(&stat, &io)
    }

    fn parsed(stat: &str, io: &str) -> Self {
        // The name is in brackets and may hold anything; fields are counted after it.
        let fields: Vec<_> = match stat.rsplit_once(')') {
            Some((_, rest)) => rest.split_whitespace().collect(),
            None => Vec::new(),
        };
        let field = |at: usize| fields.get(at).and_then(|f| f.parse().ok());
        let line = |name: &str| {
            io.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": ")?.parse().ok())
        };
        Self {
            minor_faults: field(7),
            major_faults: field(9),
            read_calls: line("syscr"),
            read_bytes: line("rchar"),
            device_read_bytes: line("read_bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_whatever_the_process_is_called() {
        let stat = "12 (a) b (c) S 1 12 12 0 -1 4194304 111 0 7 0 3 4 0 0 20 0 1 0 99\n";
        let io = "rchar: 100\nwchar: 1\nsyscr: 5\nsyscw: 1\nread_bytes: 4096\nwrite_bytes: 0\n";
        let expected = Totals {
            minor_faults: Some(111),
            major_faults: Some(7),
            read_calls: Some(5),
            read_bytes: Some(100),
            device_read_bytes: Some(4096),
        };
        assert_eq!(Totals::parsed(stat, io), expected);
        assert_eq!(Totals::parsed("", ""), Totals::default());
    }

    #[test]
    fn what_has_gone_stays_as_it_was() {
        let before = Totals { minor_faults: Some(5), ..Totals::default() };
        let mut counters = Counters { pid: u32::MAX, first: before, last: before };
        counters.look();
        assert_eq!(counters.since().minor_faults, Some(0));
        assert_eq!(counters.since().read_calls, None);
    }
}
