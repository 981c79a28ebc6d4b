//! Adds moments up by operation and file.

use std::collections::HashMap;

use cutwater_meter::Latencies;
use cutwater_observe::perf::{Moment, What};

use super::narrow::Narrow;
use super::operation::Operation;
use super::paths::Paths;
use super::tail::{Ongoing, Tails};

/// How many rows there are; later files share one row for all others. A row has 250 KiB.
const ROWS_MAX: usize = 128;
/// Threads whose begun fault or call is remembered.
const THREADS_MAX: usize = 65_536;
/// The row of all files that came too late to have their own.
pub(super) const OTHERS: &str = "[others]";
/// Calls of the ring are of many files.
pub(super) const RING: &str = "[io_uring]";

/// How often something happened to a file, and how long it took.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) count: u64,
    /// Bytes that reads returned.
    pub(super) bytes: u64,
    /// Calls that failed.
    pub(super) errors: u64,
    pub(super) latency: Latencies,
}

/// What a thread has begun.
#[derive(Debug, Default)]
struct Begun {
    fault_ns: Option<u64>,
    call: Option<(i64, u64, u64)>,
    ongoing: Ongoing,
}

/// Everything that was seen.
#[derive(Debug, Default)]
pub(super) struct Tally {
    rows: HashMap<(Operation, String), Row>,
    begun: HashMap<u32, Begun>,
    paths: Paths,
    narrow: Narrow,
    tails: Tails,
}

/// `SYS_close` and `SYS_io_uring_enter` of this machine.
const CLOSE: i64 = cutwater_observe::perf::CALL_CLOSE;
const ENTER: i64 = cutwater_observe::perf::CALL_IO_URING_ENTER;

impl Tally {
    pub(super) fn note(&mut self, moment: &Moment) {
        if self.begun.len() >= THREADS_MAX {
            self.begun.clear();
        }
        let Moment { time_ns, pid, tid, what } = *moment;
        if matches!(what, What::Call { .. } | What::Return { .. }) && self.narrow.has(pid) {
            return;
        }
        let begun = self.begun.entry(tid).or_default();
        match what {
            What::FaultBegins => {
                begun.fault_ns = Some(time_ns);
                begun.ongoing.begin();
            }
            What::OnCpu(chain) => begun.ongoing.on_cpu(chain),
            What::Leaves(chain) => begun.ongoing.leaves(time_ns, chain),
            What::IsBack => begun.ongoing.is_back(time_ns),
            What::Fault { address, major } => {
                let ns = begun.fault_ns.take().map(|start| time_ns.saturating_sub(start));
                let kind = if major { Operation::Major } else { Operation::Minor };
                if let Some(ns) = ns {
                    self.tails.end(kind, ns, &mut begun.ongoing);
                }
                let path = self.paths.of_address(pid, address).to_owned();
                self.add(kind, path, ns, Ok(0));
            }
            What::Call { number: CLOSE, first } => self.paths.forget(pid, first),
            What::Call { number, first } => {
                begun.call = Some((number, first, time_ns));
                begun.ongoing.begin();
                if number != ENTER {
                    // Looked up now, as it may be closed when the call returns.
                    self.paths.of_descriptor(pid, first);
                }
            }
            What::Return { number, value } => {
                let Some((_, fd, start)) = begun.call.take().filter(|(n, ..)| *n == number) else {
                    return;
                };
                let ns = time_ns.saturating_sub(start);
                self.tails.end(Operation::Read, ns, &mut begun.ongoing);
                let path = match number {
                    ENTER => RING.to_owned(),
                    _ => self.paths.of_descriptor(pid, fd).to_owned(),
                };
                // The ring returns a count of entries, not bytes.
                let bytes = if number == ENTER { value.min(0) } else { value };
                let bytes = u64::try_from(bytes).map_err(drop);
                self.add(Operation::Read, path, Some(ns), bytes);
            }
        }
    }

    fn add(&mut self, kind: Operation, path: String, ns: Option<u64>, bytes: Result<u64, ()>) {
        let row = self.row(kind, path);
        row.count += 1;
        match bytes {
            Ok(bytes) => row.bytes += bytes,
            Err(()) => row.errors += 1,
        }
        if let Some(ns) = ns {
            row.latency.record(ns);
        }
    }

    /// Adds what was added up elsewhere.
    #[cfg(feature = "ebpf")]
    pub(super) fn add_row(&mut self, kind: Operation, path: &str, sum: &Row) {
        let row = self.row(kind, path.to_owned());
        row.count += sum.count;
        row.bytes += sum.bytes;
        row.errors += sum.errors;
        row.latency.merge(&sum.latency);
    }

    /// Replaces the tails.
    #[cfg(feature = "ebpf")]
    pub(super) fn set_tails(&mut self, tails: Tails) {
        self.tails = tails;
    }

    /// Forgets all rows.
    #[cfg(feature = "ebpf")]
    pub(super) fn clear(&mut self) {
        self.rows.clear();
    }

    fn row(&mut self, kind: Operation, path: String) -> &mut Row {
        let mut key = (kind, path);
        if self.rows.len() >= ROWS_MAX && !self.rows.contains_key(&key) {
            key.1 = OTHERS.to_owned();
        }
        self.rows.entry(key).or_default()
    }

    /// What is not in the rows although it was seen, and what to do.
    pub(super) fn left_out(&self) -> Option<&'static str> {
        self.narrow.is_seen().then_some(
            "reads of 32-bit programs: events do not distinguish their calls from others; try \
             --backend ebpf",
        )
    }

    /// The slowest operations.
    pub(super) fn tails(&self) -> &Tails {
        &self.tails
    }

    /// All rows of a kind, most frequent first.
    pub(super) fn rows(&self, kind: Operation) -> Vec<(&str, &Row)> {
        let of_kind = self.rows.iter().filter(|((k, _), _)| *k == kind);
        let mut rows: Vec<_> = of_kind.map(|((_, path), row)| (path.as_str(), row)).collect();
        rows.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(b.0)));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: i64 = 1 << 40;

    fn at(time_ns: u64, tid: u32, what: What) -> Moment {
        Moment { time_ns, pid: u32::MAX, tid, what }
    }

    fn tally(moments: &[Moment]) -> Tally {
        let mut tally = Tally::default();
        moments.iter().for_each(|m| tally.note(m));
        tally
    }

    #[test]
    fn a_read_takes_from_its_call_to_its_return_on_its_own_thread() {
        let call = What::Call { number: READ, first: 3 };
        let back = |value| What::Return { number: READ, value };
        let tally = tally(&[
            at(100, 1, call),
            at(150, 2, call),
            at(300, 1, back(4096)),
            at(950, 2, back(-5)),
            at(999, 2, back(1)),
        ]);
        let rows = tally.rows(Operation::Read);
        let [(_, row)] = rows[..] else { panic!("{rows:?}") };
        assert_eq!((row.count, row.bytes, row.errors, row.latency.len()), (2, 4096, 1, 2));
        assert_eq!(row.latency.quantile(0.0), Some(200));
        assert!(row.latency.quantile(1.0).is_some_and(|ns| (800..=801).contains(&ns)));
    }

    #[test]
    fn a_fault_without_its_begin_is_counted_and_not_timed() {
        let fault = |major| What::Fault { address: 1, major };
        let tally =
            tally(&[at(10, 1, fault(false)), at(20, 1, What::FaultBegins), at(50, 1, fault(true))]);
        let of = |kind| tally.rows(kind).first().map(|(_, r)| (r.count, r.latency.quantile(1.0)));
        assert_eq!(
            (of(Operation::Minor), of(Operation::Major)),
            (Some((1, None)), Some((1, Some(30))))
        );
    }

    #[test]
    fn the_ring_returns_entries_and_no_bytes() {
        let call = What::Call { number: ENTER, first: 3 };
        let back = What::Return { number: ENTER, value: 64 };
        let tally = tally(&[at(1, 1, call), at(9, 1, back)]);
        let rows = tally.rows(Operation::Read);
        assert_eq!((rows[0].0, rows[0].1.bytes, rows[0].1.errors), (RING, 0, 0));
    }

    #[test]
    fn rows_beyond_the_bound_are_added_to_the_others() {
        let mut tally = Tally::default();
        (0..ROWS_MAX + 10).for_each(|i| tally.add(Operation::Read, i.to_string(), None, Ok(1)));
        let rows = tally.rows(Operation::Read);
        assert_eq!(rows.len(), ROWS_MAX + 1);
        assert_eq!((rows[0].0, rows[0].1.count), (OTHERS, 10));
    }
}
