//! Compared with DuckDB, where `python3` on the PATH has it: the same answers.

use std::io;
use std::process::Command;

use crate::support::{data, has_module};

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
    if !has_module("duckdb") {
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
