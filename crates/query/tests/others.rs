//! Beside other programs, where they are here: DuckDB for answers, pyarrow for files without a
//! copy. `python3` on the PATH is asked for them.

mod support;

use std::io;
use std::process::{Command, Stdio};

use support::data;

/// Whether Python has a module.
fn has(module: &str) -> bool {
    let asked = Command::new("python3")
        .args(["-c", &format!("import {module}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let has = asked.is_ok_and(|status| status.success());
    if !has {
        cutwater_testing::skip!("python3 has no {module}");
    }
    has
}

fn ours(sql: &str, more: &[&str]) -> io::Result<String> {
    let out = Command::new(env!("CARGO_BIN_EXE_cutwater-query"))
        .arg("--quiet")
        .args(more)
        .arg(sql)
        .arg(data("app.json"))
        .output()?;
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

const DUCKDB: &str = "
import sys, csv, duckdb
con = duckdb.connect()
con.execute(f\"CREATE TABLE log AS SELECT * FROM read_json('{sys.argv[1]}', format='newline_delimited', ignore_errors=true) WHERE ts IS NOT NULL\")
out = csv.writer(sys.stdout, lineterminator='\\n')
r = con.execute(sys.argv[2])
out.writerow([d[0] for d in r.description])
out.writerows(r.fetchall())
";

#[test]
fn duckdb_answers_the_same() -> io::Result<()> {
    if !has("duckdb") {
        return Ok(());
    }
    for sql in [
        "SELECT count(*) AS n, count(level) AS l, count(latency_ms) AS m FROM log",
        "SELECT level, count(*) AS n, sum(status) AS s FROM log GROUP BY level ORDER BY n DESC",
        "SELECT path, status FROM log WHERE path LIKE '%a%' AND status <> 503 ORDER BY ts",
        "SELECT count(*) AS n FROM log WHERE path >= '/c' AND path < '/m' OR latency_ms > 30.5",
        "SELECT path FROM log WHERE latency_ms IS NULL ORDER BY ts",
        "SELECT status, max(latency_ms) AS m FROM log WHERE ok GROUP BY status ORDER BY status",
        "SELECT count(*) AS n FROM log WHERE ts < TIMESTAMP '2026-03-01 10:05:00'",
        "SELECT path, count(*) AS n FROM log GROUP BY path HAVING count(*) > 1 ORDER BY path",
        "SELECT level, rank() OVER (ORDER BY status, latency_ms) AS r FROM log \
         WHERE latency_ms < 20 ORDER BY r",
    ] {
        let out =
            Command::new("python3").args(["-c", DUCKDB]).arg(data("app.json")).arg(sql).output()?;
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let theirs = String::from_utf8_lossy(&out.stdout).into_owned();
        assert_eq!(numbers_alike(&ours(sql, &["-o", "csv"])?), numbers_alike(&theirs), "{sql}");
    }
    Ok(())
}

/// `26.0` and `26` are the same number.
fn numbers_alike(csv: &str) -> Vec<Vec<String>> {
    let cell = |c: &str| c.parse::<f64>().map_or(c.to_owned(), |n| n.to_string());
    csv.lines().map(|line| line.split(',').map(cell).collect()).collect()
}

const PYARROW: &str = "
import sys, pyarrow as pa
with pa.memory_map(sys.argv[1]) as file:
    table = pa.ipc.open_file(file).read_all()
    print(table.num_rows, table.nbytes, pa.total_allocated_bytes())
";

#[test]
fn pyarrow_maps_an_arrow_file_without_a_copy() -> io::Result<()> {
    if !has("pyarrow") {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("answer.arrow");
    let path = file.display().to_string();
    let sql = "SELECT a.path, b._raw, b.ts FROM log a, log b, log c";
    ours(sql, &["--output", &path])?;
    let out = Command::new("python3").args(["-c", PYARROW]).arg(&file).output()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|w| w.parse().ok()).collect();
    let [rows, bytes, allocated] = numbers[..] else {
        panic!("{text}{}", String::from_utf8_lossy(&out.stderr));
    };
    assert_eq!(rows, 40 * 40 * 40, "{text}");
    assert!(bytes > 1 << 20 && allocated < bytes / 100, "{text}");
    Ok(())
}
