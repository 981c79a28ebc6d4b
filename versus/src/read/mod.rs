//! The suite `read`: the same ranges of the same file through everybody.

mod cells;
mod data;
mod measure;

use std::time::{Duration, Instant};

use cutwater_sys::seccomp::{self, Refusal, SysCall};

use crate::args::ReadArgs;
use crate::harness::host::Host;
use crate::harness::record::{self, RawCell};
use crate::harness::report::{Missing, Report};
use crate::harness::{cells as names, json, table, versions};
use crate::peers::Roster;
use cells::Cell;
use data::DataFile;
use measure::{Bench, Measured};

/// What a quick suite may take, with some of the two minutes left for what is under way.
const QUICK: Duration = Duration::from_secs(100);

/// Runs the suite (`read`, or `runtime`, which compares our runtime) and prints the report;
/// whether everybody read the right bytes.
pub(crate) fn run(args: &ReadArgs, suite: &'static str) -> Result<bool, String> {
    let begun = Instant::now();
    if args.no_rings {
        seccomp::refuse(&SysCall::IO_URING, Refusal::NoSys)
            .map_err(|e| format!("cannot install the filter that --no-rings needs: {e}"))?;
    }
    let mut roster =
        if suite == "runtime" { Roster::of_runtimes() } else { Roster::of_this_build() };
    roster.keep(&args.peers)?;
    let cells: Vec<_> = Cell::all()
        .into_iter()
        .filter(|cell| names::selected(&cell.name(), args.cells.as_deref()))
        .collect();
    if cells.is_empty() {
        let all: Vec<_> = Cell::all().iter().map(Cell::name).collect();
        return Err(format!("--cells names no cell; there are: {}", all.join(", ")));
    }
    let mut report = Report {
        suite,
        host: Host::of_this_machine(),
        versions: versions_of(&roster),
        rows: Vec::new(),
        missing: std::mem::take(&mut roster.missing),
    };
    let raw = measure_all(args, begun, &roster, &cells, &mut report)?;
    show(args, &report)?;
    keep(args, suite, &report, &raw)?;
    Ok(report.rows.iter().all(|row| row.hash_ok))
}

fn measure_all(
    args: &ReadArgs,
    begun: Instant,
    roster: &Roster,
    cells: &[Cell],
    report: &mut Report,
) -> Result<Vec<RawCell>, String> {
    let dir = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let mib = args.size.unwrap_or(if args.quick { 512 } else { 1024 });
    let data = DataFile::make(&dir, mib << 20, args.seed)?;
    let bench = Bench {
        data: &data,
        roster,
        runs: args.runs.map_or(if args.quick { 3 } else { 5 }, usize::from),
        seconds: args.time.unwrap_or(if args.quick { 0.08 } else { 0.4 }),
        seed: args.seed,
        pin: !args.no_pin,
    };
    let mut raw = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        let left = QUICK.saturating_sub(begun.elapsed()) / (cells.len() - index) as u32;
        let deadline = args.quick.then(|| Instant::now() + left);
        if !args.json {
            eprintln!("{:>3}/{} {}", index + 1, cells.len(), cell.name());
        }
        match bench.cell(cell, deadline) {
            Ok(Measured { row, missing, raw: samples }) => {
                report.rows.push(row);
                missing.into_iter().for_each(|m| report.miss(m));
                raw.push(samples);
            }
            Err(why) => report.miss(Missing::new("all", &format!("{}: {why}", cell.name()))),
        }
    }
    Ok(raw)
}

fn versions_of(roster: &Roster) -> std::collections::BTreeMap<String, String> {
    let packages = roster.peers.iter().filter_map(|p| p.package());
    packages.filter_map(|p| Some((p.to_owned(), versions::of(p)?))).collect()
}

fn show(args: &ReadArgs, report: &Report) -> Result<(), String> {
    let text = if args.json {
        json::export(report).map_err(|e| format!("cannot write JSON: {e}"))?
    } else {
        table::text(report)
    };
    println!("{}", text.trim_end());
    Ok(())
}

fn keep(args: &ReadArgs, suite: &str, report: &Report, raw: &[RawCell]) -> Result<(), String> {
    let Some(parent) = &args.record else { return Ok(()) };
    let written = record::write(parent, &command(args, suite), report, raw);
    let dir = written.map_err(|e| format!("cannot record in {}: {e}", parent.display()))?;
    eprintln!("recorded in {}", dir.display());
    Ok(())
}

/// The command that does this again; without the places, which mean nothing elsewhere.
fn command(args: &ReadArgs, suite: &str) -> String {
    let mut line = format!("cargo run --release -p versus -- {suite}");
    let mut add = |flag: String| {
        line.push(' ');
        line.push_str(&flag);
    };
    if args.quick {
        add("--quick".to_owned());
    }
    if let Some(cells) = &args.cells {
        add(format!("--cells '{cells}'"));
    }
    if !args.peers.is_empty() {
        add(format!("--peers {}", args.peers.join(",")));
    }
    if let Some(runs) = args.runs {
        add(format!("--runs {runs}"));
    }
    if let Some(seconds) = args.time {
        add(format!("--time {seconds}"));
    }
    if let Some(size) = args.size {
        add(format!("--size {size}"));
    }
    if args.no_rings {
        add("--no-rings".to_owned());
    }
    if args.no_pin {
        add("--no-pin".to_owned());
    }
    add(format!("--seed {}", args.seed));
    line
}
