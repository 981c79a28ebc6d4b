//! The suite `query`: the same SQL to `cutwater-query` and to DuckDB, answers compared.

mod answers;
mod data;
mod questions;
mod tools;

use std::collections::BTreeMap;

use crate::args::QueryArgs;
use crate::harness::host::Host;
use crate::harness::record::{self, RawCell};
use crate::harness::report::{Better, Missing, Report, Row};
use crate::harness::run::{Sample, interleave};
use crate::harness::{cells as names, json, table};
use answers::Answers;
use data::Data;
use questions::{QUESTIONS, Question};
use tools::{Tool, Tools, same};

/// Runs the suite and prints the report; whether all gave the same answers.
pub(crate) fn run(args: &QueryArgs) -> Result<bool, String> {
    let wanted = |q: &&Question| names::selected(q.name, args.cells.as_deref());
    let questions: Vec<_> = QUESTIONS.iter().filter(wanted).collect();
    if questions.is_empty() {
        return Err("--cells names no cell; run without it to see them".to_owned());
    }
    let dir = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let lines = args.lines.unwrap_or(if args.quick { 430_000 } else { 4_300_000 });
    let data = Data::make(&dir, lines, args.ndjson.as_deref(), args.seed)?;
    let tools = Tools::find(args, &data)?;
    let mut answers = Answers::open(args.answers.as_deref())?;
    if answers.are_new() && !tools.missing.is_empty() {
        return Err("--answers names no file, and DuckDB, whose answers it would get, is not here"
            .to_owned());
    }
    let missing = tools.missing.clone();
    let host = Host::of_this_machine();
    let versions = tools.versions.clone();
    let mut report = Report { suite: "query", host, versions, rows: Vec::new(), missing };
    let mut raw = Vec::new();
    let rounds = args.runs.map_or(if args.quick { 3 } else { 5 }, usize::from);
    for (index, question) in questions.iter().enumerate() {
        if !args.json {
            eprintln!("{:>3}/{} {}", index + 1, questions.len(), question.name);
        }
        measure(question, &tools, rounds, &mut answers, &mut report, &mut raw);
    }
    answers.write()?;
    let text = if args.json {
        json::export(&report).map_err(|e| format!("cannot write JSON: {e}"))?
    } else {
        table::text(&report) + &geometric_mean(&report)
    };
    println!("{}", text.trim_end());
    if let Some(parent) = &args.record {
        let command = format!("cargo run --release -p versus -- query --seed {}", args.seed);
        let dir = record::write(parent, &command, &report, &raw)
            .map_err(|e| format!("cannot record in {}: {e}", parent.display()))?;
        eprintln!("recorded in {}", dir.display());
    }
    Ok(report.rows.iter().all(|row| row.hash_ok))
}

/// One question; the first round warms the page cache, gives the answers to compare, and is not
/// counted.
fn measure(
    question: &Question,
    tools: &Tools,
    rounds: usize,
    answers: &mut Answers,
    report: &mut Report,
    raw: &mut Vec<RawCell>,
) {
    let all: Vec<&Tool> = tools.all.iter().filter(|tool| tool.answers(question)).collect();
    let first: Vec<_> = all.iter().map(|tool| tool.ask(question)).collect();
    // The peer's answer is the one to have, as far as it has one and none is kept.
    if let Some((_, rows)) = first.iter().rev().find_map(|answer| answer.as_ref().ok()) {
        answers.keep(question.name, rows);
    }
    let expected = answers.of(question.name);
    let one = |index: usize| {
        let (seconds, rows) = all[index].ask(question)?;
        let hash_ok = expected.is_some_and(|e| same(&rows, e));
        Ok(Sample { value: seconds * 1e3, hash_ok })
    };
    let contenders: Vec<_> = all.iter().map(|tool| tool.name).collect();
    let series = interleave(&contenders, rounds, None, one);
    for failed in series.iter().filter(|s| s.failed.is_some()) {
        report.miss(Missing::new(&failed.name, failed.failed.as_deref().unwrap_or_default()));
    }
    report.rows.push(Row::of(question.name, "ms", Better::Lower, "cutwater", &series));
    raw.push(RawCell {
        cell: question.name.to_owned(),
        unit: "ms",
        operations: 1,
        samples: series.iter().map(Into::into).collect(),
    });
}

/// How many times as fast ours is as each peer, over all questions.
fn geometric_mean(report: &Report) -> String {
    let mut logs: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for row in &report.rows {
        for (name, theirs) in &row.peers {
            if let Some(ours) = row.ours {
                logs.entry(name).or_default().push(row.better.ratio(ours, *theirs).ln());
            }
        }
    }
    let line = |(name, logs): (&&str, &Vec<f64>)| {
        let mean = (logs.iter().sum::<f64>() / logs.len() as f64).exp();
        format!("{mean:.2} times as fast as {name} in the geometric mean of {}\n", logs.len())
    };
    logs.iter().map(line).collect()
}
