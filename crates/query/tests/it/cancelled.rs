//! Queries that are given up at random moments: nothing of them is left.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::data;
use cutwater_query::{Limits, Opener, Session, Spill};
use cutwater_testing::{Dice, wait_until_ok};
use futures::StreamExt;
use tokio::runtime::{Builder, Runtime};

/// The longest wait for a spilled file or a thread to go away.
const PATIENCE: Duration = Duration::from_secs(60);

/// Queries whose rows come from a scan, a join, a stream, and from disk.
const QUERIES: [&str; 8] = [
    "SELECT * FROM log",
    "SELECT n, _line, _raw FROM log WHERE kind = 'k3'",
    "SELECT a.n, b.n FROM log a CROSS JOIN log b",
    "SELECT * FROM gz",
    "SELECT count(*) FROM gz JOIN log ON gz.n = log.n",
    "SELECT kind, count(DISTINCT pad), approx_percentile_cont(n, 0.5) FROM log GROUP BY kind",
    "SELECT n, repeat(_raw, 8) AS wide FROM log ORDER BY wide DESC",
    "SELECT repeat(_raw, 8) AS wide, count(*) FROM log GROUP BY wide ORDER BY wide",
];

const LINES: u64 = 20_000;

fn logs(dir: &Path) {
    let mut text = String::new();
    for n in 0..LINES {
        let padding = "x".repeat(usize::try_from(n % 97).unwrap_or(0) + 60);
        writeln!(text, "{{\"n\":{n},\"kind\":\"k{}\",\"pad\":\"{padding}\"}}", n % 7)
            .expect("a string takes text");
    }
    std::fs::write(dir.join("log.json"), &text).expect("the log is written");
    let file = std::fs::File::create(dir.join("log.json.gz")).expect("a file");
    let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, text.as_bytes()).expect("compresses");
    gz.finish().expect("compresses");
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// What a process holds.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    descriptors: Vec<String>,
    threads: usize,
}

fn held() -> Held {
    let entries = std::fs::read_dir("/proc/self/fd").expect("/proc is there").flatten();
    let target = |e: std::fs::DirEntry| std::fs::read_link(e.path()).ok();
    // That of the directory itself is gone by now.
    let descriptors = entries.filter_map(target).map(|t| t.display().to_string());
    let mut descriptors: Vec<_> = descriptors.filter(|t| !t.ends_with("/fd")).collect();
    descriptors.sort();
    let threads = std::fs::read_dir("/proc/self/task").expect("/proc is there").count();
    Held { descriptors, threads }
}

/// Without the lock of a directory for such files.
fn files_below(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a directory").flatten().map(|e| e.path());
    let entries = entries.filter(|path| !path.ends_with("lock"));
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).max_blocking_threads(4).enable_all();
    builder.build().expect("threads start")
}

async fn session(dir: &Path) -> Session {
    let spill = dir.join("spill");
    std::fs::create_dir_all(&spill).expect("a directory");
    let spill = Some(Spill::new(vec![spill]));
    let limits = Limits { threads: 2, memory_bytes: Some(64 << 20), spill, seek: true };
    let mut session = Session::new(limits, Opener::default()).expect("a session begins");
    for (table, file) in [("log", "log.json"), ("gz", "log.json.gz")] {
        let path = dir.join(file).display().to_string();
        session.add(table, &[path]).await.expect("the log opens");
    }
    session
}

/// Begins a query, polls it for rows `polls` times, and drops it. Returns whether there were files
/// on disk.
async fn give_up(session: &mut Session, dir: &Path, sql: &str, polls: u64) -> bool {
    let statement = session.parse(sql).expect("SQL").remove(0);
    let mut stream = session.answer(statement).await.expect("it begins");
    let mut spilled = false;
    for _ in 0..polls {
        // Not ready is an answer as well: others work meanwhile.
        match futures::poll!(stream.next()) {
            std::task::Poll::Ready(None) => break,
            std::task::Poll::Ready(Some(rows)) => drop(rows.expect("rows")),
            std::task::Poll::Pending => tokio::time::sleep(Duration::from_micros(200)).await,
        }
        spilled |= !files_below(&dir.join("spill")).is_empty();
    }
    spilled
}

/// Rounds of all queries, each given up after a number of polls from `dice`.
fn rounds(dir: &Path, rounds: u64, dice: &mut Dice) -> usize {
    let runtime = runtime();
    let spilled = runtime.block_on(async {
        let mut session = session(dir).await;
        let mut spilled = 0;
        for _ in 0..rounds {
            for sql in QUERIES {
                // As often in the first polls as in the hundreds.
                let most = 1 << dice.below(10);
                let polls = dice.below(most);
                spilled += usize::from(give_up(&mut session, dir, sql, polls).await);
            }
        }
        wait_until_ok("files that nobody reads any more", PATIENCE, || {
            let left = files_below(&dir.join("spill"));
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        });
        // The session answers as before.
        let statement = session.parse("SELECT n FROM log LIMIT 1").expect("SQL").remove(0);
        let mut stream = session.answer(statement).await.expect("it begins");
        assert_eq!(stream.next().await.expect("rows").expect("rows").num_rows(), 1);
        spilled
    });
    // A thread that never ends is left, and counted.
    runtime.shutdown_timeout(PATIENCE);
    spilled
}

/// In a process of its own, as other tests open files and start threads.
#[test]
fn queries_given_up_after_any_number_of_polls_leave_nothing() {
    // With this seed, several of the sorts get hundreds of polls: enough to spill.
    let seed = number("CUTWATER_SEED").unwrap_or(2);
    if std::env::var_os("CUTWATER_QUERY_GIVES_UP").is_none() {
        let mut child = Command::new(std::env::current_exe().expect("this test"));
        let name = "cancelled::queries_given_up_after_any_number_of_polls_leave_nothing";
        child.args(["--exact", name, "--nocapture"]).env("CUTWATER_QUERY_GIVES_UP", "1");
        let out = child.output().expect("it starts");
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "seed {seed}: {said}");
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    logs(dir.path());
    std::fs::create_dir(dir.path().join("spill")).expect("a directory");
    let mut dice = Dice::new(seed);
    // What a process opens once, such as what it knows of its memory, is there afterwards.
    rounds(dir.path(), 1, &mut dice);
    let before = held();
    let spilled = rounds(dir.path(), number("CUTWATER_ROUNDS").unwrap_or(12), &mut dice);
    assert!(spilled > 0, "no query was given up while it had files on disk");
    wait_until_ok("descriptors and threads", PATIENCE, || {
        let after = held();
        if after == before { Ok(()) } else { Err(format!("{before:?} became {after:?}")) }
    });
    let left = std::fs::read_dir(dir.path().join("spill")).expect("a directory").count();
    assert_eq!(left, 0, "directories for what was on disk");
}

/// The host decides at which step the signal reaches the command; what it leaves is the same.
#[test]
fn a_command_that_is_interrupted_at_a_random_moment_leaves_no_part_of_an_answer() {
    let seed = number("CUTWATER_SEED").unwrap_or(1);
    let mut dice = Dice::new(seed);
    let dir = tempfile::tempdir().expect("a directory");
    logs(dir.path());
    let (temp, answer) = (dir.path().join("spill"), dir.path().join("answers/answer.csv"));
    std::fs::create_dir(&temp).expect("a directory");
    std::fs::create_dir(dir.path().join("answers")).expect("a directory");
    let command = |sql: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutwater-query"));
        command.args(["--quiet", "--memory", "96M", "--temp"]).arg(&temp).arg("--output");
        command.arg(&answer).arg(sql).arg(dir.path().join("log.json")).stderr(Stdio::null());
        command
    };
    let sql = "SELECT n, repeat(pad, 9) AS wide FROM log ORDER BY wide DESC, n";
    assert!(command(sql).status().expect("it starts").success());
    let whole = std::fs::read(&answer).expect("the answer is there");
    assert!(whole.split(|b| *b == b'\n').count() as u64 > LINES);
    for round in 0..12 {
        std::fs::remove_file(&answer).unwrap_or_default();
        let mut child = command(sql).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(dice.below(400)));
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap_or_default();
        let status = child.wait().expect("it ends");
        // Before it listens, the signal itself ends it.
        let is_killed = std::os::unix::process::ExitStatusExt::signal(&status) == Some(2);
        assert!(
            is_killed || [Some(0), Some(130)].contains(&status.code()),
            "{seed}/{round}: {status}"
        );
        match std::fs::read(&answer) {
            Ok(bytes) => assert!(status.success() && bytes == whole, "{seed}/{round}: {status}"),
            Err(_) => assert!(!status.success(), "{seed}/{round}: no answer"),
        }
        let parts = std::fs::read_dir(dir.path().join("answers")).expect("a directory").count();
        assert_eq!(parts, usize::from(answer.exists()), "{seed}/{round}: a part is left");
        let left = std::fs::read_dir(&temp).expect("a directory").count();
        assert!(left == 0 || is_killed, "{seed}/{round}: {left} left with {status}");
    }
    let mut last = Command::new(env!("CARGO_BIN_EXE_cutwater-query"));
    last.arg("--temp").arg(&temp).args(["--quiet", "SELECT count(*) FROM log"]);
    assert!(
        last.arg(data("app.json")).stdout(Stdio::null()).status().expect("it starts").success()
    );
    assert_eq!(std::fs::read_dir(&temp).expect("a directory").count(), 0);
}
