//! `cutwater scan`: logs at the speed of the read paths.
//!
//! `args` -> `plan` -> a `pass` with a sink of `records`, `count`, `groups` or `summary` -> `report`.

mod absent;
mod args;
mod arrow;
mod bad;
mod bench;
mod count;
mod done;
mod follow;
mod groups;
mod json;
mod merged;
mod pass;
mod plan;
mod records;
mod report;
mod rows;
mod summary;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use cutwater_logs::split::Stop;
use cutwater_shell::logs::prepare_process;
use cutwater_shell::progress::Reading;
use cutwater_shell::stop::Watch;
use cutwater_shell::words::counted;
use cutwater_shell::{Failure, Outcome, note};

use done::Done;
use plan::{Output, Plan};

pub(crate) use args::Args;
pub(crate) use bench::bench_of_scan;

/// Runs the command; flame graphs of it go to `flamegraph`.
pub(crate) fn run(args: Args, flamegraph: Option<PathBuf>) -> Outcome {
    prepare_process();
    let pictures = match &flamegraph {
        Some(dir) if args.bench => bench::pictures(dir, args.logs.threads()),
        Some(file) => cutwater_flame::pictures(file)?.to_vec(),
        None => Vec::new(),
    };
    let mut plan = Plan::resolve(args, flamegraph, &pictures)?;
    if let Some(options) = &plan.bench {
        return bench::compare_ways(&plan, options);
    }
    let started = Instant::now();
    let sought = plan.seek()?;
    let stop = Arc::<Stop>::default();
    let (to_stop, read) = (Arc::clone(&stop), Arc::clone(&stop));
    let watch = Watch::start(move || to_stop.stop())?;
    let bar = plan.progress_bytes().and_then(|total| Reading::start(total, move || read.bytes()));
    let mut done = pass(&plan, &stop, &watch)?;
    // The bar would be in the way of what is printed now.
    drop(bar);
    if stop.threads_refused() > 0 {
        let threads = counted(stop.threads_refused() as u64, "thread");
        note(&format!("{threads} could not be started; the others did the work; see: ulimit -u"));
    }
    done.elapsed = started.elapsed();
    done.pages_touched = sought.pages_touched;
    done.relied_on_order = sought.relied_on_order;
    done.absent = absent::fields(&plan, &done, &stop);
    report::print(&plan, &done)?;
    report::note_empty_range(&plan, &done, &sought);
    Ok(watch.exit_code().unwrap_or_else(|| exit_code(&plan, &done)))
}

/// Reads the logs; prints records on the way.
fn pass(plan: &Plan, stop: &Stop, watch: &Watch) -> Result<Done, Failure> {
    match &plan.output {
        Output::Count { json, lines: true } => Ok(count::count_lines_of(plan, stop, *json)),
        Output::Count { json, lines: false } => count::count(plan, stop, *json),
        Output::Groups { by, measures, limit, form } => {
            groups::group(plan, stop, by, measures, *limit, *form)
        }
        Output::Summary { json } => summary::profile(plan, stop, *json),
        Output::Records(records) => records::print(plan, records, stop, watch),
    }
}

fn exit_code(plan: &Plan, done: &Done) -> ExitCode {
    let strictly_bad = plan.strict && done.bad_lines() > 0;
    if plan.some_missing || !done.failures.is_empty() || strictly_bad || !done.absent.is_empty() {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
