//! A log's lines by a buffered scanner, a whole-file read, and a map.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Instant;

use cutwater::ReadPath;
use cutwater_logs::format::{Definition, Format};
use cutwater_logs::scan::{Request, count_literals, open};
use cutwater_logs::split::Stop;

use super::memory::weighed;
use super::passes::failed;
use crate::reproduce::bed::{Bed, Gauge};
use crate::reproduce::child::{Child, Role};
use crate::reproduce::claim::{Claim, Measured};

/// What is looked for in each line.
const LITERAL: &[u8] = b" 500 ";

const MEMORY: Gauge = Gauge {
    what: "memory that is no page of the file, at its peak",
    unit: "MiB",
    claimed_ratio: None,
};

pub(super) const CLAIM: Claim = Claim {
    id: "log-scan",
    text: "an access log searched through a map, against a buffered line scanner (one thread each)",
    claimed_ratio: Some(5.9),
    measure: |bed| {
        let path = access_log(bed)?;
        bed.warm(&path)?;
        let bytes = std::fs::metadata(&path).map_err(failed)?.len();
        let names = ["map", "line scanner", "whole file", "map, all threads"];
        let sides = bed.interleave(&names, "s", |side| {
            let started = Instant::now();
            let found = match side {
                0 => by_map(&path, 1)?,
                1 => by_lines(&path)?,
                2 => in_memory(&std::fs::read(&path).map_err(failed)?),
                _ => by_map(&path, threads())?,
            };
            Ok((started.elapsed().as_secs_f64(), found))
        })?;
        let memory = bed.beside(MEMORY, &names[..3], |side| {
            let mut child = Child::playing(ROLES[side].0, &path)?;
            let (kib, found) =
                serde_json::from_str::<(u64, u64)>(&child.said()?).map_err(failed)?;
            Ok((kib as f64 / 1024.0, found))
        })?;
        let measured = Measured::less(sides, |s| {
            let rate = |side: usize| bytes as f64 / 1e9 / s[side].median();
            let whole = s[1].median() / s[2].median();
            let (threads, map, lines, all) = (threads(), rate(0), rate(1), rate(3));
            let times = s[1].median() / s[3].median();
            format!(
                "{map:.2} GB/s through a map by one thread, {lines:.2} by the scanner's one; {all:.2} by {threads} threads, {times:.2} times the scanner; the whole-file read is {whole:.2} times the scanner (claimed 1.94)"
            )
        });
        Ok(measured.with([memory]))
    },
};

/// In the order of the sides.
pub(super) const ROLES: [(&str, Role); 3] = [
    ("log-map", |path, say| say(&weighed(|| by_map(path, 1))?)),
    ("log-lines", |path, say| say(&weighed(|| by_lines(path))?)),
    ("log-whole", |path, say| {
        say(&weighed(|| std::fs::read(path).map_err(failed).map(|bytes| in_memory(&bytes)))?)
    }),
];

fn access_log(bed: &Bed) -> Result<std::path::PathBuf, String> {
    use std::io::Write;
    let path = bed.dir().join("access.log");
    if path.exists() {
        return Ok(path);
    }
    let mut out = std::io::BufWriter::new(File::create(&path).map_err(failed)?);
    for n in 0..bed.sized(1_270_000, 300_000) {
        let (status, size) = ([200, 200, 200, 304, 404, 500][(n % 6) as usize], n * 7919 % 100_000);
        let pad = "x".repeat((n % 97) as usize);
        writeln!(out, "10.0.{}.{} - - [01/Mar/2026:10:{:02}:{:02} +0000] \"GET /item/{n}?q={pad} HTTP/1.1\" {status} {size} \"-\" \"agent\"", n % 256, n % 251, n / 60 % 60, n % 60).map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok(path)
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn by_map(path: &Path, threads: usize) -> Result<u64, String> {
    let raw = Definition::Known(Format::Raw);
    let logs = [open(path, ReadPath::Mmap, Some(&raw), &jiff::tz::TimeZone::UTC).map_err(failed)?];
    let request = Request::new(threads);
    let (counted, failures) = count_literals(&logs, &request, &Stop::default(), &[LITERAL]);
    match failures.first() {
        Some((_, e)) => Err(e.to_string()),
        None => Ok(counted[0].matched),
    }
}

fn by_lines(path: &Path) -> Result<u64, String> {
    let finder = |line: &[u8]| line.windows(LITERAL.len()).any(|w| w == LITERAL);
    let mut found = 0;
    for line in BufReader::new(File::open(path).map_err(failed)?).split(b'\n') {
        found += u64::from(finder(&line.map_err(failed)?));
    }
    Ok(found)
}

fn in_memory(bytes: &[u8]) -> u64 {
    let has = |line: &&[u8]| line.windows(LITERAL.len()).any(|w| w == LITERAL);
    bytes.split(|&b| b == b'\n').filter(has).count() as u64
}
