//! Where the host lacks something: threads, `/proc`, messages of the kernel.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use cutwater_testing::child::{KillOnDrop, STRANGER};
use cutwater_testing::ended;

use crate::{CUTWATER, cutwater_in};

/// Runs the program as a user that may not start another thread; none where that cannot be set up.
fn without_threads(dir: &Path, args: &[&str]) -> Option<(Option<i32>, String, String)> {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -u 1 && exec \"$0\" \"$@\"", CUTWATER]).args(args);
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
fn messages_of_the_kernel_are_waited_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let messages = fs::OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open("/proc/kmsg");
    let (Ok(mut messages), Ok(mut kernel)) =
        (messages, fs::OpenOptions::new().write(true).open("/dev/kmsg"))
    else {
        return cutwater_testing::skip!("the messages of the kernel may not be read here");
    };
    // To the last one, so that the next read has to wait.
    while messages.read(&mut [0; 8192]).is_ok_and(|n| n > 0) {}
    let mut command = cutwater_in(dir.path(), &["scan", "--head", "1", "/proc/kmsg"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = KillOnDrop(child.expect("the command starts"));
    // It may take this message or the next one, or none while it starts.
    let mut out = String::new();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = kernel.write_all(b"cutwater: a test of /proc/kmsg");
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        });
        child.stdout.take().expect("a pipe").read_to_string(&mut out).expect("is text");
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("is text");
    assert!(out.contains("cutwater: a test of /proc/kmsg"), "{out:?}: {said}");
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{said}");
}
