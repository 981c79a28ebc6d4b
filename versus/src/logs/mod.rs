//! The suite `logs`: the same questions to the programs that people ask them with.

mod cells;
mod data;
mod tools;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use crate::args::LogsArgs;
use crate::harness::host::Host;
use crate::harness::record::{self, RawCell};
use crate::harness::report::{Better, Missing, Report, Row};
use crate::harness::run::{Sample, interleave};
use crate::harness::{cells as names, json, table};
use cells::Cell;
use data::Data;
use tools::{Answer, Group, Tool};

/// Runs the suite and prints the report; whether everybody answered rightly.
pub(crate) fn run(args: &LogsArgs) -> Result<bool, String> {
    let ours = tools::ours()?.display().to_string();
    let dir = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let lines = args.lines.unwrap_or(if args.quick { 430_000 } else { 4_300_000 });
    let gib = if args.quick { 2 } else { 100 };
    if !args.json {
        eprintln!("making logs of {lines} lines, and reading them the slow way");
    }
    let data = Data::make(&dir, lines, gib, args.ndjson.as_deref(), args.seed)?;
    let (all, missing) = cells::all(args, &ours, &data);
    let wanted = |cell: &Cell| names::selected(cell.name, args.cells.as_deref());
    let cells: Vec<_> = all.into_iter().filter(wanted).collect();
    if cells.is_empty() {
        return Err("--cells names no cell; run without it to see them".to_owned());
    }
    let host = Host::of_this_machine();
    let versions = versions_of(&cells);
    let mut report = Report { suite: "logs", host, versions, rows: Vec::new(), missing };
    let mut raw = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        if !args.json {
            eprintln!("{:>3}/{} {}", index + 1, cells.len(), cell.name);
        }
        let rounds = args.runs.map_or(if args.quick { 3 } else { 5 }, usize::from);
        measure(cell, rounds, &mut report, &mut raw);
    }
    let text = if args.json {
        json::export(&report).map_err(|e| format!("cannot write JSON: {e}"))?
    } else {
        table::text(&report)
    };
    println!("{}", text.trim_end());
    if let Some(parent) = &args.record {
        let dir = record::write(parent, &command(args), &report, &raw)
            .map_err(|e| format!("cannot record in {}: {e}", parent.display()))?;
        eprintln!("recorded in {}", dir.display());
    }
    Ok(report.rows.iter().all(|row| row.hash_ok))
}

/// One cell; the first round warms the page cache and is thrown away.
fn measure(cell: &Cell, rounds: usize, report: &mut Report, raw: &mut Vec<RawCell>) {
    let tools: Vec<&Tool> = cell.tools.iter().collect();
    for tool in &tools {
        let _ = tool.run();
    }
    let one = |index: usize| {
        if let Some(path) = &cell.cold {
            drop_pages(path)?;
        }
        let (seconds, answer) = tools[index].run()?;
        let value = cell.bytes.map_or(seconds * 1e3, |bytes| bytes as f64 / seconds / 1e6);
        Ok(Sample { value, hash_ok: agrees(&answer, &cell.answer) })
    };
    let contenders: Vec<_> = tools.iter().map(|tool| tool.name).collect();
    let all = interleave(&contenders, rounds, None, one);
    let (unit, better) =
        if cell.bytes.is_some() { ("MB/s", Better::Higher) } else { ("ms", Better::Lower) };
    for series in all.iter().filter(|s| s.failed.is_some()) {
        report.miss(Missing::new(&series.name, series.failed.as_deref().unwrap_or_default()));
    }
    report.rows.push(Row::of(cell.name, unit, better, "cutwater", &all));
    raw.push(RawCell {
        cell: cell.name.to_owned(),
        unit,
        operations: 1,
        samples: all.iter().map(Into::into).collect(),
    });
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
    tools.filter_map(|t| Some((t.name.to_owned(), tools::version(&t.program)?))).collect()
}

/// The command that does this again; without the places, which mean nothing elsewhere.
fn command(args: &LogsArgs) -> String {
    let mut line = "cargo run --release -p versus -- logs".to_owned();
    if args.quick {
        line.push_str(" --quick");
    }
    if let Some(cells) = &args.cells {
        line.push_str(&format!(" --cells '{cells}'"));
    }
    if let Some(lines) = args.lines {
        line.push_str(&format!(" --lines {lines}"));
    }
    if let Some(runs) = args.runs {
        line.push_str(&format!(" --runs {runs}"));
    }
    line.push_str(&format!(" --seed {}", args.seed));
    line
}
