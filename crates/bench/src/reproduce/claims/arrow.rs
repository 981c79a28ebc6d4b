//! Rows handed to another process, as Arrow IPC or as JSON.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use cutwater_lab::stats::median;
use serde::{Deserialize, Serialize};

use super::memory::own_kib;
use super::passes::failed;
use crate::reproduce::child::{Child, Role};
use crate::reproduce::claim::{Claim, Measured};

/// Rows of one batch.
const BATCH: u64 = 8192;

/// A row, parsed into its own type and not into a tree of values.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    id: i64,
    path: String,
    status: i64,
    seconds: f64,
}

impl Row {
    fn number(n: u64) -> Self {
        Self {
            id: n as i64,
            path: format!("/item/{}", n % 1000),
            status: 200 + n as i64 % 5,
            seconds: n as f64 / 8.0,
        }
    }

    fn sum(&self) -> u64 {
        sum_of(self.id, &self.path, self.status, self.seconds)
    }
}

fn sum_of(id: i64, path: &str, status: i64, seconds: f64) -> u64 {
    let path = path.bytes().fold(0u64, |sum, b| sum.wrapping_mul(31) + u64::from(b));
    (id as u64 ^ path).wrapping_mul(status as u64).wrapping_add(seconds.to_bits())
}

pub(super) const CLAIM: Claim = Claim {
    id: "arrow",
    text: "structured rows handed over as Arrow IPC, against JSON: memory of the process that takes them",
    claimed_ratio: Some(3.2),
    measure: |bed| {
        let rows = bed.sized(500_000, 100_000);
        let (arrow, json) = (bed.dir().join("rows.arrow"), bed.dir().join("rows.json"));
        write_arrow(&arrow, rows).and_then(|()| write_json(&json, rows))?;
        let takers = [("rows-arrow", &arrow), ("rows-typed", &json), ("rows-any", &json)];
        let mut ms = [const { Vec::new() }; 3];
        let names = ["Arrow IPC", "JSON, into structs", "JSON, into any"];
        let sides = bed.interleave(&names, "MiB", |side| {
            let mut child = Child::playing(takers[side].0, takers[side].1)?;
            let taken: Taken = serde_json::from_str(&child.said()?).map_err(failed)?;
            ms[side].push(taken.ms);
            Ok((taken.kib.max(1) as f64 / 1024.0, taken.sum))
        })?;
        Ok(Measured::less(sides, |s| {
            let [arrow, typed, any] = ms.map(|ms| median(&ms).unwrap_or_default());
            format!(
                "{rows} rows are taken over in {arrow:.1} ms, against {typed:.0} ms of parsing into structs; into a tree of any values it is {:.1} times the memory and {any:.0} ms",
                s[2].median() / s[0].median()
            )
        }))
    },
};

pub(super) const ROLES: [(&str, Role); 3] = [
    ("rows-arrow", |path, say| {
        let taken = take(
            || read_arrow(path),
            |batches| batches.iter().map(sum_batch).fold(0, u64::wrapping_add),
        );
        taken.and_then(|(line, _kept)| say(&line))
    }),
    ("rows-typed", |path, say| {
        let sum = |rows: &Vec<Row>| rows.iter().map(Row::sum).fold(0, u64::wrapping_add);
        take(|| read_json(path), sum).and_then(|(line, _kept)| say(&line))
    }),
    ("rows-any", |path, say| {
        take(|| read_json(path), |rows: &Vec<_>| sum_any(rows)).and_then(|(line, _kept)| say(&line))
    }),
];

/// What a process says when it has taken the rows over.
#[derive(Debug, Serialize, Deserialize)]
struct Taken {
    kib: u64,
    ms: f64,
    sum: u64,
}

/// Takes rows over and says what that cost; they stay with the caller.
fn take<T>(
    read: impl FnOnce() -> Result<T, String>,
    sum: impl FnOnce(&T) -> u64,
) -> Result<(String, T), String> {
    let before = own_kib()?;
    let started = Instant::now();
    let rows = read()?;
    let ms = started.elapsed().as_secs_f64() * 1e3;
    let kib = own_kib()?.saturating_sub(before);
    let line = serde_json::to_string(&Taken { kib, ms, sum: sum(&rows) }).map_err(failed)?;
    Ok((line, rows))
}

fn write_json(path: &Path, rows: u64) -> Result<(), String> {
    let mut out = BufWriter::new(File::create(path).map_err(failed)?);
    for n in 0..rows {
        serde_json::to_writer(&mut out, &Row::number(n)).map_err(failed)?;
        out.write_all(b"\n").map_err(failed)?;
    }
    out.flush().map_err(failed)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<T>, String> {
    let (mut rows, mut line) = (Vec::new(), Vec::new());
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    while file.read_until(b'\n', &mut line).map_err(failed)? > 0 {
        rows.push(serde_json::from_slice(&line).map_err(failed)?);
        line.clear();
    }
    // Room that a vector took ahead is not part of the rows.
    rows.shrink_to_fit();
    Ok(rows)
}

fn sum_any(rows: &[serde_json::Value]) -> u64 {
    let sum = |row: &serde_json::Value| {
        let path = row["path"].as_str().unwrap_or_default();
        let number = |name| row[name].as_i64().unwrap_or_default();
        sum_of(number("id"), path, number("status"), row["seconds"].as_f64().unwrap_or_default())
    };
    rows.iter().map(sum).fold(0, u64::wrapping_add)
}

fn write_arrow(path: &Path, rows: u64) -> Result<(), String> {
    let mut out = None;
    for from in (0..rows).step_by(BATCH as usize) {
        let batch = batch((from..rows.min(from + BATCH)).map(Row::number).collect())?;
        let out = match &mut out {
            Some(out) => out,
            none => {
                let file = BufWriter::new(File::create(path).map_err(failed)?);
                none.insert(StreamWriter::try_new(file, &batch.schema()).map_err(failed)?)
            }
        };
        out.write(&batch).map_err(failed)?;
    }
    match out {
        Some(mut out) => out.finish().and_then(|()| Ok(out.get_mut().flush()?)).map_err(failed),
        None => Err("there are no rows".into()),
    }
}

fn batch(rows: Vec<Row>) -> Result<RecordBatch, String> {
    let ids = Int64Array::from_iter_values(rows.iter().map(|row| row.id));
    let paths = StringArray::from_iter_values(rows.iter().map(|row| &row.path));
    let statuses = Int64Array::from_iter_values(rows.iter().map(|row| row.status));
    let seconds = Float64Array::from_iter_values(rows.iter().map(|row| row.seconds));
    let columns: [(&str, Arc<dyn Array>); 4] = [
        ("id", Arc::new(ids)),
        ("path", Arc::new(paths)),
        ("status", Arc::new(statuses)),
        ("seconds", Arc::new(seconds)),
    ];
    RecordBatch::try_from_iter(columns).map_err(failed)
}

fn read_arrow(path: &Path) -> Result<Vec<RecordBatch>, String> {
    let file = BufReader::new(File::open(path).map_err(failed)?);
    let batches: Result<_, _> = StreamReader::try_new(file, None).map_err(failed)?.collect();
    batches.map_err(failed)
}

fn sum_batch(batch: &RecordBatch) -> u64 {
    let column = |n: usize| batch.column(n).as_any();
    let (id, status) = (column(0).downcast_ref(), column(2).downcast_ref());
    let (path, seconds) = (column(1).downcast_ref(), column(3).downcast_ref());
    let (Some(id), Some(path)) = (id as Option<&Int64Array>, path as Option<&StringArray>) else {
        return 0;
    };
    let (Some(status), Some(seconds)) =
        (status as Option<&Int64Array>, seconds as Option<&Float64Array>)
    else {
        return 0;
    };
    (0..batch.num_rows())
        .map(|n| sum_of(id.value(n), path.value(n), status.value(n), seconds.value(n)))
        .fold(0, u64::wrapping_add)
}
