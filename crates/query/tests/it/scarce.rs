//! Where the host lacks threads.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::query;
use cutwater_testing::child::STRANGER;
use cutwater_testing::ended;

/// Runs the command as a user that may have only `limit` threads; `None` if that cannot be set up.
fn with_threads(limit: u32, dir: &Path, words: &[&str]) -> Option<(Option<i32>, String, String)> {
    let script = "{ ulimit -u $0 2>/dev/null || ulimit -p $0; } && exec \"$@\"";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, &limit.to_string(), env!("CARGO_BIN_EXE_cutwater-query")])
        .args(["-o", "csv", "--threads", "4"])
        .args(words)
        .current_dir(dir)
        .stdin(Stdio::null())
        .uid(STRANGER)
        .gid(STRANGER);
    let Ok(output) = command.output() else {
        cutwater_testing::skip!("this process may not become another user");
        return None;
    };
    let ended = ended(&output);
    if ended.2.contains("Permission denied") {
        cutwater_testing::skip!("another user may not run the program here: {}", ended.2);
        return None;
    }
    Some(ended)
}

#[test]
fn where_no_thread_can_be_started_a_query_runs_on_its_own() {
    const SQL: &str = "SELECT n % 2 AS odd, count(*) AS c FROM log GROUP BY 1 ORDER BY 1";
    let dir = tempfile::tempdir().expect("a directory");
    let set = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("sets");
    };
    set(dir.path(), 0o755);
    let lines: String = (0..5000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    fs::write(dir.path().join("a.json"), lines).expect("writes");
    let done = query()
        .current_dir(dir.path())
        .args(["--output", "a.parquet", "SELECT n FROM log", "a.json"])
        .status();
    assert!(done.expect("starts").success());
    ["a.json", "a.parquet"].iter().for_each(|name| set(&dir.path().join(name), 0o644));
    for limit in [1, 2, 3] {
        let Some((code, out, said)) = with_threads(limit, dir.path(), &[SQL, "a.json"]) else {
            return;
        };
        assert_eq!((code, out.as_str()), (Some(0), "odd,c\n0,2500\n1,2500\n"), "{limit}: {said}");
        assert!(said.contains("threads could not be started"), "{limit}: {said}");
    }
    let create = "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 'a.parquet'";
    for words in [&[SQL, "a.parquet"][..], &[create]] {
        let (code, _, said) = with_threads(1, dir.path(), words).expect("as before");
        assert_eq!(code, Some(1), "{words:?}: {said}");
        assert!(said.contains("cannot start a thread, which"), "{words:?}: {said}");
        assert!(!said.contains("panicked"), "{words:?}: {said}");
    }
}
