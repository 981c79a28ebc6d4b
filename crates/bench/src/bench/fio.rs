//! fio beside our paths: one job through the installed `fio`, its JSON answer as figures.
//!
//! See `fio(1)`. Nothing is written: every job is started with `--readonly`.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use cutwater_shell::words::shown;

/// What the installed fio calls itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    /// As in 3.33.
    pub(super) major: u32,
    /// As in 3.33.
    pub(super) minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fio-{}.{}", self.major, self.minor)
    }
}

/// fio's engines that are of the kinds that we have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    /// `pread(2)`.
    Psync,
    /// `preadv2(2)`.
    Pvsync2,
    /// A copy from a map.
    Mmap,
    /// `io_uring(7)`.
    IoUring,
}

impl Engine {
    /// All of them, in the order in which reports list them.
    pub(super) const ALL: [Self; 4] = [Self::Psync, Self::Pvsync2, Self::Mmap, Self::IoUring];

    /// fio's name for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Psync => "psync",
            Self::Pvsync2 => "pvsync2",
            Self::Mmap => "mmap",
            Self::IoUring => "io_uring",
        }
    }
}

/// The order of the offsets, as far as fio can say it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Order {
    /// Ascending; of several threads, each has its own part of the file.
    Seq,
    /// Each block once, in no order.
    Rand,
    /// Ascending, with this many bytes left out after each read.
    Stride(u64),
    /// Random, some blocks more often: Zipf with this theta.
    Zipf(f64),
}

/// When a job ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Until {
    /// After this many reads of all threads together, or this time at most.
    Reads(u64, Duration),
    /// After this time.
    Time(Duration),
}

/// One job.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FioJob {
    /// How to read.
    pub(super) engine: Engine,
    /// Past the page cache (`O_DIRECT`).
    pub(super) direct: bool,
    /// What to read; it has to exist.
    pub(super) file: PathBuf,
    /// Bytes of one read.
    pub(super) block: u64,
    /// Reads in flight on each thread. Only the ring has more than one.
    pub(super) depth: u32,
    /// Threads.
    pub(super) threads: u32,
    /// The order of the offsets.
    pub(super) order: Order,
    /// When it ends.
    pub(super) until: Until,
    /// Whether fio drops the file from the page cache first.
    pub(super) cold: bool,
    /// Seed of random orders.
    pub(super) seed: u64,
}

/// What a job gave.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FioResult {
    /// Reads per second of all threads together.
    pub(super) ops_per_s: f64,
    /// Bytes per second of all threads together.
    pub(super) bytes_per_s: f64,
    /// Reads done.
    pub(super) reads: u64,
    /// Completion latency, nanoseconds: the median and two high percentiles.
    pub(super) p50_ns: u64,
    /// 99 of 100 reads took no longer.
    pub(super) p99_ns: u64,
    /// 999 of 1,000 reads took no longer.
    pub(super) p999_ns: u64,
    /// Share of one processor spent in user code, 1.0 being all of it, averaged over threads.
    pub(super) user_cpu: f64,
    /// The same of system code.
    pub(super) system_cpu: f64,
}

/// Why there is no result.
#[derive(Debug)]
pub(super) enum FioError {
    /// fio could not be started.
    Start(std::io::Error),
    /// fio ended with an error; what it said.
    Failed(String),
    /// fio's answer was not understood.
    Answer(String),
}

impl fmt::Display for FioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(e) => {
                write!(f, "cannot start fio: {e}; is it installed? try `apt-get install fio`")
            }
            Self::Failed(said) => write!(f, "fio failed: {said}"),
            Self::Answer(why) => write!(f, "cannot read fio's JSON answer: {why}"),
        }
    }
}

impl std::error::Error for FioError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start(e) => Some(e),
            _ => None,
        }
    }
}

/// The installed fio, or `None`.
pub(super) fn available() -> Option<Version> {
    let output = Command::new("fio").arg("--version").stderr(Stdio::null()).output().ok()?;
    version(&String::from_utf8_lossy(&output.stdout))
}

/// Runs one job to its end.
///
/// # Errors
/// When fio is not installed, refuses the job or fails in it.
pub(super) fn run(job: &FioJob) -> Result<FioResult, FioError> {
    // fio makes the directories of a file that is not there.
    std::fs::metadata(&job.file)
        .map_err(|e| FioError::Failed(format!("{}: {e}", shown(&job.file))))?;
    let output = Command::new("fio")
        .args(arguments(job))
        .stdin(Stdio::null())
        .output()
        .map_err(FioError::Start)?;
    if !output.status.success() {
        return Err(FioError::Failed(last_words(&output.stderr)));
    }
    let answer = String::from_utf8_lossy(&output.stdout);
    result(&answer).map_err(|e| match e {
        // An engine that is refused ends with success and no figures.
        FioError::Answer(_) if !output.stderr.is_empty() => {
            FioError::Failed(last_words(&output.stderr))
        }
        other => other,
    })
}

/// The percentiles asked for.
const PERCENTILES: &str = "50:99:99.9";

fn arguments(job: &FioJob) -> Vec<OsString> {
    let mut args = vec![filename(&job.file)];
    let mut add = |flag: &str, value: String| args.push(format!("--{flag}={value}").into());
    add("name", "cutwater".to_owned());
    add("ioengine", job.engine.name().to_owned());
    add("direct", u8::from(job.direct).to_string());
    add("bs", job.block.to_string());
    add("iodepth", job.depth.to_string());
    add("numjobs", job.threads.to_string());
    add("invalidate", u8::from(job.cold).to_string());
    add("randseed", job.seed.to_string());
    add("percentile_list", PERCENTILES.to_owned());
    add("output-format", "json".to_owned());
    order(job, &mut add);
    until(job, &mut add);
    args.extend(
        ["--readonly", "--allow_file_create=0", "--thread", "--group_reporting"].map(Into::into),
    );
    args
}

/// The flag that names the file. A colon parts names for fio, unless it is escaped.
fn filename(file: &Path) -> OsString {
    let mut flag = b"--filename=".to_vec();
    for &byte in file.as_os_str().as_bytes() {
        if byte == b':' {
            flag.push(b'\\');
        }
        flag.push(byte);
    }
    OsString::from_vec(flag)
}

fn order(job: &FioJob, add: &mut impl FnMut(&str, String)) {
    match job.order {
        Order::Rand => add("rw", "randread".to_owned()),
        Order::Zipf(theta) => {
            add("rw", "randread".to_owned());
            add("random_distribution", format!("zipf:{theta}"));
        }
        Order::Seq => add("rw", "read".to_owned()),
        Order::Stride(skip) => add("rw", format!("read:{skip}")),
    }
    let in_order = matches!(job.order, Order::Seq | Order::Stride(_));
    if in_order && job.threads > 1 {
        let percent = 100 / job.threads.min(100);
        add("size", format!("{percent}%"));
        add("offset_increment", format!("{percent}%"));
    }
}

fn until(job: &FioJob, add: &mut impl FnMut(&str, String)) {
    match job.until {
        Until::Reads(reads, at_most) => {
            let each = reads.div_ceil(u64::from(job.threads.max(1)));
            add("number_ios", each.max(1).to_string());
            add("runtime", format!("{}ms", at_most.as_millis().max(1)));
        }
        Until::Time(time) => {
            add("time_based", "1".to_owned());
            add("runtime", format!("{}ms", time.as_millis().max(1)));
        }
    }
}

/// The parts of fio's answer that are used.
#[derive(Deserialize)]
struct Answer {
    jobs: Vec<AnsweredJob>,
}

#[derive(Deserialize)]
struct AnsweredJob {
    error: i32,
    read: AnsweredReads,
    usr_cpu: f64,
    sys_cpu: f64,
}

#[derive(Deserialize)]
struct AnsweredReads {
    iops: f64,
    bw_bytes: f64,
    total_ios: u64,
    clat_ns: Latency,
}

#[derive(Deserialize)]
struct Latency {
    #[serde(default)]
    percentile: std::collections::BTreeMap<String, u64>,
}

impl Latency {
    fn at(&self, percent: f64) -> u64 {
        let same = |key: &str| key.parse::<f64>().is_ok_and(|k| (k - percent).abs() < 1e-6);
        self.percentile.iter().find(|(key, _)| same(key)).map_or(0, |(_, ns)| *ns)
    }
}

fn result(answer: &str) -> Result<FioResult, FioError> {
    // Notes come before the object, on the same stream.
    let object = answer.find('{').map_or("", |at| &answer[at..]);
    let answer: Answer =
        serde_json::from_str(object).map_err(|e| FioError::Answer(e.to_string()))?;
    let job = answer.jobs.first().ok_or_else(|| FioError::Answer("no job in it".to_owned()))?;
    if job.error != 0 {
        let error = std::io::Error::from_raw_os_error(job.error);
        return Err(FioError::Failed(error.to_string()));
    }
    let reads = &job.read;
    if reads.total_ios == 0 {
        return Err(FioError::Answer("no reads in it".to_owned()));
    }
    Ok(FioResult {
        ops_per_s: reads.iops,
        bytes_per_s: reads.bw_bytes,
        reads: reads.total_ios,
        p50_ns: reads.clat_ns.at(50.0),
        p99_ns: reads.clat_ns.at(99.0),
        p999_ns: reads.clat_ns.at(99.9),
        user_cpu: job.usr_cpu / 100.0,
        system_cpu: job.sys_cpu / 100.0,
    })
}

fn version(said: &str) -> Option<Version> {
    let mut numbers = said.trim().strip_prefix("fio-")?.split(['.', '-']);
    let mut next = || numbers.next().and_then(|n| n.parse().ok());
    Some(Version { major: next()?, minor: next()? })
}

/// The last line of what fio said, which names the error.
fn last_words(stderr: &[u8]) -> String {
    let said = String::from_utf8_lossy(stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    last.unwrap_or("it did not say why").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From fio 3.33, cut down to a few of its fields; the note is fio's own.
    const RECORDED: &str = r#"note: both iodepth >= 1 and synchronous I/O engine are selected
{
  "fio version" : "fio-3.33",
  "jobs" : [ {
    "jobname" : "cutwater", "error" : 0, "elapsed" : 2,
    "read" : {
      "io_bytes" : 4309757952, "bw_bytes" : 4305452499, "iops" : 1051135.864136,
      "runtime" : 1001, "total_ios" : 1052187,
      "clat_ns" : { "min" : 381, "max" : 4077773, "percentile" : {
        "50.000000" : 11968, "99.000000" : 17280, "99.900000" : 69120 } }
    },
    "usr_cpu" : 20.75, "sys_cpu" : 77.45
  } ]
}"#;

    fn job(file: PathBuf) -> FioJob {
        FioJob {
            engine: Engine::Psync,
            direct: false,
            file,
            block: 4096,
            depth: 1,
            threads: 2,
            order: Order::Rand,
            until: Until::Reads(64, Duration::from_secs(5)),
            cold: false,
            seed: 7,
        }
    }

    fn flags(job: &FioJob) -> String {
        let args: Vec<_> =
            arguments(job).iter().map(|a| a.to_string_lossy().into_owned()).collect();
        args.join(" ")
    }

    #[test]
    fn a_recorded_answer_is_understood() {
        let result = result(RECORDED).unwrap();
        assert_eq!(result.reads, 1_052_187);
        assert_eq!((result.p50_ns, result.p99_ns, result.p999_ns), (11_968, 17_280, 69_120));
        assert!((result.ops_per_s - 1_051_135.864).abs() < 0.01);
        assert!((result.bytes_per_s - 4_305_452_499.0).abs() < 1.0);
        assert!((result.user_cpu - 0.2075).abs() < 1e-9, "{}", result.user_cpu);
        assert!((result.system_cpu - 0.7745).abs() < 1e-9);
    }

    #[test]
    fn an_error_in_the_answer_is_an_error() {
        let refused = RECORDED.replace("\"error\" : 0", "\"error\" : 1");
        assert!(matches!(result(&refused), Err(FioError::Failed(_))));
        let idle = RECORDED.replace("\"total_ios\" : 1052187", "\"total_ios\" : 0");
        assert!(matches!(result(&idle), Err(FioError::Answer(_))));
        for garbage in ["", "{", "{\"jobs\": []}", "fio: engine not loadable"] {
            assert!(matches!(result(garbage), Err(FioError::Answer(_))), "{garbage}");
        }
    }

    #[test]
    fn versions_are_read_with_and_without_a_tail() {
        let found = |said| version(said).map(|v| v.to_string());
        assert_eq!(found("fio-3.33\n").as_deref(), Some("fio-3.33"));
        assert_eq!(found("fio-3.36-12-g1a2b").as_deref(), Some("fio-3.36"));
        assert_eq!(found("bash: fio: command not found"), None);
    }

    #[test]
    fn a_job_says_the_same_cell_to_fio() {
        let mut cold = job("/a:b/c".into());
        cold.cold = true;
        cold.engine = Engine::IoUring;
        let said = flags(&cold);
        for flag in [
            "--filename=/a\\:b/c",
            "--ioengine=io_uring",
            "--rw=randread",
            "--invalidate=1",
            "--number_ios=32",
            "--readonly",
        ] {
            assert!(said.contains(flag), "{flag} is not in {said}");
        }
    }

    #[test]
    fn threads_that_read_in_order_each_have_their_part() {
        let mut seq = job("/f".into());
        seq.order = Order::Seq;
        assert!(flags(&seq).contains("--rw=read --size=50% --offset_increment=50%"));
        seq.threads = 1;
        assert!(!flags(&seq).contains("offset_increment"));
    }

    #[test]
    fn the_installed_fio_reads_a_file_and_refuses_one_that_is_not_there() {
        let Some(version) = available() else {
            cutwater_testing::skip!("fio is not installed");
            return;
        };
        println!("{version}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![1; 1 << 20]).unwrap();
        for order in [Order::Rand, Order::Seq, Order::Stride(4096), Order::Zipf(1.1)] {
            let mut job = job(file.path().to_owned());
            job.order = order;
            let result = run(&job).unwrap();
            assert_eq!(result.reads, 64, "{order:?}");
            assert!(result.bytes_per_s > 0.0 && result.p50_ns > 0, "{result:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        let refused = run(&job(dir.path().join("none/file"))).unwrap_err();
        assert!(matches!(refused, FioError::Failed(_)), "{refused}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "fio made something");
    }
}
