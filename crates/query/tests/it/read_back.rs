//! Answers in every format, read by other programs and compared with the log that they came from.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{data, has_module, python};
use cutwater_query::output::Format;

/// Which program reads which format; `python` is that language's own library.
const READERS: [(Format, &[&str]); 8] = [
    (Format::Csv, &["python", "duckdb", "pyarrow", "polars"]),
    (Format::Tsv, &["python", "duckdb", "pyarrow", "polars"]),
    (Format::Json, &["python", "jq", "duckdb"]),
    (Format::Ndjson, &["python", "jq", "duckdb"]),
    (Format::Markdown, &["python"]),
    (Format::Arrow, &["pyarrow", "polars"]),
    (Format::ArrowStream, &["pyarrow", "polars"]),
    (Format::Parquet, &["pyarrow", "duckdb", "polars"]),
];

/// What `odd.json` has, and doubles that JSON has no word for.
const COLUMNS: &str = "id, ts, t, n, f, ok, CASE id WHEN 1 THEN CAST('NaN' AS DOUBLE) \
                       WHEN 2 THEN CAST('-Infinity' AS DOUBLE) ELSE f END AS odd";

const LISTS: &str = "CASE WHEN id <> 3 THEN make_array(n, NULL, id) END AS ints, \
                     make_array(t, 'x') AS texts, array_remove(make_array(id), id) AS none";

fn name(format: Format) -> &'static str {
    Format::NAMED.iter().find(|(_, f)| *f == format).map_or("", |(name, _)| *name)
}

fn has_lists(format: Format) -> bool {
    !matches!(format, Format::Csv | Format::Tsv | Format::Markdown)
}

fn can_read(reader: &str) -> bool {
    let program = match reader {
        "jq" => return runs("jq") && runs("python3"),
        "python" => return runs("python3"),
        module => module,
    };
    has_module(program)
}

fn runs(program: &str) -> bool {
    let out = Command::new(program).arg("--version").output();
    out.inspect_err(|e| cutwater_testing::skip!("{program}: {e}")).is_ok()
}

/// The answer, written by the command.
fn write(format: Format, condition: &str, dir: &Path) -> io::Result<PathBuf> {
    let file = dir.join("answer");
    let lists = if has_lists(format) { format!(", {LISTS}") } else { String::new() };
    let sql = format!("SELECT {COLUMNS}{lists} FROM log WHERE {condition} ORDER BY id");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutwater-query"));
    command.args(["-o", name(format), "--output"]).arg(&file).arg(sql).arg(data("odd.json"));
    let out = command.output()?;
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Ok(file)
}

fn read_back(condition: &str, log: &Path) -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    for (format, readers) in READERS {
        let answer = write(format, condition, dir.path())?;
        for reader in readers.iter().filter(|reader| can_read(reader)) {
            let mut script = python("read_back.py");
            let out = script.args([reader, name(format)]).args([&answer, log]).output()?;
            let said = String::from_utf8_lossy(&out.stderr);
            assert!(out.status.success(), "{format:?} by {reader}: {said}");
        }
    }
    Ok(())
}

#[test]
fn other_programs_read_the_values_that_the_log_has() -> io::Result<()> {
    read_back("true", &data("odd.json"))
}

#[test]
fn other_programs_read_an_answer_without_rows() -> io::Result<()> {
    read_back("id < 0", Path::new("none"))
}

/// How an Arrow file is used in place.
struct Mapped {
    rows: u64,
    text: u64,
    bytes: u64,
    /// What Arrow allocated.
    allocated: u64,
    /// What the process has more of that belongs to no file.
    own: u64,
}

fn map(program: &str, file: &Path) -> io::Result<Mapped> {
    let out = python("map.py").arg(program).arg(file).output()?;
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let numbers: Vec<u64> = said.split_whitespace().filter_map(|w| w.parse().ok()).collect();
    let [rows, text, bytes, allocated, own] = numbers[..] else {
        panic!("{program}: {said}{}", String::from_utf8_lossy(&out.stderr));
    };
    Ok(Mapped { rows, text, bytes, allocated, own })
}

#[test]
fn other_programs_use_an_arrow_file_without_a_copy() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("answer.arrow");
    let sql = "SELECT repeat(a._raw, 4) AS one, repeat(b._raw, 4) AS two, \
               repeat(c._raw, 4) AS three, a.ts, c.latency_ms FROM log a, log b, log c";
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutwater-query"));
    command.args(["--quiet", "--output"]).arg(&file).arg(sql).arg(data("app.json"));
    assert!(command.status()?.success());
    for program in ["pyarrow", "duckdb", "polars"] {
        if !has_module("pyarrow") || !has_module(program) {
            continue;
        }
        let Mapped { rows, text, bytes, allocated, own } = map(program, &file)?;
        let texts = std::fs::read_to_string(data("app.json"))?;
        let records = texts.lines().filter(|l| l.starts_with('{') && l.ends_with('}'));
        let expected = records.map(|l| 4 * l.len() as u64).sum::<u64>() * 40 * 40;
        assert_eq!((rows, text), (40 * 40 * 40, expected), "{program}");
        // Polars keeps 16 bytes for each text besides the text itself.
        let room = if program == "polars" { bytes / 20 } else { bytes / 1000 };
        assert!(bytes > 100 << 20 && allocated <= room, "{program}: {allocated} of {bytes}");
        assert!(own < bytes / 4, "{program}: {own} of {bytes}");
    }
    Ok(())
}
