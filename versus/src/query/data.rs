//! The logs that are asked, made from a seed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use cutwater_lab::SplitMix;
use tempfile::TempDir;

/// The logs.
#[derive(Debug)]
pub(super) struct Data {
    pub log: PathBuf,
    pub owners: PathBuf,
    /// The first lines of the log, some of them cut off.
    pub broken: PathBuf,
    /// A hundredth of the log: times at 50 % and at 51 % of its bytes.
    pub since: String,
    pub until: String,
    _dir: TempDir,
}

/// The owner of each method, for the join.
const OWNERS: &str = "{\"method\":\"GET\",\"team\":\"web\"}\n{\"method\":\"POST\",\"team\":\"shop\"}\n\
                      {\"method\":\"PUT\",\"team\":\"shop\"}\n";

impl Data {
    /// Makes them in `dir`; `ndjson`, with ts, level, method, path, status, bytes and latency_ms,
    /// sorted by ts, is used instead of one of ours, where given.
    pub(super) fn make(
        dir: &Path,
        lines: u64,
        ndjson: Option<&Path>,
        seed: u64,
    ) -> Result<Self, String> {
        let failed = |e: io::Error| format!("cannot make the logs in {}: {e}", dir.display());
        let temp = TempDir::with_prefix_in("versus-query-", dir).map_err(failed)?;
        let own = temp.path().join("log.ndjson");
        if ndjson.is_none() {
            write_log(&own, lines, seed).map_err(failed)?;
        }
        let log = ndjson.map_or(own, Path::to_path_buf);
        let owners = temp.path().join("owners.ndjson");
        std::fs::write(&owners, OWNERS).map_err(failed)?;
        let broken = temp.path().join("broken.ndjson");
        write_broken(&log, &broken, lines / 4).map_err(failed)?;
        let since = time_at(&log, 50).map_err(failed)?;
        let until = time_at(&log, 51).map_err(failed)?;
        Ok(Self { log, owners, broken, since, until, _dir: temp })
    }
}

/// The time of the first record after `percent` of a log's bytes.
fn time_at(log: &Path, percent: u64) -> io::Result<String> {
    let mut file = File::open(log)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size / 100 * percent))?;
    let mut lines = BufReader::new(file.take(1 << 20)).lines();
    lines.next();
    let line = lines.next().transpose()?.unwrap_or_default();
    let value: serde_json::Value = serde_json::from_str(&line)?;
    value["ts"].as_str().map(str::to_owned).ok_or_else(|| io::Error::other("a record without ts"))
}

/// One of this many lines is cut off in its middle.
const CUT_OFF: u64 = 1000;

/// Writes the first lines of `log`, some of them cut off.
fn write_broken(log: &Path, to: &Path, lines: u64) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(to)?);
    let mut reader = BufReader::with_capacity(1 << 20, File::open(log)?);
    let mut line = Vec::new();
    for number in 1..=lines {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if number % CUT_OFF == 0 {
            line.truncate(line.len() / 2);
            line.push(b'\n');
        }
        out.write_all(&line)?;
    }
    out.flush()
}

/// One of a list.
fn pick<'a>(random: &mut SplitMix, list: &[&'a str]) -> &'a str {
    list[random.below(list.len() as u64) as usize]
}

/// Milliseconds from one record to the next, at most.
const STEP_MS: u64 = 34;

fn write_log(path: &Path, lines: u64, seed: u64) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = SplitMix(seed);
    let mut ms = 0;
    for _ in 0..lines {
        ms += random.below(STEP_MS);
        let (day, hour) = (1 + ms / 86_400_000, ms / 3_600_000 % 24);
        let (minute, second, milli) = (ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
        let status = pick(
            &mut random,
            &["200", "200", "200", "200", "204", "304", "404", "429", "500", "503"],
        );
        let method = pick(&mut random, &["GET", "GET", "GET", "POST", "PUT", "DELETE"]);
        let id = random.below(200_000);
        let path = match random.below(5) {
            0 => "/health".to_owned(),
            1 => format!("/api/v1/users/{id}"),
            2 => format!("/cart/{id}"),
            3 => format!("/search?q=term{id}&page=2"),
            _ => format!("/img/{id}.png"),
        };
        write!(
            out,
            "{{\"ts\":\"2026-03-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z\",\
             \"level\":\"info\",\"method\":\"{method}\",\"path\":\"{path}\",\"status\":{status},\
             \"bytes\":{},",
            random.below(60_000)
        )?;
        // Some lack it.
        if random.below(2000) > 0 {
            write!(out, "\"latency_ms\":{}.{:03},", random.below(400), random.below(1000))?;
        }
        let trace = random.below(u64::MAX);
        writeln!(
            out,
            "\"ua\":\"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\",\
             \"trace_id\":\"{trace:032x}\"}}"
        )?;
    }
    out.flush()
}
