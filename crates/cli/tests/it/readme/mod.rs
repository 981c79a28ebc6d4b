//! The README's tables are those of recorded runs, kept under `docs/runs` and `versus/runs` with their
//! host, date, versions and commands.
//!
//! To record another, on a machine that does nothing else:
//!
//! ```sh
//! cutwater bench --export-json run/bench.json
//! cutwater reproduce --export-json run/reproduce.json
//! CUTWATER_RECORD_RUN=$PWD/run cargo test -p cutwater-cli --test it readme
//! ```
//!
//! which keeps what the tables need of the run and writes the README anew; one of the two files is
//! enough to record that one again. `CUTWATER_UPDATE_README=1` writes the README from the run that
//! is kept, after a change of the tables' form. The table of `versus` is of the run that the README
//! names; another is recorded by `versus -- query --record versus/runs` and named by hand. What there is to say of a run (what else the machine
//! did) is written by hand, as `note` in its `run.json`. Commit both, remove the older run.

mod bench;
mod claims;
mod record;
mod versus;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// What is generated: its name in the README, where its runs are kept, its file in a run and that
/// of what the run was made with, and how it is written.
struct Part {
    name: &'static str,
    runs: &'static str,
    about: &'static str,
    file: &'static str,
    text: fn(&Value, &Value) -> String,
}

/// Where runs of the command are kept; those of `versus` are written by its `--record`.
const RUNS: &str = "docs/runs";

const PARTS: [Part; 3] = [
    Part { name: "bench", runs: RUNS, about: "run.json", file: "bench.json", text: bench::text },
    Part {
        name: "claims",
        runs: RUNS,
        about: "run.json",
        file: "reproduce.json",
        text: claims::text,
    },
    Part {
        name: "versus",
        runs: "versus/runs",
        about: "versions.json",
        file: "raw.json",
        text: versus::text,
    },
];

fn root(file: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(file)
}

fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// The README cut at a part: before it, the run that it is of, its text, and what is after it.
fn cut<'a>(readme: &'a str, part: &Part) -> [&'a str; 4] {
    let begin = format!("<!-- {} of {}/", part.name, part.runs);
    let (before, rest) = readme.split_once(&begin).unwrap();
    let (run, rest) = rest.split_once(" -->\n").unwrap();
    let (text, after) = rest.split_once(&format!("<!-- end of {} -->", part.name)).unwrap();
    [before, run, text, after]
}

/// The README with a part as it is in `run`.
fn with_part(readme: &str, part: &Part, run: &str) -> String {
    let [before, _, _, after] = cut(readme, part);
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
    let mut readme = std::fs::read_to_string(root("README.md")).unwrap();
    if recorded.is_some() || std::env::var_os("CUTWATER_UPDATE_README").is_some() {
        for part in &PARTS {
            let kept = cut(&readme, part)[1].to_owned();
            let newer = recorded.as_ref().filter(|(_, files)| files.contains(&part.file));
            readme = with_part(&readme, part, newer.map_or(&kept, |(run, _)| run));
        }
        std::fs::write(root("README.md"), readme).unwrap();
        return println!("written");
    }
    for part in &PARTS {
        let [_, run, text, _] = cut(&readme, part);
        assert_eq!(text, generated(part, run), "run again with CUTWATER_UPDATE_README=1");
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
                let is_place = |word: &str| word.starts_with('/') && word.len() > 1;
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
