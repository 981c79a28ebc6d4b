//! Faults and reads added up inside the kernel.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cutwater_observe::bpf::{self, FileId, Tracer};
use cutwater_observe::perf::Start;

use super::files::Files;
use super::frames::UNKEPT;
use super::operation::Operation;
use super::tail::{Spent, Tails};
use super::tally::{OTHERS, RING, Row, Tally};

/// Between two looks for the names of files.
const NAMES_EVERY: Duration = Duration::from_millis(10);
/// Memory without a file; which memory is not known here.
const ANONYMOUS: &str = "[anonymous]";

/// The programs in the kernel, and the names of the files in what they add up.
#[derive(Debug)]
pub(super) struct InKernel {
    tracer: Tracer,
    files: Files,
    looked: Instant,
}

impl InKernel {
    /// Starts; the error says why not.
    pub(super) fn open(pid: u32, start: Start) -> Result<Self, String> {
        let tracer = Tracer::open(pid, start).map_err(|e| e.to_string())?;
        Ok(Self { tracer, files: Files::default(), looked: Instant::now() })
    }

    /// What is not seen, and why.
    pub(super) fn missing(&self) -> Vec<String> {
        self.tracer.missing().iter().map(ToString::to_string).collect()
    }

    /// Learns names while the processes have the files open; with `all`, for the last time.
    pub(super) fn look(&mut self, all: bool) {
        if all || self.looked.elapsed() >= NAMES_EVERY {
            let ids = self.tracer.files().into_iter().filter_map(|file| match file {
                FileId::Inode(dev, ino) => Some((dev, ino)),
                _ => None,
            });
            self.files.look(ids, || self.tracer.processes());
            self.looked = Instant::now();
        }
    }

    /// Stops; what was added up stays.
    pub(super) fn stop(&mut self) {
        self.tracer.stop();
    }

    /// Replaces the rows of `tally` by what was added up.
    pub(super) fn fill(&self, tally: &mut Tally) {
        tally.clear();
        let mut rows = self.tracer.rows();
        // The rows that matter least come last: they may find no room in the tally.
        rows.sort_by_key(|row| std::cmp::Reverse(row.count));
        for row in rows {
            tally.add_row(kind(row.kind), self.name(row.file), &summed(&row));
        }
        tally.set_tails(self.tails());
    }

    fn tails(&self) -> Tails {
        let mut tails = Tails::default();
        for span in self.tracer.spans() {
            tails.add_span(kind(span.kind), span.from_ns, span.count, span.total_ns);
        }
        for seen in self.tracer.tail_stacks() {
            let chain = seen.stack.unwrap_or(UNKEPT);
            let of_chain = Spent { off_ns: seen.off_ns, samples: seen.samples };
            tails.add_seen(kind(seen.kind), seen.from_ns, chain, of_chain);
        }
        tails
    }

    /// Why the report cannot show what the kernel does in the slowest operations.
    pub(super) fn no_frames(&self) -> Option<String> {
        self.tracer.no_frames().map(ToString::to_string)
    }

    /// Kernel functions by the numbers of their stacks.
    pub(super) fn chains(&self) -> HashMap<u32, Vec<u64>> {
        self.tracer.chains()
    }

    /// Events that found no room.
    pub(super) fn lost(&self) -> u64 {
        self.tracer.dropped()
    }

    fn name(&self, file: FileId) -> &str {
        match file {
            FileId::Anonymous => ANONYMOUS,
            FileId::Ring => RING,
            FileId::Others => OTHERS,
            FileId::Inode(dev, ino) => self.files.name((dev, ino)),
        }
    }
}

fn kind(kind: bpf::Operation) -> Operation {
    match kind {
        bpf::Operation::Major => Operation::Major,
        bpf::Operation::Minor => Operation::Minor,
        bpf::Operation::Read => Operation::Read,
    }
}

fn summed(row: &bpf::Row) -> Row {
    let mut sum = Row { count: row.count, bytes: row.bytes, errors: row.errors, ..Row::default() };
    for (ns, times) in &row.times {
        sum.latency.record_many(*ns, *times);
    }
    sum
}
