//! The tables in README and guides are those of recorded runs, kept under `docs/runs` and `versus/runs`
//! with their host, date, versions, commands and samples.
//!
//! To record another run, on a machine that does nothing else:
//!
//! ```sh
//! cutwater bench --export-json run/bench.json
//! cutwater reproduce --export-json run/reproduce.json
//! CUTWATER_RECORD_RUN=$PWD/run cargo test -p cutwater-cli --test it readme
//! ```
//!
//! This keeps what the tables need and writes them anew; one of the two files is enough to record that
//! one again. A run of `versus` is recorded by its `--record versus/runs` and named in the document by hand;
//! `CUTWATER_UPDATE_README=1` then writes its table. What else the machine did is written by hand, as
//! `note` in the `run.json`. Commit all, remove the older run of the same host.

mod bench;
mod claims;
mod record;
mod versus;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A generated table.
struct Part {
    document: &'static str,
    name: &'static str,
    /// Where its runs are kept.
    runs: &'static str,
    /// The file of a run with what it was made with, and the one with its results.
    about: &'static str,
    file: &'static str,
    text: fn(&Value, &Value) -> String,
}

/// Where runs of the command are kept; those of `versus` are written by its `--record`.
const RUNS: &str = "docs/runs";

const PARTS: [Part; PARTS_COUNT] = [
    Part {
        document: "README.md",
        name: "bench",
        runs: RUNS,
        about: "run.json",
        file: "bench.json",
        text: bench::text,
    },
    Part {
        document: "docs/reproduce.md",
        name: "claims",
        runs: RUNS,
        about: "run.json",
        file: "reproduce.json",
        text: claims::text,
    },
    suite("versus-read"),
    suite("versus-runtime"),
    suite("versus-net"),
    suite("versus-logs"),
];
const PARTS_COUNT: usize = 6;

/// A suite of `versus`.
const fn suite(name: &'static str) -> Part {
    Part {
        document: "docs/figures.md",
        name,
        runs: "versus/runs",
        about: "versions.json",
        file: "raw.json",
        text: versus::text,
    }
}

/// A ratio with its interval, as the programs print it.
fn ratio(interval: &Value) -> String {
    serde_json::from_value::<cutwater_lab::Ratio>(interval.clone())
        .map_or_else(|_| String::new(), |ratio| ratio.to_string())
}

fn root(file: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(file)
}

fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// A document cut at a part: before it, the run that it is of, its text, and what is after it.
fn cut<'a>(document: &'a str, part: &Part) -> [&'a str; 4] {
    let begin = format!("<!-- {} of {}/", part.name, part.runs);
    let (before, rest) = document.split_once(&begin).unwrap();
    let (run, rest) = rest.split_once(" -->\n").unwrap();
    let (text, after) = rest.split_once(&format!("<!-- end of {} -->", part.name)).unwrap();
    [before, run, text, after]
}

/// A document with a part as it is in `run`.
fn with_part(document: &str, part: &Part, run: &str) -> String {
    let [before, _, _, after] = cut(document, part);
    let (name, text) = (part.name, generated(part, run));
    let runs = part.runs;
    format!("{before}<!-- {name} of {runs}/{run} -->\n{text}<!-- end of {name} -->{after}")
}

fn generated(part: &Part, run: &str) -> String {
    let dir = root(part.runs).join(run);
    (part.text)(&json(&dir.join(part.about)), &json(&dir.join(part.file)))
}

#[test]
fn the_tables_are_those_of_the_recorded_run() {
    let recorded = std::env::var_os("CUTWATER_RECORD_RUN").map(|dir| record::keep(Path::new(&dir)));
    let update = recorded.is_some() || std::env::var_os("CUTWATER_UPDATE_README").is_some();
    for part in &PARTS {
        let path = root(part.document);
        let document = std::fs::read_to_string(&path).unwrap();
        let [_, run, text, _] = cut(&document, part);
        if update {
            let newer = recorded.as_ref().filter(|(_, files)| files.contains(&part.file));
            let run = newer.map_or(run, |(run, _)| run);
            std::fs::write(path, with_part(&document, part, run)).unwrap();
        } else {
            assert_eq!(text, generated(part, run), "run again with CUTWATER_UPDATE_README=1");
        }
    }
}

#[test]
fn runs_say_where_and_how_they_were_made_and_name_no_place_of_that_host() {
    if std::env::var_os("CUTWATER_RECORD_RUN").is_some() {
        return cutwater_testing::skip!("a run is being written");
    }
    for dir in std::fs::read_dir(root(RUNS)).unwrap() {
        let dir = dir.unwrap().path();
        let run = json(&dir.join("run.json"));
        for key in ["date", "host", "cutwater", "rustc"] {
            assert!(!run[key].is_null(), "{} has no {key}", dir.display());
        }
        assert!(run["commands"].as_object().is_some_and(|c| !c.is_empty()), "{run}");
        for file in std::fs::read_dir(&dir).unwrap() {
            strings(&json(&file.unwrap().path()), &mut |text| {
                // Files of the kernel have the same names everywhere.
                let is_kernels =
                    |word: &str| word.starts_with("/sys/") || word.starts_with("/proc/");
                let is_place =
                    |word: &str| word.starts_with('/') && word.len() > 1 && !is_kernels(word);
                assert!(!text.split([' ', '"', '\'', '=']).any(is_place), "{text}");
            });
        }
    }
}

fn strings(value: &Value, each: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(all) => all.iter().for_each(|v| strings(v, each)),
        Value::Object(all) => all.values().for_each(|v| strings(v, each)),
        _ => {}
    }
}
