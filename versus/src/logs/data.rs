//! The logs that are read, made from a seed, and the right answers, found by a general parser.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use cutwater_lab::SplitMix;
use tempfile::TempDir;

use super::packed::Packed;

/// The right answers for the NDJSON log, by a general parser.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub lines: u64,
    /// Lines with [`LITERAL`] in them.
    pub literal: u64,
    /// Status to count, and to the mean of the latencies, in thousandths.
    pub groups: BTreeMap<String, (u64, i64)>,
}

/// The text that is searched for.
pub(super) const LITERAL: &str = r#""error""#;

/// All files of a run, and the right answers.
#[derive(Debug)]
pub(super) struct Data {
    pub ndjson: PathBuf,
    pub truth: Truth,
    pub access: PathBuf,
    /// Status to count.
    pub access_groups: BTreeMap<String, u64>,
    pub sorted: PathBuf,
    /// A stretch of five seconds in the middle of the sorted log, and its records.
    pub stretch: (String, String, u64),
    pub packed: Packed,
    _dir: TempDir,
}

impl Data {
    /// Makes the logs in `dir`; `ndjson` is used instead of one of ours, where given. Compressed
    /// ones are made for the cells that are `asked` for.
    pub(super) fn make(
        dir: &Path,
        lines: u64,
        sparse_gib: u64,
        ndjson: Option<&Path>,
        seed: u64,
        asked: impl Fn(&str) -> bool,
    ) -> Result<Self, String> {
        let failed = |e: std::io::Error| format!("cannot make the logs in {}: {e}", dir.display());
        let temp = TempDir::with_prefix_in("versus-logs-", dir).map_err(failed)?;
        let own = temp.path().join("log.ndjson");
        if ndjson.is_none() {
            write_ndjson(&own, lines, seed).map_err(failed)?;
        }
        let ndjson = ndjson.map_or(own, Path::to_path_buf);
        let truth = truth_of(&ndjson)?;
        let access = temp.path().join("access.log");
        let access_groups = write_access(&access, lines, seed).map_err(failed)?;
        let sorted = temp.path().join("sorted.ndjson");
        let stretch = write_sparse(&sorted, sparse_gib << 10).map_err(failed)?;
        let packed = Packed::make(temp.path(), &ndjson, asked)?;
        Ok(Self { ndjson, truth, access, access_groups, sorted, stretch, packed, _dir: temp })
    }
}

/// One of a list.
fn pick<'a>(random: &mut SplitMix, list: &[&'a str]) -> &'a str {
    list[random.below(list.len() as u64) as usize]
}

const STATUSES: [&str; 10] = ["200", "200", "200", "200", "200", "200", "304", "404", "500", "301"];
const PATHS: [&str; 5] = ["/", "/health", "/api/v1/users/", "/search?q=a&page=", "/static/app."];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "curl/8.5.0",
    "kube-probe/1.29",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
];

/// 2026-03-01T00:00:00Z.
const BEGIN_S: u64 = 1_772_323_200;

/// Hours, minutes, seconds of a second of the day.
fn clock(second: u64) -> (u64, u64, u64) {
    (second / 3600 % 24, second / 60 % 60, second % 60)
}

/// Writes an NDJSON log of `lines` lines.
pub(crate) fn write_ndjson(path: &Path, lines: u64, seed: u64) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = SplitMix(seed);
    let mut line = String::new();
    for n in 0..lines {
        let (h, m, s) = clock(n * 71_000 / lines);
        let level = if random.below(28) == 0 { "error" } else { "info" };
        let (status, agent) = (pick(&mut random, &STATUSES), pick(&mut random, &AGENTS));
        let (page, id) = (pick(&mut random, &PATHS), random.below(200_000));
        let quoted = if random.below(50) == 0 { r#" \"q\" \u00e9"# } else { "" };
        line.clear();
        // Writing to a string does not fail.
        let _ = write!(
            line,
            r#"{{"ts": "2026-03-01T{h:02}:{m:02}:{s:02}.{:03}Z", "level": "{level}", "method": "GET", "path": "{page}{id}", "status": {status}, "bytes": {}"#,
            n % 1000,
            random.below(100_000)
        );
        if random.below(2000) > 0 {
            let _ =
                write!(line, r#", "latency_ms": {}.{:03}"#, random.below(90), random.below(1000));
        }
        let _ = writeln!(
            line,
            r#", "ua": "{agent}{quoted}", "trace_id": "{:016x}{:016x}"}}"#,
            random.next(),
            random.next()
        );
        out.write_all(line.as_bytes())?;
    }
    out.flush()
}

fn write_access(path: &Path, lines: u64, seed: u64) -> std::io::Result<BTreeMap<String, u64>> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = SplitMix(seed + 1);
    let mut groups = BTreeMap::new();
    for n in 0..lines {
        let (h, m, s) = clock(n * 71_000 / lines);
        let (status, agent, page) =
            (pick(&mut random, &STATUSES), pick(&mut random, &AGENTS), pick(&mut random, &PATHS));
        let (a, b) = (random.below(256), random.below(256));
        writeln!(
            out,
            r#"10.1.{a}.{b} - - [01/Mar/2026:{h:02}:{m:02}:{s:02} +0000] "GET {page}{} HTTP/1.1" {status} {} "http://example.com{page}" "{agent}""#,
            random.below(10_000),
            random.below(100_000)
        )?;
        *groups.entry(status.to_owned()).or_default() += 1;
    }
    out.flush()?;
    Ok(groups)
}

/// A log of `mib` MiB, sorted by time. Every MiB is a second; it begins with 4 KiB of lines and is
/// a hole otherwise.
fn write_sparse(path: &Path, mib: u64) -> std::io::Result<(String, String, u64)> {
    let mut file = File::create(path)?;
    let stamp = |ms: u64| {
        let second = BEGIN_S + ms / 1000;
        let (h, m, s) = clock(second);
        let day = (second - BEGIN_S) / 86_400 + 1;
        format!("2026-03-{day:02}T{h:02}:{m:02}:{s:02}.{:03}Z", ms % 1000)
    };
    for piece in 0..mib {
        let mut text = String::from(if piece == 0 { "" } else { "\n" });
        for n in 0..40 {
            let _ = writeln!(
                text,
                r#"{{"ts":"{}","level":"info","msg":"{piece}-{n}"}}"#,
                stamp(piece * 1000 + n * 25)
            );
        }
        file.seek(SeekFrom::Start(piece << 20))?;
        file.write_all(text.as_bytes())?;
    }
    file.set_len(mib << 20)?;
    let middle = mib / 2 * 1000;
    Ok((stamp(middle), stamp(middle + 5000), 5 * 40))
}

fn truth_of(path: &Path) -> Result<Truth, String> {
    let failed = |e: std::io::Error| format!("cannot read {}: {e}", path.display());
    let mut truth = Truth::default();
    let mut sums: BTreeMap<String, (u64, f64, u64)> = BTreeMap::new();
    for line in BufReader::new(File::open(path).map_err(failed)?).lines() {
        let line = line.map_err(failed)?;
        truth.lines += 1;
        truth.literal += u64::from(line.contains(LITERAL));
        let value: serde_json::Value =
            serde_json::from_str(&line).map_err(|e| format!("{}: {e}", path.display()))?;
        let group = sums.entry(value["status"].to_string()).or_default();
        group.0 += 1;
        if let Some(latency) = value["latency_ms"].as_f64() {
            (group.1, group.2) = (group.1 + latency, group.2 + 1);
        }
    }
    let mean = |(count, sum, with): (u64, f64, u64)| {
        (count, (sum / with.max(1) as f64 * 1000.0).round() as i64)
    };
    truth.groups = sums.into_iter().map(|(status, group)| (status, mean(group))).collect();
    Ok(truth)
}
