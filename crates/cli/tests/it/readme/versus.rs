//! The table of a recorded run of the suite `query` of `versus`.

use std::fmt::Write;

use serde_json::Value;

/// What each is called in the recorded run.
const OURS: &str = "cutwater";
const THEIRS: [(&str, &str); 2] = [("duckdb", "DuckDB's query"), ("duckdb-process", "its process")];

pub(super) fn text(versions: &Value, raw: &Value) -> String {
    let cells = raw["cells"].as_array().unwrap();
    let rounds = cells[0]["samples"][0]["values"].as_array().unwrap().len();
    let mut text = format!(
        "The same SQL on the same raw log of 4,300,000 JSON lines (1.1 GB, in the page cache), {} as a \
         whole process beside {}; milliseconds, medians of {rounds} interleaved runs, answers compared \
         value by value.\n\n| question | Cutwater |",
        versions[OURS].as_str().unwrap(),
        versions["duckdb"].as_str().unwrap(),
    );
    THEIRS.iter().for_each(|(_, title)| _ = write!(text, " {title} |"));
    text.push_str(" times as fast |\n|---|---:|---:|---:|---:|\n");
    let mut ratios = Vec::new();
    for cell in cells {
        assert!(is_right(cell), "an answer was wrong: {cell}");
        let ours = median(cell, OURS);
        let theirs = THEIRS.map(|(name, _)| median(cell, name));
        ratios.push(theirs[0] / ours);
        let _ = write!(text, "| {} | {ours:.0} |", cell["cell"].as_str().unwrap());
        theirs.iter().for_each(|ms| _ = write!(text, " {ms:.0} |"));
        let _ = writeln!(text, " {:.2} |", theirs[0] / ours);
    }
    let mean = (ratios.iter().map(|r| r.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let _ = writeln!(text, "\n{mean:.2} times as fast as DuckDB's query in the geometric mean.");
    text
}

fn sample<'a>(cell: &'a Value, name: &str) -> &'a Value {
    let samples = cell["samples"].as_array().unwrap();
    samples.iter().find(|s| s["name"] == name).unwrap()
}

fn is_right(cell: &Value) -> bool {
    let names = THEIRS.iter().map(|(name, _)| *name).chain([OURS]);
    names.into_iter().all(|name| sample(cell, name)["hash_ok"] == true)
}

fn median(cell: &Value, name: &str) -> f64 {
    let values = sample(cell, name)["values"].as_array().unwrap();
    let mut values: Vec<_> = values.iter().map(|v| v.as_f64().unwrap()).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
