//! Where the host lacks threads.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use cutwater_testing::child::STRANGER;
use cutwater_testing::ended;

#[test]
fn where_no_thread_can_be_started_a_query_runs_on_its_own() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("sets");
    let lines: String = (0..5000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let path = dir.path().join("a.json");
    fs::write(&path, lines).expect("writes");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("sets");
    for limit in [1, 2, 3] {
        let script = "{ ulimit -u $0 2>/dev/null || ulimit -p $0; } && exec \"$@\"";
        let mut command = Command::new("sh");
        command
            .args(["-c", script, &limit.to_string(), env!("CARGO_BIN_EXE_cutwater-query")])
            .args([
                "-o",
                "csv",
                "--threads",
                "4",
                "SELECT n % 2 AS odd, count(*) AS c FROM log \
                    GROUP BY 1 ORDER BY 1",
                "a.json",
            ])
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .uid(STRANGER)
            .gid(STRANGER);
        let Ok(output) = command.output() else {
            return cutwater_testing::skip!("this process may not become another user");
        };
        let (code, out, said) = ended(&output);
        if said.contains("Permission denied") {
            return cutwater_testing::skip!("another user may not run the program here: {said}");
        }
        assert_eq!((code, out.as_str()), (Some(0), "odd,c\n0,2500\n1,2500\n"), "{limit}: {said}");
        assert!(said.contains("threads could not be started"), "{limit}: {said}");
    }
}
