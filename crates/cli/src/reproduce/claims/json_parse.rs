//! JSON lines by a general parser and by one that knows what is wanted.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use cutwater::ReadPath;
use cutwater_logs::scan::{Grouping, Measure, Request, open, scan};
use cutwater_logs::split::Stop;

use super::passes::failed;
use crate::reproduce::claim::{Claim, Measured};
use crate::reproduce::lab::Lab;

pub(super) const CLAIM: Claim = Claim {
    id: "json-parse",
    text: "a million JSON lines by a fast parser, against a general one (one thread each)",
    claimed_ratio: Some(2.7),
    measure: |lab| {
        let path = json_log(lab)?;
        lab.warm(&path)?;
        let sides = lab.interleave(&["projecting", "general"], "s", |side| {
            let started = Instant::now();
            let bytes = if side == 0 { projecting(&path)? } else { general(&path)? };
            Ok((started.elapsed().as_secs_f64(), bytes))
        })?;
        Ok(Measured::less(sides, |s| {
            format!(
                "{:.0} against {:.0} ms; the one said to be fast parses the two fields asked for and checks that the rest is valid, the general one builds every value",
                s[0].median() * 1e3,
                s[1].median() * 1e3
            )
        }))
    },
};

fn json_log(lab: &Lab) -> Result<PathBuf, String> {
    let path = lab.dir().join("log.json");
    if path.exists() {
        return Ok(path);
    }
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path).map_err(failed)?);
    for n in 0..lab.sized(1_000_000, 200_000) {
        writeln!(out, r#"{{"ts":"2026-03-01T10:00:00Z","level":"info","status":{},"bytes":{},"path":"/item/{n}","agent":"x \"y\" z"}}"#, 200 + n % 5, n * 7919 % 100_000).map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok(path)
}

/// The sums of bytes by status, as one number.
fn general(path: &Path) -> Result<u64, String> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for line in BufReader::new(std::fs::File::open(path).map_err(failed)?).lines() {
        let value: serde_json::Value =
            serde_json::from_str(&line.map_err(failed)?).map_err(failed)?;
        *sums.entry(value["status"].to_string()).or_default() +=
            value["bytes"].as_u64().unwrap_or(0);
    }
    Ok(sums.into_values().enumerate().map(|(n, sum)| sum * (n as u64 + 1)).sum())
}

fn projecting(path: &Path) -> Result<u64, String> {
    let logs = [open(path, ReadPath::Auto, None, &jiff::tz::TimeZone::UTC).map_err(failed)?];
    let (by, measures) = (["status".to_owned()], [Measure::Sum("bytes".into())]);
    let go_on = |_: usize, _: &mut _| ControlFlow::Continue(());
    let done =
        scan(&logs, &Request::new(1), &Stop::default(), || Grouping::new(&by, &measures), go_on);
    let groups = done.sinks.first().map(Grouping::groups).unwrap_or_default();
    let sums: BTreeMap<_, _> =
        groups.into_iter().map(|(key, _, sums)| (key, sums[0].unwrap_or(0.0) as u64)).collect();
    Ok(sums.into_values().enumerate().map(|(n, sum)| sum * (n as u64 + 1)).sum())
}
