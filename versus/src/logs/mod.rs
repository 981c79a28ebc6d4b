//! The suite `logs`: the same questions to the programs that people ask them with.

mod cells;
mod data;
mod packed;
mod tools;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use cutwater_lab::{Better, Sample, interleave};

use crate::args::LogsArgs;
use crate::harness::cells as names;
use crate::harness::command::CommandLine;
use crate::harness::publish::publish;
use crate::harness::raw::RawCell;
use crate::harness::report::Report;
use crate::harness::row::Row;
use crate::programs;
use cells::Cell;
use data::Data;
pub(crate) use data::write_ndjson;
use tools::{Answer, Group, Tool};

/// Runs the suite and prints the report; whether all answers were right.
pub(crate) fn run(args: &LogsArgs) -> Result<bool, String> {
    let ours = programs::find_cutwater()?.display().to_string();
    let common = &args.common;
    let dir = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let lines = args.lines.unwrap_or(if common.quick { 430_000 } else { 4_300_000 });
    let gib = if common.quick { 2 } else { 100 };
    if !common.json {
        eprintln!("making logs of {lines} lines, and reading them with a general parser");
    }
    let asked = |cell: &str| names::selected(cell, common.cells.as_deref());
    let data = Data::make(&dir, lines, gib, args.ndjson.as_deref(), args.seed, asked)?;
    let (mut cells, missing) = cells::all(args, &ours, &data);
    cells.retain(|cell| asked(cell.name));
    if cells.is_empty() {
        return Err("--cells names no cell; run without it to see them".to_owned());
    }
    let mut report = Report { missing, ..Report::new("logs", versions_of(&cells)) };
    let mut raw = Vec::new();
    let default = if common.quick { programs::ROUNDS.1 } else { programs::ROUNDS.0 };
    for (index, cell) in cells.iter().enumerate() {
        if !common.json {
            eprintln!("{:>3}/{} {}", index + 1, cells.len(), cell.name);
        }
        measure(cell, common.runs.map_or(default, usize::from), args.seed, &mut report, &mut raw);
    }
    publish(common, command(args), &report, &raw)
}

/// One cell, after a process of each side that warms the page cache and is not counted.
fn measure(cell: &Cell, rounds: usize, seed: u64, report: &mut Report, raw: &mut Vec<RawCell>) {
    let tools: Vec<&Tool> = cell.tools.iter().collect();
    for tool in &tools {
        let _ = tool.ask();
    }
    let one = |index: usize| {
        if let Some(path) = &cell.cold {
            drop_pages(path)?;
        }
        let (seconds, answer) = tools[index].ask()?;
        let value = cell.bytes.map_or(seconds * 1e3, |bytes| bytes as f64 / seconds / 1e6);
        Ok(Sample { value, right: agrees(&answer, &cell.answer) })
    };
    let sides: Vec<_> = tools.iter().map(|tool| tool.name).collect();
    let all = interleave(&sides, rounds, seed, one);
    let (unit, better) =
        if cell.bytes.is_some() { ("MB/s", Better::Higher) } else { ("ms", Better::Lower) };
    report.miss_failed(&all);
    report.add(Row::compare(cell.name, unit, better, "cutwater", &all));
    raw.push(RawCell::new(cell.name, unit, &all));
}

/// Means may differ in the last digit by the order of additions.
fn agrees(given: &Answer, expected: &Answer) -> bool {
    let (Answer::Groups(given), Answer::Groups(expected)) = (given, expected) else {
        return given == expected;
    };
    let same = |(a, b): (&Group, &Group)| {
        a.0 == b.0 && b.1.is_none_or(|mean| a.1.is_some_and(|m| (m - mean).abs() <= 1))
    };
    given.len() == expected.len()
        && given.keys().eq(expected.keys())
        && given.values().zip(expected.values()).all(same)
}

fn drop_pages(path: &Path) -> Result<(), String> {
    let dropped = File::open(path).and_then(|file| {
        file.sync_all()?;
        Ok(rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?)
    });
    dropped.map_err(|e| format!("cannot drop the pages of {}: {e}", path.display()))
}

fn versions_of(cells: &[Cell]) -> BTreeMap<String, String> {
    let tools = cells.iter().flat_map(|cell| &cell.tools);
    tools.filter_map(|t| Some((t.name.to_owned(), programs::version(&t.program)?))).collect()
}

fn command(args: &LogsArgs) -> String {
    CommandLine::for_suite("logs", &args.common)
        .value("--peers", Some(args.peers.join(",")).filter(|peers| !peers.is_empty()))
        .value("--lines", args.lines)
        .value("--seed", Some(args.seed))
        .finish()
}
