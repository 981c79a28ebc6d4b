//! One way to read a log, in a process of its own, so that its memory is its own.

use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use cutwater::maps::LeaseOptions;
use cutwater::{Frozen, ReadPath};
use cutwater_logs::scan::{Counting, Feed, Grouping, Sink, Tally, scan};
use cutwater_logs::split::Stop;
use cutwater_observe::perf::SamplerOptions;
use cutwater_sys::alloc_count::allocations;
use cutwater_sys::usage;
use serde::{Deserialize, Serialize};

use super::super::plan::{Output, Plan};
use cutwater_flame::{self as flame, FlameError, Graph, Recording};
use cutwater_shell::Failure;
use cutwater_shell::words::shown;

/// A way to get at the lines of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A buffered reader that is asked for one line after the other.
    LineReader,
    /// The whole file read into memory.
    WholeFile,
    /// The whole file mapped, its bytes used in place.
    Map,
    /// Our pieces, read by one of the paths with this many threads.
    Path(ReadPath, usize),
}

impl Way {
    /// The classic ways, and each of our paths with one thread and with `threads`.
    pub(super) fn all(threads: usize) -> Vec<Self> {
        let mut ways = vec![Self::LineReader, Self::WholeFile, Self::Map];
        let counts = if threads > 1 { vec![1, threads] } else { vec![1] };
        for threads in counts {
            ways.extend(ReadPath::ALL.into_iter().map(|path| Self::Path(path, threads)));
        }
        ways
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineReader => f.pad("line-reader"),
            Self::WholeFile => f.pad("whole-file"),
            Self::Map => f.pad("map"),
            Self::Path(path, threads) => f.pad(&format!("{path}/{threads}")),
        }
    }
}

impl FromStr for Way {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let classic = [Self::LineReader, Self::WholeFile, Self::Map];
        if let Some(way) = classic.into_iter().find(|way| way.to_string() == name) {
            return Ok(way);
        }
        let parts =
            name.rsplit_once('/').and_then(|(p, n)| Some((p.parse().ok()?, n.parse().ok()?)));
        parts.map(|(p, n)| Self::Path(p, n)).ok_or_else(|| format!("{name:?} is not a way to read"))
    }
}

/// What a pass cost and found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cost {
    pub(super) elapsed_s: f64,
    pub(super) cpu_s: f64,
    pub(super) peak_rss_bytes: u64,
    pub(super) allocations: u64,
    pub(super) minor_faults: u64,
    pub(super) major_faults: u64,
    pub(super) found: Found,
}

/// What every way must find alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) bytes: u64,
    pub(super) lines: u64,
    pub(super) records: u64,
    pub(super) matched: u64,
    pub(super) bad_lines: u64,
    /// The groups, where records are grouped.
    pub(super) groups: String,
}

/// Makes one pass; with a graph of it in the directory `flame`.
pub(super) fn measure(plan: &Plan, way: Way, flame: Option<&Path>) -> Result<Cost, Failure> {
    match &plan.output {
        Output::Groups { by, measures, .. } => {
            pass(plan, way, flame, || Grouping::new(by, measures))
        }
        _ => pass(plan, way, flame, || Counting),
    }
}

/// What a sink found besides the counts, as text.
trait Describe {
    fn describe(sinks: Vec<Self>) -> String
    where
        Self: Sized;
}

impl Describe for Counting {
    fn describe(_: Vec<Self>) -> String {
        String::new()
    }
}

impl Describe for Grouping {
    fn describe(sinks: Vec<Self>) -> String {
        let merged = sinks.into_iter().reduce(|mut all, one| {
            all.merge(&one);
            all
        });
        // Sums depend on the order in the last digits only.
        let group = |(key, count, values): (_, u64, Vec<Option<f64>>)| {
            let values = values.iter().flatten().map(|v| format!("{v:.6e}")).collect::<Vec<_>>();
            format!("{key:?} {count} {}", values.join(" "))
        };
        let groups = merged.map(|all| all.groups()).unwrap_or_default();
        groups.into_iter().map(group).collect::<Vec<_>>().join("; ")
    }
}

fn pass<S: Sink + Describe>(
    plan: &Plan,
    way: Way,
    flame: Option<&Path>,
    sink: impl Fn() -> S,
) -> Result<Cost, Failure> {
    let path = &plan.logs[0].input.path;
    let failed = |e| Failure::new(format!("cannot read {}", shown(path))).because(e);
    let options = SamplerOptions { off_cpu: true, ..SamplerOptions::default() };
    let recording = flame.map(|_| Recording::start(options)).transpose();
    let recording = recording.map_err(|e| Failure::new("cannot draw a flame graph").because(e))?;
    let (usage_before, allocations_before) = (usage::process(), allocations());
    let started = Instant::now();
    let (tally, sinks) = match way {
        Way::Path(..) => {
            let mut request = plan.request.clone();
            if let Way::Path(_, threads) = way {
                request.threads = threads;
            }
            let go_on = |_: usize, _: &mut _| std::ops::ControlFlow::Continue(());
            let mut done = scan(&plan.logs[..1], &request, &Stop::default(), sink, go_on);
            if let Some((_, e)) = done.failures.pop() {
                return Err(e.into());
            }
            (done.tallies.pop().unwrap_or_default(), done.sinks)
        }
        Way::LineReader => feed(plan, sink(), |each| by_lines(path, each)).map_err(failed)?,
        Way::WholeFile => feed(plan, sink(), |each| {
            each(0, &fs::read(path)?);
            Ok(())
        })
        .map_err(failed)?,
        Way::Map => {
            let frozen = Frozen::by_lease(path, &LeaseOptions::default())?;
            let give = |each: &mut dyn FnMut(u64, &[u8])| {
                each(0, frozen.as_bytes());
                Ok(())
            };
            feed(plan, sink(), give).map_err(failed)?
        }
    };
    let elapsed_s = started.elapsed().as_secs_f64();
    let allocations = allocations() - allocations_before;
    let used = usage::process().since(usage_before);
    if let (Some(recording), Some(dir)) = (recording, flame) {
        draw(recording, dir, way)?;
    }
    Ok(Cost {
        elapsed_s,
        cpu_s: (used.user_ns + used.system_ns) as f64 / 1e9,
        peak_rss_bytes: usage::process().peak_rss_bytes,
        allocations,
        minor_faults: used.minor_faults,
        major_faults: used.major_faults,
        found: Found {
            bytes: tally.bytes,
            lines: tally.lines,
            records: tally.records,
            matched: tally.matched,
            bad_lines: tally.bad.total(),
            groups: S::describe(sinks),
        },
    })
}

/// Bytes parsed at a time when the whole file is in memory: offsets in a block have 32 bits.
const SLICE_BYTES: usize = 64 << 20;

/// Parses what `give` gives, by one thread.
fn feed<S: Sink>(
    plan: &Plan,
    sink: S,
    give: impl FnOnce(&mut dyn FnMut(u64, &[u8])) -> std::io::Result<()>,
) -> std::io::Result<(Tally, Vec<S>)> {
    let mut feed = Feed::new(&plan.logs, &plan.request, sink);
    let mut tally = Tally::default();
    give(&mut |offset, bytes| {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let end = if rest.len() <= SLICE_BYTES {
                rest.len()
            } else {
                let cut = rest[..SLICE_BYTES].iter().rposition(|&b| b == b'\n');
                cut.map_or(SLICE_BYTES, |cut| cut + 1)
            };
            tally.merge(&feed.lines(0, offset + at as u64, &rest[..end]).tally);
            at += end;
        }
    })?;
    tally.merge(&feed.flush(0).tally);
    Ok((tally, vec![feed.into_sink()]))
}

fn by_lines(path: &Path, each: &mut dyn FnMut(u64, &[u8])) -> std::io::Result<()> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut line, mut offset) = (Vec::new(), 0);
    loop {
        line.clear();
        let n = reader.read_until(b'\n', &mut line)?;
        if n == 0 {
            return Ok(());
        }
        each(offset, &line);
        offset += n as u64;
    }
}

/// The file that a flame graph of `way` is drawn into, in the directory `dir`.
pub(super) fn picture(dir: &Path, way: Way) -> PathBuf {
    dir.join(format!("{}.svg", way.to_string().replace('/', "-")))
}

fn draw(recording: Recording, dir: &Path, way: Way) -> Result<(), Failure> {
    let mut graph = Graph::default();
    graph.add(recording, None);
    let file = picture(dir, way);
    let title = format!("cutwater scan: {way}");
    let failed = |e, file: &Path| Failure::new(format!("cannot write {}", shown(file))).because(e);
    graph.write(&file, &title).map_err(|e| failed(e, &file))?;
    let beside = flame::beside(&file);
    match graph.write_off_cpu(&beside, &title) {
        // A way that never waits has no second picture.
        Ok(_) | Err(FlameError::NoWaits(_)) => Ok(()),
        Err(e) => Err(failed(e, &beside)),
    }
}
