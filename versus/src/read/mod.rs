//! The suite `read`: the same kind of ranges of the same file through every side.

mod cells;
mod data;
mod measure;
mod regions;
mod slices;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cutwater_sys::seccomp::{self, Refusal, SysCall};

use crate::args::ReadArgs;
use crate::harness::command::CommandLine;
use crate::harness::publish::publish;
use crate::harness::raw::RawCell;
use crate::harness::report::{Missing, Report};
use crate::harness::{cells as names, versions};
use crate::peers::Roster;
pub(crate) use cells::Cell;
pub(crate) use data::DataFile;
pub(crate) use measure::{Bench, Budget, Measured};
pub(crate) use slices::Side;

/// What a quick suite may take, with some of the two minutes left for what is under way.
const QUICK: Duration = Duration::from_secs(95);
/// What a whole suite may take.
const WHOLE: Duration = Duration::from_secs(800);
/// Rounds, where they fit into the time.
const ROUNDS: usize = 12;

/// Runs the suite (`read`, or `runtime`, which compares our runtime) and prints the report;
/// whether every side read the right bytes.
pub(crate) fn run(args: &ReadArgs, suite: &'static str) -> Result<bool, String> {
    let begun = Instant::now();
    if args.no_rings {
        seccomp::refuse(&SysCall::IO_URING, Refusal::NoSys)
            .map_err(|e| format!("cannot install the filter that --no-rings needs: {e}"))?;
    }
    let mut roster =
        if suite == "runtime" { Roster::of_runtimes() } else { Roster::of_this_build() };
    roster.keep(&args.peers)?;
    let cells = selected(args.common.cells.as_deref())?;
    let mut report = Report::new(suite, versions_of(&roster));
    report.missing = std::mem::take(&mut roster.missing);
    let raw = measure_all(args, begun, &roster, &cells, &mut report)?;
    publish(&args.common, command(args, suite), &report, &raw)
}

/// The cells that `patterns` means. Errors when there is none.
pub(crate) fn selected(patterns: Option<&str>) -> Result<Vec<Cell>, String> {
    let mut cells = Cell::all();
    cells.retain(|cell| names::selected(&cell.name(), patterns));
    if cells.is_empty() {
        let all: Vec<_> = Cell::all().iter().map(Cell::name).collect();
        return Err(format!("--cells names no cell; there are: {}", all.join(", ")));
    }
    Ok(cells)
}

fn measure_all(
    args: &ReadArgs,
    begun: Instant,
    roster: &Roster,
    cells: &[Cell],
    report: &mut Report,
) -> Result<Vec<RawCell>, String> {
    let common = &args.common;
    let dir = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let mib = args.size.unwrap_or(if common.quick { 1024 } else { 2048 });
    let data = DataFile::make(&dir, mib << 20, args.seed)?;
    let bench = Bench { data: &data, seconds: args.time, seed: args.seed, pin: !args.no_pin };
    let mut raw = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        let limit = if common.quick { QUICK } else { WHOLE };
        let left = limit.saturating_sub(begun.elapsed()) / (cells.len() - index) as u32;
        let budget = common
            .runs
            .map_or(Budget::Within(left, ROUNDS), |rounds| Budget::Rounds(usize::from(rounds)));
        if !common.json {
            eprintln!("{:>3}/{} {}", index + 1, cells.len(), cell.name());
        }
        match bench.cell(cell, roster, budget) {
            Ok(Measured { row, missing, raw: samples, note }) => {
                report.add(row);
                missing.into_iter().for_each(|m| report.miss(m));
                report.notes.extend(note);
                raw.push(samples);
            }
            Err(why) => report.miss(Missing::new("all", &format!("{}: {why}", cell.name()))),
        }
    }
    Ok(raw)
}

fn versions_of(roster: &Roster) -> BTreeMap<String, String> {
    let packages = roster.peers.iter().filter_map(|p| p.package());
    packages.filter_map(|p| Some((p.to_owned(), versions::locked(p)?))).collect()
}

fn command(args: &ReadArgs, suite: &str) -> String {
    CommandLine::for_suite(suite, &args.common)
        .value("--peers", Some(args.peers.join(",")).filter(|peers| !peers.is_empty()))
        .value("--time", Some(args.time))
        .value("--size", args.size)
        .flag("--no-rings", args.no_rings)
        .flag("--no-pin", args.no_pin)
        .value("--seed", Some(args.seed))
        .finish()
}
