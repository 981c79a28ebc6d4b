//! `cutwater scan`: logs at the speed of the read paths.

mod args;
mod arrow;
mod bad;
mod bench;
mod follow;
mod merged;
mod plan;
mod report;
mod rows;
mod summary;
mod table;
mod watch;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cutwater_logs::scan::{
    Counting, Finished, Grouping, Lines, Measure, Part, Profiling, Sink, Tally, count_lines,
    count_literals, scan,
};
use cutwater_logs::split::Stop;

use crate::Outcome;
use crate::failure::Failure;
use plan::{Mode, Plan};

pub(crate) use args::Args;

/// Runs the command.
pub(crate) fn run(mut args: Args) -> Outcome {
    let way = args.bench_way;
    if let Some(bench::Way::Path(path, _)) = way {
        args.path = path;
    }
    // All logs are open while they are scanned.
    cutwater_sys::probe::limits::raise_files();
    // Maps are read through it; without, they are read by pread.
    let _ = cutwater::sigbus::install();
    let mut plan = Plan::new(args)?;
    plan.spares_logs()?;
    match way {
        Some(way) => return bench::run_way(&plan, way),
        None if plan.args.bench => return bench::compare_ways(&plan),
        None => {}
    }
    let started = Instant::now();
    let pages_touched = plan.seek()?;
    let mut watch = watch::Watch::start(plan.progress_bytes())?;
    let running = Arc::clone(&watch.pass);
    let stop = &*running;
    let mut done = match &plan.mode {
        _ if plan.args.follow => follow::follow(&plan, &watch)?,
        Mode::Count => count(&plan, stop)?,
        Mode::Groups { by, measures, limit } => groups(&plan, stop, by, measures, *limit)?,
        Mode::Lines if plan.args.merge => {
            merged::merged(&plan, stop, Lines::default, rows::Writer::lines(&plan)?)?
        }
        Mode::Lines => pass(&plan, stop, Lines::default, rows::Writer::lines(&plan)?)?,
        Mode::Fields(names) => rows::fields(&plan, stop, names)?,
        Mode::Summary => profile(&plan, stop)?,
    };
    watch.finish();
    done.elapsed = started.elapsed();
    done.pages_touched = pages_touched;
    report::print(&plan, &done)?;
    Ok(exit_code(&plan, &watch, &done))
}

fn exit_code(plan: &Plan, watch: &watch::Watch, done: &Done) -> ExitCode {
    let bad = done.tallies.iter().map(|t| t.bad.total()).sum::<u64>();
    if let Some(code) = watch.interrupted() {
        return code;
    }
    if plan.some_missing || !done.failures.is_empty() || (plan.args.strict && bad > 0) {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What a run found.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) tallies: Vec<Tally>,
    pub(crate) failures: Vec<(usize, cutwater_logs::Error)>,
    pub(crate) result: Found,
    /// The first bad lines of each log.
    pub(crate) bad: Vec<(usize, cutwater_logs::bad::BadLine)>,
    pub(crate) elapsed: Duration,
    pub(crate) pages_touched: u64,
}

/// What is printed at the end.
#[derive(Default)]
pub(crate) enum Found {
    /// Everything was written on the way.
    #[default]
    Written,
    /// A count for each log.
    Counts(Vec<u64>),
    /// Groups: names of the columns, and the rows.
    Groups { names: Vec<String>, rows: Vec<report::GroupRow>, left_out: u64 },
    /// All there is to say.
    Profiles(Box<Profiling>),
}

/// What takes the parts of a pass.
pub(super) trait Emit<O>: Send {
    /// A part of log `log`. Break to end the pass.
    fn part(&mut self, log: usize, out: &mut O) -> std::ops::ControlFlow<()>;

    /// After the last part.
    ///
    /// # Errors
    /// When the output could not be written.
    fn finish(&mut self) -> Result<(), Failure>;
}

/// Drops what is not printed part by part.
struct Nothing;

impl Emit<()> for Nothing {
    fn part(&mut self, _: usize, (): &mut ()) -> std::ops::ControlFlow<()> {
        std::ops::ControlFlow::Continue(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// A pass with its bad lines kept and written.
fn run_pass<S: Sink>(
    plan: &Plan,
    stop: &Stop,
    sink: impl FnMut() -> S,
    mut emit: impl Emit<S::Out>,
) -> Result<(Done, Vec<S>), Failure> {
    let mut bad = bad::BadLines::new(plan)?;
    let each = |log: usize, part: &mut Part<S::Out>| {
        bad.add(plan, log, &mut part.bad_lines)?;
        emit.part(log, &mut part.out)
    };
    let Finished { sinks, tallies, failures } = scan(&plan.logs, &plan.request, stop, sink, each);
    let bad = bad.finish()?;
    emit.finish()?;
    Ok((Done { tallies, failures, bad, ..Done::default() }, sinks))
}

fn pass<S: Sink>(
    plan: &Plan,
    stop: &Stop,
    sink: impl FnMut() -> S,
    emit: impl Emit<S::Out>,
) -> Result<Done, Failure> {
    run_pass(plan, stop, sink, emit).map(|(done, _)| done)
}

fn count(plan: &Plan, stop: &Stop) -> Result<Done, Failure> {
    let literals = plan.request.filter.literals().filter(|found| found.decide);
    let whole = plan.request.ranges.iter().all(Option::is_none) && !plan.wants_bad_lines();
    let raw = match &literals {
        Some(l) if whole => Some(count_literals(&plan.logs, &plan.request, stop, &l.texts)),
        None if whole && plan.request.filter.is_empty() => {
            Some(count_lines(&plan.logs, &plan.request, stop))
        }
        _ => None,
    };
    let Some((counted, failures)) = raw else {
        let mut done = pass(plan, stop, || Counting, Nothing)?;
        // Without a choice it is lines that are counted, as where nothing has to be parsed.
        let all = plan.request.filter.is_empty();
        let counts = done.tallies.iter().map(|t| if all { t.lines } else { t.matched }).collect();
        done.result = Found::Counts(counts);
        return Ok(done);
    };
    let is_literal = literals.is_some();
    let counts = counted.iter().map(|c| if is_literal { c.matched } else { c.lines }).collect();
    let tally = |c: &cutwater_logs::scan::Counted| Tally {
        bytes: c.bytes,
        lines: c.lines,
        ..Tally::default()
    };
    let tallies = counted.iter().map(tally).collect();
    Ok(Done { tallies, failures, result: Found::Counts(counts), ..Done::default() })
}

fn groups(
    plan: &Plan,
    stop: &Stop,
    by: &[String],
    measures: &[Measure],
    limit: Option<usize>,
) -> Result<Done, Failure> {
    let (mut done, sinks) = run_pass(plan, stop, || Grouping::new(by, measures), Nothing)?;
    let mut sinks = sinks.into_iter();
    let mut all = sinks.next().unwrap_or_else(|| Grouping::new(by, measures));
    sinks.for_each(|other| all.merge(&other));
    done.result = report::groups(by, measures, &all, limit);
    Ok(done)
}

fn profile(plan: &Plan, stop: &Stop) -> Result<Done, Failure> {
    let (mut done, sinks) = run_pass(plan, stop, Profiling::default, Nothing)?;
    let mut all = Profiling::default();
    sinks.into_iter().for_each(|other| all.merge(other));
    done.result = Found::Profiles(Box::new(all));
    Ok(done)
}
