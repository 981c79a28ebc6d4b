//! `cutwater bench`: what each way to read a file gives on this host.

mod args;
mod cache;
mod cells;
mod exports;
mod fio;
mod flames;
mod group;
mod host;
mod html;
mod pass;
mod plan;
mod ranges;
mod reduce;
mod report;
mod rival;
mod shape;
mod subject;
mod summary;
mod table;
mod units;
mod warn;
mod worker;

use std::process::ExitCode;

pub use args::BenchArgs;
use cache::PageCache;
use cutwater_shell::progress::Progress;
use cutwater_shell::stop::Stop;
use exports::Exports;
use flames::Flames;
use group::{Bed, Group};
pub(crate) use host::host;
use pass::Bench;
use plan::Plan;
use report::{Report, Settings, Skipped, Warning};
use rival::Rival;
use subject::Subject;
pub(crate) use subject::memory_available;
pub(crate) use units::size;
use worker::Pool;

use cutwater_shell::Failure;
use cutwater_shell::output_file::{Inputs, OutputFile};
use cutwater_shell::words::shown;
use cutwater_shell::{Outcome, output};

/// Runs `cutwater bench` and prints its report. The exit code is 1 if the paths read different bytes.
///
/// # Errors
/// [`Failure`] for wrong arguments, a file that cannot be read or made, or an export that cannot be
/// written.
pub fn run_bench(args: &BenchArgs) -> Outcome {
    if args.scan {
        return Err(Failure::usage("--scan goes behind `bench`: cutwater bench --scan FILE"));
    }
    let plan = Plan::new(args)?;
    let rivals = rival::asked(args.versus)?;
    let exports = Exports::begin(args, &inputs(args)?)?;
    let stop = Stop::on_signals()
        .map_err(|e| Failure::new("cannot take over SIGINT and SIGTERM").because(e))?;
    // Without it no map may be copied from, and `mmap` would be `pread(2)` under another name.
    // Where there is none (not x86-64), that is what it is, and the table says so.
    let _ = cutwater::sigbus::install();
    let Some(subject) = subject(args, &plan, &stop)? else {
        return Ok(stop.exit_code().unwrap_or(ExitCode::FAILURE));
    };
    let measured = measure(args, plan, &rivals, &subject, &stop);
    subject.close()?;
    let report = measured?;
    exports.write(&report)?;
    if args.json {
        output::json(&report)?;
    } else {
        output::text(&table::conclusion(&report))?;
    }
    if report.cells.iter().any(|c| !c.hash_ok) {
        return Ok(ExitCode::FAILURE);
    }
    Ok(stop.exit_code().unwrap_or(ExitCode::SUCCESS))
}

/// The caller's file or a made one; `None` when stopped while making it.
fn subject(args: &BenchArgs, plan: &Plan, stop: &Stop) -> Result<Option<Subject>, Failure> {
    let subject = match &args.file {
        Some(path) => Some(Subject::given(path)?),
        None => {
            let size = subject::fitting_size(&args.dir, args.size, args.quick)?;
            let progress = Progress::bytes(size, "making a file");
            Subject::make(&args.dir, size, args.seed, stop, |done| progress.at(done))?
        }
    };
    if let Some(subject) = &subject
        && subject.size < plan.block_max()
    {
        return Err(Failure::usage(format!(
            "{} has {}, less than one read of {}; name smaller blocks with --block",
            shown(&subject.path),
            size(subject.size),
            size(plan.block_max())
        )));
    }
    Ok(subject)
}

fn measure(
    args: &BenchArgs,
    mut plan: Plan,
    rivals: &[Rival],
    subject: &Subject,
    stop: &Stop,
) -> Result<Report, Failure> {
    let mut report = begin(args, &plan, subject);
    let cache = PageCache::open(&subject.path, subject.size, args.seed, args.drop_caches)?;
    if let Some(why) = cache.only_warm(&report.file.file_system)? {
        report.skipped.push(Skipped { what: "mixed and cold cells".into(), why });
        plan.only_warm();
    }
    let pool = Pool::new(plan.threads_max(), stop)?;
    let bench = Bench::new(&subject.path, pool);
    let bed = Bed { plan: &plan, rivals, bench: &bench, cache: &cache, size: subject.size, stop };
    groups(args, &bed, &mut report)?;
    conclude(&mut report, stop);
    Ok(report)
}

fn begin(args: &BenchArgs, plan: &Plan, subject: &Subject) -> Report {
    let [warm, cold] = plan.effort();
    Report {
        cutwater: env!("CARGO_PKG_VERSION"),
        host: host(),
        file: host::file(subject),
        settings: Settings {
            time_ms: warm.0.as_secs_f64() * 1e3,
            runs: warm.1,
            cold_time_ms: cold.0.as_secs_f64() * 1e3,
            cold_runs: cold.1,
            seed: plan.seed,
            quick: args.quick,
            drop_caches: args.drop_caches,
            stride_blocks: ranges::STRIDE_BLOCKS,
            zipf_exponent: ranges::ZIPF_EXPONENT,
        },
        cells: Vec::new(),
        peers: Vec::new(),
        skipped: Vec::new(),
        warnings: Vec::new(),
        summary: report::Summary::default(),
        of_best: Vec::new(),
        interrupted: false,
    }
}

/// Measures group after group, and prints each as it is done.
fn groups(args: &BenchArgs, bed: &Bed<'_>, report: &mut Report) -> Result<(), Failure> {
    if !args.json {
        output::text(&format!("{}\n", table::preamble(report)))?;
    }
    let passes = bed.plan.shapes.iter().map(|s| bed.passes(s)).sum();
    let progress = Progress::passes(passes);
    let mut flames = args.flamegraph.as_deref().map(Flames::new).transpose()?;
    for &shape in &bed.plan.shapes {
        if bed.stop.is_set() {
            break;
        }
        progress.doing(&shape.to_string());
        let group = bed.measure(shape, || progress.one_more())?;
        if let Some(flames) = &mut flames {
            flames.record(bed, &group)?;
        }
        let warnings = add(report, &group);
        if !args.json && !group.paths.is_empty() {
            let peers: Vec<_> = report.peers_of(shape).cloned().collect();
            let cells = report.cells_of(shape);
            let text = table::group(shape, cells, &peers, &warnings, args.wide);
            progress.suspended(|| output::text(&format!("{text}\n")))?;
        }
    }
    drop(progress);
    if let Some(flames) = flames {
        let drawn = flames.write(report)?;
        if !args.json {
            output::text(&drawn)?;
        }
    }
    Ok(())
}

/// Adds a group to the report and gives its warnings.
fn add(report: &mut Report, group: &Group) -> Vec<Warning> {
    let (cells, of_best) = reduce::cells(group);
    let warnings = warn::about_group(group.shape, &cells);
    report.of_best.extend(of_best);
    report.cells.extend(cells);
    report.peers.extend(group.rivals.iter().filter_map(|r| rival::peer(group.shape, r)));
    report.warnings.extend(warnings.iter().cloned());
    for (what, why) in &group.refused {
        skip(report, what, why);
    }
    warnings
}

/// Notes what was left out and why, once.
fn skip(report: &mut Report, what: &str, why: &str) {
    if !report.skipped.iter().any(|s| s.what == what && s.why == why) {
        report.skipped.push(Skipped { what: what.into(), why: why.into() });
    }
}

/// What can be said only when all is measured.
fn conclude(report: &mut Report, stop: &Stop) {
    let groups = report.groups();
    let bound = warn::about_device(&groups);
    let summary = summary::summarize(&groups, cutwater_lab::mean(&report.of_best));
    report.warnings.extend(bound);
    report.summary = summary;
    report.interrupted = stop.is_set();
}

/// The inputs. Checks that no output or picture is written over them, or over another one.
fn inputs(args: &BenchArgs) -> Result<Inputs, Failure> {
    let mut inputs = Inputs::new();
    inputs.add_all(&args.file);
    OutputFile::standard(&inputs)?;
    let pictures = args.flamegraph.as_deref().map(flames::pictures).unwrap_or_default();
    let exports = [&args.export_json, &args.export_csv, &args.export_html];
    inputs.check_all(exports.into_iter().flatten().chain(&pictures))?;
    Ok(inputs)
}
