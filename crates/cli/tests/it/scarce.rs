//! Where the host lacks something: threads, `/proc`, bytes that come later.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use cutwater_testing::child::STRANGER;
use cutwater_testing::ended;

use crate::{CUTWATER, cutwater_in};

/// Runs the program as a user that may not start another thread; `None` if that cannot be set up.
fn without_threads(dir: &Path, args: &[&str]) -> Option<(Option<i32>, String, String)> {
    let mut command = Command::new("sh");
    command
        .args(["-c", "{ ulimit -u 1 2>/dev/null || ulimit -p 1; } && exec \"$0\" \"$@\"", CUTWATER])
        .args(args);
    command.current_dir(dir).stdin(Stdio::null()).uid(STRANGER).gid(STRANGER);
    let Ok(output) = command.output() else {
        cutwater_testing::skip!("this process may not become another user");
        return None;
    };
    Some(ended(&output))
}

#[test]
fn where_no_thread_can_be_started_a_scan_goes_on_with_its_own() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("sets");
    for name in ["a.json", "b.json"] {
        let lines: String = (0..5000)
            .map(|n| format!("{{\"time\":\"2024-05-01T00:00:00Z\",\"n\":{n}}}\n"))
            .collect();
        fs::write(dir.path().join(name), lines).expect("writes");
        let readable = Permissions::from_mode(0o644);
        fs::set_permissions(dir.path().join(name), readable).expect("sets");
    }
    let where_n = ["scan", "--threads", "4", "--count", "--where", "n>=1000", "a.json"];
    let Some((code, out, said)) = without_threads(dir.path(), &where_n) else { return };
    assert_eq!((code, out.as_str()), (Some(0), "4000\n"), "{said}");
    assert!(said.contains("3 threads could not be started"), "{said}");
    assert!(said.contains("Ctrl-C ends the program at once"), "{said}");
    let merged = ["scan", "--merge", "a.json", "b.json"];
    let (code, out, said) = without_threads(dir.path(), &merged).expect("as before");
    assert_eq!((code, out.as_str()), (Some(1), ""), "{said}");
    assert!(said.contains("start a thread to merge a.json"), "{said}");
}

#[test]
fn without_proc_the_program_next_to_this_one_is_found() {
    let dir = tempfile::tempdir().expect("a directory");
    let program = dir.path().join("cutwater");
    fs::copy(CUTWATER, &program).expect("copies");
    let query = dir.path().join("cutwater-query");
    fs::write(&query, "#!/bin/sh\necho found \"$@\"\n").expect("writes");
    fs::set_permissions(&query, Permissions::from_mode(0o755)).expect("sets");
    let without = "umount -l /proc || exit 77; exec \"$0\" query a b";
    let path = std::env::var("PATH").unwrap_or_default();
    for called in [program.to_str().expect("is text"), "cutwater"] {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", without, called]).stdin(Stdio::null());
        command.env("PATH", format!("{}:{path}", dir.path().display()));
        let done = command.output();
        let Ok(output) = done.as_ref().map(ended) else {
            return cutwater_testing::skip!("no unshare(1) here");
        };
        if output.0 == Some(77) || output.2.contains("unshare") {
            return cutwater_testing::skip!("/proc cannot be taken away here: {}", output.2);
        }
        assert_eq!(output.1, "found a b\n", "called as {called}: {}", output.2);
    }
}

#[test]
fn messages_of_the_kernel_are_read_to_the_last_one_that_is_there() {
    let dir = tempfile::tempdir().expect("a directory");
    let kernel = fs::OpenOptions::new().write(true).open("/dev/kmsg");
    let (Ok(mut kernel), Ok(_)) = (kernel, fs::File::open("/proc/kmsg")) else {
        return cutwater_testing::skip!("the messages of the kernel may not be read here");
    };
    for _ in 0..2 {
        kernel.write_all(b"cutwater: a test of /proc/kmsg").expect("writes");
        let output = cutwater_in(dir.path(), &["scan", "/proc/kmsg", "--tail", "1"]).output();
        let (code, _, said) = ended(&output.expect("the command starts"));
        assert_eq!((code, said.as_str()), (Some(0), ""), "the end of what is there is no error");
    }
    // All were taken by then.
    let output = cutwater_in(dir.path(), &["scan", "--count", "/proc/kmsg"]).output();
    let (code, _, said) = ended(&output.expect("the command starts"));
    assert_eq!((code, said.as_str()), (Some(0), ""));
}
