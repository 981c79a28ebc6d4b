//! JSON lines by a general parser and by one that knows the wanted fields.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use cutwater::ReadPath;
use cutwater_logs::scan::{Grouping, Measure, Request, open, scan};
use cutwater_logs::split::Stop;
use serde::Deserialize;

use super::memory::weighed;
use super::passes::failed;
use crate::reproduce::bed::{Bed, Gauge};
use crate::reproduce::child::{Child, Role};
use crate::reproduce::claim::{Claim, Measured};

const MEMORY: Gauge =
    Gauge { what: "memory at its peak", unit: "MiB", claimed_ratio: Some(196.0 / 83.0) };

/// The wanted fields of a line.
#[derive(Debug, Deserialize)]
struct Wanted {
    status: u64,
    bytes: u64,
}

pub(super) const CLAIM: Claim = Claim {
    id: "json-parse",
    text: "two values of a million JSON lines by a fast parser, against a general one (one thread each)",
    claimed_ratio: Some(2.7),
    measure: |bed| {
        let path = json_log(bed)?;
        bed.warm(&path)?;
        let names = ["projecting", "general", "general, every value"];
        let sides = bed.interleave(&names, "s", |side| {
            let started = Instant::now();
            let sums = SIDES[side](&path)?;
            Ok((started.elapsed().as_secs_f64(), sums))
        })?;
        let memory = bed.beside(MEMORY, &names, |side| {
            let mut child = Child::playing(ROLES[side].0, &path)?;
            let (kib, sums) = serde_json::from_str::<(u64, u64)>(&child.said()?).map_err(failed)?;
            Ok((kib as f64 / 1024.0, sums))
        })?;
        let measured = Measured::less(sides, |s| {
            let [fast, general, every] = [0, 1, 2].map(|side: usize| s[side].median() * 1e3);
            format!(
                "{fast:.0} against {general:.0} ms, where both give the two fields and check that the rest is valid; a general parser that builds every value takes {every:.0} ms, {:.2} times the fast one",
                every / fast
            )
        });
        Ok(measured.with([memory]))
    },
};

/// Reads a log and gives the sums of it.
type Parse = fn(&Path) -> Result<u64, String>;

const SIDES: [Parse; 3] = [projecting, general, every_value];

/// In the order of the sides.
pub(super) const ROLES: [(&str, Role); 3] = [
    ("json-projecting", |path, say| say(&weighed(|| projecting(path))?)),
    ("json-general", |path, say| say(&weighed(|| general(path))?)),
    ("json-every", |path, say| say(&weighed(|| every_value(path))?)),
];

fn json_log(bed: &Bed) -> Result<PathBuf, String> {
    let path = bed.dir().join("log.json");
    if path.exists() {
        return Ok(path);
    }
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path).map_err(failed)?);
    for n in 0..bed.sized(1_000_000, 200_000) {
        writeln!(out, r#"{{"ts":"2026-03-01T10:00:00Z","level":"info","status":{},"bytes":{},"path":"/item/{n}","agent":"x \"y\" z"}}"#, 200 + n % 5, n * 7919 % 100_000).map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok(path)
}

/// The sums of bytes by status, as one number.
fn as_one(sums: BTreeMap<u64, u64>) -> u64 {
    sums.into_values().enumerate().map(|(n, sum)| sum * (n as u64 + 1)).sum()
}

/// The sums, with `parse` for each line.
fn by_lines(path: &Path, parse: fn(&str) -> Result<Wanted, String>) -> Result<u64, String> {
    let mut sums = BTreeMap::new();
    for line in BufReader::new(std::fs::File::open(path).map_err(failed)?).lines() {
        let Wanted { status, bytes } = parse(&line.map_err(failed)?)?;
        *sums.entry(status).or_default() += bytes;
    }
    Ok(as_one(sums))
}

fn general(path: &Path) -> Result<u64, String> {
    by_lines(path, |line| serde_json::from_str(line).map_err(failed))
}

fn every_value(path: &Path) -> Result<u64, String> {
    by_lines(path, |line| {
        let value: serde_json::Value = serde_json::from_str(line).map_err(failed)?;
        let number = |name: &str| value[name].as_u64().ok_or_else(|| format!("no {name}"));
        Ok(Wanted { status: number("status")?, bytes: number("bytes")? })
    })
}

fn projecting(path: &Path) -> Result<u64, String> {
    let logs = [open(path, ReadPath::Auto, None, &jiff::tz::TimeZone::UTC).map_err(failed)?];
    let (by, measures) = (["status".to_owned()], [Measure::Sum("bytes".into())]);
    let go_on = |_: usize, _: &mut _| ControlFlow::Continue(());
    let done =
        scan(&logs, &Request::new(1), &Stop::default(), || Grouping::new(&by, &measures), go_on);
    let groups = done.sinks.first().map(Grouping::groups).unwrap_or_default();
    let mut sums = BTreeMap::new();
    for (key, _, measured) in groups {
        let status = key.first().and_then(|value| str::from_utf8(value.as_deref()?).ok());
        let status = status.ok_or("a line has no status")?.parse().map_err(failed)?;
        sums.insert(status, measured[0].unwrap_or(0.0) as u64);
    }
    Ok(as_one(sums))
}
