//! A log's lines by a buffered scanner, a whole-file read, and a map.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Instant;

use cutwater::ReadPath;
use cutwater_logs::format::{Definition, Format};
use cutwater_logs::scan::{Request, count_literals, open};
use cutwater_logs::split::Stop;

use super::passes::failed;
use crate::reproduce::claim::{Claim, Measured};
use crate::reproduce::lab::Lab;

/// What is looked for in each line.
const LITERAL: &[u8] = b" 500 ";

pub(super) const CLAIM: Claim = Claim {
    id: "log-scan",
    text: "an access log searched through a map, against a buffered line scanner",
    claimed_ratio: Some(5.9),
    measure: |lab| {
        let path = access_log(lab)?;
        lab.warm(&path)?;
        let bytes = std::fs::metadata(&path).map_err(failed)?.len();
        let sides = lab.interleave(&["map", "line scanner", "whole file"], "s", |side| {
            let started = Instant::now();
            let found = match side {
                0 => by_map(&path)?,
                1 => by_lines(&path)?,
                _ => in_memory(&std::fs::read(&path).map_err(failed)?),
            };
            Ok((started.elapsed().as_secs_f64(), found))
        })?;
        Ok(Measured::less(sides, |s| {
            let rate = |side: usize| bytes as f64 / 1e9 / s[side].median();
            let whole = s[1].median() / s[2].median();
            let (threads, map, lines) = (threads(), rate(0), rate(1));
            format!(
                "{map:.2} GB/s through a map by {threads} threads, {lines:.2} by the scanner's one; the whole-file read is {whole:.2} times the scanner (claimed 1.94)"
            )
        }))
    },
};

fn access_log(lab: &Lab) -> Result<std::path::PathBuf, String> {
    use std::io::Write;
    let path = lab.dir().join("access.log");
    if path.exists() {
        return Ok(path);
    }
    let mut out = std::io::BufWriter::new(File::create(&path).map_err(failed)?);
    for n in 0..lab.sized(1_270_000, 300_000) {
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

fn by_map(path: &Path) -> Result<u64, String> {
    let raw = Definition::Known(Format::Raw);
    let logs = [open(path, ReadPath::Mmap, Some(&raw), &jiff::tz::TimeZone::UTC).map_err(failed)?];
    let request = Request::new(threads());
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
