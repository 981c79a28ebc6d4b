//! One pass of one path over a cell's list, and everything that it cost.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use cutwater::{File, ReadPath};
use cutwater_meter::{Checksum, Latencies, ReadCounts};
use cutwater_observe::perf::{Counter, Event, Scope};
use cutwater_sys::usage::{self, Usage};

use super::shape::Shape;
use super::worker::{Job, Part, Pool, ReadMode};
use cutwater_shell::Failure;

/// What one pass did and cost.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) seconds: f64,
    pub(super) reads: u64,
    pub(super) bytes: u64,
    pub(super) checksum: Checksum,
    pub(super) latencies: Latencies,
    /// Of the whole process, io-wq workers among it.
    pub(super) usage: Usage,
    /// By the library's own count.
    pub(super) counts: ReadCounts,
    /// By the tracepoint, in a pass that was made for it.
    pub(super) traced_syscalls: Option<u64>,
    pub(super) punts: Option<u64>,
    /// Largest resident set in this pass, bytes.
    pub(super) peak_rss: u64,
    /// Pages of mapped files in the resident set at the end, bytes.
    pub(super) file_rss: u64,
    /// Ranges by the path that `auto` took.
    pub(super) chosen: Vec<(ReadPath, u64)>,
    /// Why it took the last one.
    pub(super) reason: Option<String>,
}

/// Where passes are made.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    pub(super) file: &'a Path,
    pub(super) pool: Pool,
    /// Where it may be opened.
    pub(super) punts: Option<Counter>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(file: &'a Path, pool: Pool) -> Self {
        // After the pool, so that its threads are counted.
        let punts = Counter::open(Event::IoWqPunts, Scope::Process).ok();
        Self { file, pool, punts }
    }

    /// Reads `ranges` through `path`.
    pub(super) fn pass(
        &self,
        path: ReadPath,
        shape: &Shape,
        ranges: &Arc<[Range<u64>]>,
        mode: ReadMode,
    ) -> Result<Sample, Failure> {
        let file = File::options()
            .path(path)
            .depth(shape.depth)
            .pattern(shape.pattern.declared())
            .open(self.file)?;
        let explained = file.clone();
        reset_peak_rss();
        let (punts, counts, used) = (self.punts(), total_counts(), usage::process());
        let job = Job { file, ranges: Arc::clone(ranges), mode };
        let parts = self.pool.run(&job, shape.threads)?;
        let used = usage::process().since(used);
        let counts = total_counts().since(counts);
        let explanation = explained.explain();
        Ok(Sample {
            seconds: elapsed(&parts),
            reads: parts.iter().map(|p| p.reads).sum(),
            bytes: parts.iter().map(|p| p.bytes).sum(),
            checksum: merged_checksum(&parts),
            latencies: merged_latencies(&parts),
            usage: used,
            counts,
            traced_syscalls: parts.iter().map(|p| p.syscalls).sum(),
            punts: self.punts().zip(punts).map(|(after, before)| after.saturating_sub(before)),
            peak_rss: status_bytes("VmHWM:"),
            file_rss: status_bytes("RssFile:"),
            reason: explanation.choices.last().map(|c| c.reason.clone()),
            chosen: explanation.ranges_by_path,
        })
    }

    fn punts(&self) -> Option<u64> {
        self.punts.as_ref().and_then(|c| c.read().ok())
    }
}

/// From the first thread's start to the last one's end.
fn elapsed(parts: &[Part]) -> f64 {
    let began = parts.iter().map(|p| p.began).min();
    let ended = parts.iter().map(|p| p.ended).max();
    began.zip(ended).map_or(0.0, |(began, ended)| (ended - began).as_secs_f64()).max(1e-9)
}

fn merged_checksum(parts: &[Part]) -> Checksum {
    let mut all = Checksum::new();
    parts.iter().for_each(|p| all.merge(p.checksum));
    all
}

fn merged_latencies(parts: &[Part]) -> Latencies {
    let mut all = Latencies::new();
    parts.iter().for_each(|p| all.merge(&p.latencies));
    all
}

fn total_counts() -> ReadCounts {
    cutwater::metrics::counts().into_iter().fold(ReadCounts::default(), |sum, (_, c)| sum.plus(c))
}

/// Sets the high-water mark back to the present size; see `proc_pid_clear_refs(5)`. Where
/// that is refused, the mark is that of the whole process so far.
fn reset_peak_rss() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// A line of `/proc/self/status`, in bytes; 0 where it is not there.
fn status_bytes(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(name));
    let kib = line.and_then(|l| l.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}
