//! Keeps of a run what its tables are made of.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

use super::{PARTS, RUNS, json, root};

/// What is kept of each cell of `bench`, besides the rate of every slice; counters of the kernel are not.
const OF_CELL: [&str; 15] = [
    "cache",
    "pattern",
    "block",
    "depth",
    "threads",
    "path",
    "bytes_per_s",
    "spread",
    "of_best",
    "interval",
    "word",
    "p50_ns",
    "p99_ns",
    "hash_ok",
    "reason",
];

/// Keeps what is in `dir` under `docs/runs`; gives the run's name and the files that it has.
pub(super) fn keep(dir: &Path) -> (String, Vec<&'static str>) {
    let ours = PARTS.iter().filter(|part| part.runs == RUNS);
    let given: Vec<_> = ours.map(|p| p.file).filter(|f| dir.join(f).exists()).collect();
    assert!(!given.is_empty(), "{} has no file of a run", dir.display());
    let host = host();
    let date: String = jiff::Timestamp::now().to_string().chars().take(10).collect();
    let name = format!("{date}-{}", cutwater_lab::Host::detect().slug());
    let to = root(RUNS).join(&name);
    fs::create_dir_all(&to).unwrap();
    let old = if to.join("run.json").exists() { json(&to.join("run.json")) } else { Value::Null };
    let mut commands = old["commands"].as_object().cloned().unwrap_or_default();
    for file in &given {
        let command = file.trim_end_matches(".json");
        commands
            .insert((*file).to_owned(), format!("cutwater {command} --export-json {file}").into());
        let slim = match *file {
            "bench.json" => bench(&json(&dir.join(file))),
            _ => claims(json(&dir.join(file))),
        };
        write(&to.join(file), &slim);
    }
    let rustc = Command::new("rustc").arg("--version").output().unwrap().stdout;
    let rustc = String::from_utf8(rustc).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    write(
        &to.join("run.json"),
        &json!({"date": date, "host": host, "cutwater": version, "rustc": rustc.trim(), "commands": commands}),
    );
    (name, given)
}

/// This host without its name; the kernel without the suffix of who built it.
fn host() -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let memory = field(&read("/proc/meminfo"), "MemTotal");
    let kib: u64 = memory.split(' ').next().and_then(|n| n.parse().ok()).unwrap();
    let cpus = std::thread::available_parallelism().unwrap();
    json!({
        "cpu": field(&read("/proc/cpuinfo"), "model name"),
        "cpus": cpus,
        "memory_gib": (kib as f64 / f64::from(1 << 20)).round(),
        "kernel": read("/proc/sys/kernel/osrelease").trim().split('-').next(),
    })
}

fn bench(run: &Value) -> Value {
    let cell = |cell: &Value| -> Value {
        let slices = cell["runs"].as_array().unwrap().iter();
        let rates = slices.map(|slice| slice["bytes_per_s"].clone()).collect::<Vec<_>>();
        let kept = OF_CELL.iter().map(|key| ((*key).to_owned(), cell[key].clone()));
        kept.chain([("bytes_per_s_of_slices".to_owned(), rates.into())])
            .collect::<Map<_, _>>()
            .into()
    };
    let mut cells = run["cells"].as_array().unwrap().iter().map(cell).collect();
    shorten(&mut cells);
    let file = &run["file"];
    json!({
        "file": {"bytes": file["bytes"], "file_system": file["file_system"]},
        "settings": run["settings"],
        "warnings": run["warnings"],
        "summary": run["summary"],
        "cells": cells,
    })
}

fn claims(mut run: Value) -> Value {
    // The run has it.
    run["host"].as_object_mut().unwrap().remove("kernel");
    shorten(&mut run["claims"]);
    run
}

/// Six digits that count: the others mean nothing.
fn shorten(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            *value = format!("{:.5e}", number.as_f64().unwrap()).parse::<f64>().unwrap().into();
        }
        Value::Array(all) => all.iter_mut().for_each(shorten),
        Value::Object(all) => all.values_mut().for_each(shorten),
        _ => {}
    }
}

/// A line for each member of the lists.
fn write(path: &Path, value: &Value) {
    let mut text = String::from("{\n");
    let all = value.as_object().unwrap();
    for (i, (key, value)) in all.iter().enumerate() {
        let end = if i + 1 == all.len() { "\n}\n" } else { ",\n" };
        let value = match value {
            Value::Array(items) if !items.is_empty() => {
                let items: Vec<_> = items.iter().map(Value::to_string).collect();
                format!("[\n{}\n]", items.join(",\n"))
            }
            other => other.to_string(),
        };
        text.push_str(&format!("\"{key}\": {value}{end}"));
    }
    fs::write(path, text).unwrap();
}
