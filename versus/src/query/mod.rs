//! The suite `query`: the same SQL to `cutwater-query` and to DuckDB, answers compared.

mod answers;
mod data;
mod questions;
mod tools;

use cutwater_lab::{Better, Sample, Series, interleave};

use crate::args::QueryArgs;
use crate::harness::cells as names;
use crate::harness::command::CommandLine;
use crate::harness::publish::publish;
use crate::harness::raw::RawCell;
use crate::harness::report::Report;
use crate::harness::row::Row;
use crate::programs;
use answers::Answers;
use data::Data;
use questions::{QUESTIONS, Question};
use tools::{Tool, Tools, same};

/// Runs the suite and prints the report; whether all gave the same answers.
pub(crate) fn run(args: &QueryArgs) -> Result<bool, String> {
    let common = &args.common;
    let wanted = |q: &&Question| names::selected(q.name, common.cells.as_deref());
    let questions: Vec<_> = QUESTIONS.iter().filter(wanted).collect();
    if questions.is_empty() {
        return Err("--cells names no cell; run without it to see them".to_owned());
    }
    let dir = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let lines = args.lines.unwrap_or(if common.quick { 430_000 } else { 4_300_000 });
    let data = Data::make(&dir, lines, args.ndjson.as_deref(), args.seed)?;
    let mut tools = Tools::find(args, &data)?;
    let mut answers = Answers::open(args.answers.as_deref())?;
    if answers.are_new() && !tools.missing.is_empty() {
        return Err("--answers names no file, and DuckDB, whose answers it would get, is not here"
            .to_owned());
    }
    let mut report = Report::new("query", std::mem::take(&mut tools.versions));
    report.missing = std::mem::take(&mut tools.missing);
    if args.answers.is_none() && !tools.all.iter().any(|tool| tool.name.starts_with("duckdb")) {
        let why = "answers were compared with nothing but ours: DuckDB is not here, and --answers names no file";
        report.notes.push(why.to_owned());
    }
    let mut raw = Vec::new();
    let default = if common.quick { programs::ROUNDS.1 } else { programs::ROUNDS.0 };
    let rounds = common.runs.map_or(default, usize::from);
    for (index, question) in questions.iter().enumerate() {
        if !common.json {
            eprintln!("{:>3}/{} {}", index + 1, questions.len(), question.name);
        }
        let (series, row) = measure(question, &tools, rounds, args.seed, &mut answers);
        report.miss_failed(&series);
        report.add(row);
        raw.push(RawCell::new(question.name, "ms", &series));
    }
    answers.write()?;
    publish(common, command(args), &report, &raw)
}

/// One question; each side is asked once before the rounds, which warms the page cache and gives
/// the answers to compare with.
fn measure(
    question: &Question,
    tools: &Tools,
    rounds: usize,
    seed: u64,
    answers: &mut Answers,
) -> (Vec<Series>, Row) {
    let all: Vec<&Tool> = tools.all.iter().filter(|tool| tool.answers(question)).collect();
    let first: Vec<_> = all.iter().map(|tool| tool.ask(question)).collect();
    // A peer's answer is the expected one, unless the file has one.
    if let Some((_, rows)) = first.iter().rev().find_map(|answer| answer.as_ref().ok()) {
        answers.keep(question.name, rows);
    }
    let expected = answers.get(question.name);
    let one = |index: usize| {
        let (seconds, rows) = all[index].ask(question)?;
        Ok(Sample { value: seconds * 1e3, right: expected.is_some_and(|e| same(&rows, e)) })
    };
    let sides: Vec<_> = all.iter().map(|tool| tool.name).collect();
    let series = interleave(&sides, rounds, seed, one);
    let row = Row::compare(question.name, "ms", Better::Lower, "cutwater", &series);
    (series, row)
}

fn command(args: &QueryArgs) -> String {
    CommandLine::for_suite("query", &args.common)
        .value("--lines", args.lines)
        .value("--threads", Some(args.threads))
        .value("--seed", Some(args.seed))
        .finish()
}
