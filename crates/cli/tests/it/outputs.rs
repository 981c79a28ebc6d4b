//! Outputs that are special: two of one name, files of other users, named pipes, and what a hangup leaves.

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cutwater_testing::child::STRANGER;
use cutwater_testing::ended;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{CUTWATER, cutwater_in};

/// The longest wait for what comes soon.
const PATIENCE: Duration = Duration::from_secs(60);

fn directory() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("in.log"), "{\"a\":1}\n{\"bad\n").expect("writes");
    dir
}

fn shell(dir: &Path, line: &str) -> (Option<i32>, String, String) {
    let line = line.replace("cutwater", CUTWATER);
    let mut command = Command::new("sh");
    ended(&command.args(["-c", &line]).current_dir(dir).stdin(Stdio::null()).output().unwrap())
}

#[test]
fn two_outputs_are_never_one_file() {
    let dir = directory();
    symlink("same", dir.path().join("to-same")).unwrap();
    fs::create_dir(dir.path().join("d")).unwrap();
    for there in [false, true] {
        if there {
            fs::write(dir.path().join("same"), "kept").unwrap();
            fs::hard_link(dir.path().join("same"), dir.path().join("hard")).unwrap();
        }
        for words in [
            "cutwater bench --quick --block 8 --export-json same --export-csv same",
            "cutwater bench --quick --block 8 --export-html to-same --export-csv d/../same",
            "cutwater scan --count --errors same --flamegraph same in.log",
            "cutwater scan --count --errors s.offcpu.svg --flamegraph s.svg in.log",
            "cutwater scan --count --errors same in.log >>same",
            "cutwater scan --count --errors to-same in.log 2>>same",
            "cutwater scan --count --errors /dev/fd/3 --flamegraph same in.log 3>>same",
            "cutwater reproduce iovec-pool --quick --export-json same --export-html ./same",
            "cutwater reproduce iovec-pool --quick --export-json r.tail.svg --flamegraph r.svg",
            "cutwater trace --flamegraph same -- true >>same",
            "cutwater doctor --flamegraph same >>same",
            "cutwater bench --scan in.log --export-csv same >>same",
        ] {
            let (code, _, said) = shell(dir.path(), words);
            let said = said + &fs::read_to_string(dir.path().join("same")).unwrap_or_default();
            assert_eq!(code, Some(2), "{words}: {said}");
            assert!(said.contains("are one file, and two outputs"), "{words}: {said}");
            if !there {
                let _ = fs::remove_file(dir.path().join("same"));
            }
        }
    }
    let both = "cutwater scan --count --errors - in.log >>same && rm hard";
    assert_eq!(shell(dir.path(), both).0, Some(0), "one descriptor is written to in turn");
}

/// Runs a scan whose bad lines go to `list`, as another user; `None` if that is impossible.
fn as_stranger(dir: &Path, list: &str) -> Option<(Option<i32>, String, String)> {
    let mut command = Command::new(CUTWATER);
    command.args(["scan", "--count", "--errors", list, "in.log"]).current_dir(dir);
    let output = command.stdin(Stdio::null()).uid(STRANGER).gid(STRANGER).output();
    output.ok().map(|output| ended(&output))
}

#[test]
fn a_file_that_is_replaced_keeps_its_owner() {
    let dir = directory();
    let list = dir.path().join("list");
    fs::write(&list, "before").unwrap();
    fs::set_permissions(&list, Permissions::from_mode(0o640)).unwrap();
    if chown(&list, Some(STRANGER), Some(STRANGER)).is_err() {
        return cutwater_testing::skip!("this process may not give files away");
    }
    let done = shell(dir.path(), "cutwater scan --count --errors list in.log");
    assert_eq!(done.0, Some(0), "{}", done.2);
    let now = fs::metadata(&list).unwrap();
    assert_eq!((now.uid(), now.gid(), now.mode() & 0o7777), (STRANGER, STRANGER, 0o640));
    assert!(fs::read_to_string(&list).unwrap().starts_with("in.log\t2\t"));
}

#[test]
fn a_file_that_may_not_be_written_or_replaced_is_refused() {
    let dir = directory();
    let modes = |directory: u32, file: u32| {
        let list = dir.path().join("list");
        fs::set_permissions(dir.path(), Permissions::from_mode(directory)).unwrap();
        fs::write(&list, "before").unwrap();
        fs::set_permissions(&list, Permissions::from_mode(file)).unwrap();
    };
    fs::set_permissions(dir.path().join("in.log"), Permissions::from_mode(0o644)).unwrap();
    for (directory, file, words) in [
        (0o777, 0o644, "Permission denied"),
        (0o755, 0o666, "/dev/fd/3 with 3>FILE"),
        (0o1777, 0o666, "/dev/fd/3 with 3>FILE"),
    ] {
        modes(directory, file);
        let Some((code, _, said)) = as_stranger(dir.path(), "list") else {
            return cutwater_testing::skip!("this process may not become another user");
        };
        assert_eq!(code, Some(1), "{directory:o} {file:o}: {said}");
        assert!(said.contains(words), "{directory:o} {file:o}: {said}");
        assert_eq!(fs::read_to_string(dir.path().join("list")).unwrap(), "before");
    }
    modes(0o777, 0o666);
    let (code, _, said) = as_stranger(dir.path(), "list").unwrap();
    assert_eq!(code, Some(0), "{said}");
}

fn start(dir: &Path, args: &[&str]) -> Child {
    let mut command = cutwater_in(dir, args);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts")
}

/// Whether this process ignores hangups, as under `nohup`: its children do, too.
fn ignores_hangups() -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("it is there");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a mask");
    let ignored = u64::from_str_radix(mask.trim(), 16).expect("hexadecimal");
    ignored & 1 << (Signal::HUP.as_raw() - 1) != 0
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("sent");
}

/// The exit code of a child that ends by itself.
fn code(child: &mut Child) -> Option<i32> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().expect("a state") {
            return status.code();
        }
        thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    panic!("it goes on");
}

/// Waits until the child has written `words` to standard error.
fn wait_for(child: &mut Child, words: &str) {
    let errors = child.stderr.as_mut().expect("a pipe");
    let (mut said, mut byte) = (Vec::new(), [0]);
    while !String::from_utf8_lossy(&said).contains(words) {
        assert_eq!(errors.read(&mut byte).expect("reads"), 1, "{:?}", String::from_utf8(said));
        said.push(byte[0]);
    }
}

fn pipe(dir: &Path) {
    assert!(Command::new("mkfifo").arg(dir.join("pipe")).status().expect("runs").success());
}

#[test]
fn one_signal_ends_the_wait_for_the_reader_of_a_pipe() {
    let dir = directory();
    pipe(dir.path());
    for args in [
        &["scan", "--count", "--errors", "pipe", "in.log"][..],
        &["bench", "--quick", "--block", "8", "--export-json", "pipe"],
        &["reproduce", "iovec-pool", "--quick", "--export-json", "pipe"],
    ] {
        let signals = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];
        for (signal, expected) in signals {
            if signal == Signal::HUP && ignores_hangups() {
                cutwater_testing::skip!("hangups are ignored, as under nohup");
                continue;
            }
            let mut child = start(dir.path(), args);
            wait_for(&mut child, "pipe is waited for, as nothing reads it yet");
            thread::sleep(Duration::from_millis(100));
            send(&child, signal);
            assert_eq!(code(&mut child), Some(expected), "{args:?} {signal:?}");
        }
    }
    let (code, _, said) = shell(dir.path(), "cutwater scan --flamegraph pipe in.log");
    assert!(code == Some(2) && said.contains("pipe is a named pipe"), "{said}");
}

#[test]
fn a_pipe_gets_all_of_an_output_once_it_is_read() {
    let dir = directory();
    pipe(dir.path());
    // More than a pipe holds.
    let lines = 10_000;
    fs::write(dir.path().join("in.log"), "{\"a\":1}\n".to_owned() + &"{\"bad\n".repeat(lines))
        .unwrap();
    let args = ["scan", "--count", "--format", "json", "--errors", "pipe", "in.log"];
    let mut child = start(dir.path(), &args);
    wait_for(&mut child, "is waited for");
    let mut text = String::new();
    File::open(dir.path().join("pipe")).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(code(&mut child), Some(0));
    assert_eq!(text.lines().count(), lines);
    // A reader that does not read keeps no Ctrl-C from ending it.
    let mut child = start(dir.path(), &args);
    let mut reader = File::open(dir.path().join("pipe")).unwrap();
    reader.read_exact(&mut [0]).unwrap();
    thread::sleep(Duration::from_millis(100));
    send(&child, Signal::INT);
    assert!(code(&mut child).is_some_and(|code| code != 0));
}

#[test]
fn a_hangup_leaves_no_file_unless_it_is_ignored() {
    if ignores_hangups() {
        return cutwater_testing::skip!("hangups are ignored, as under nohup");
    }
    for words in [
        &["bench", "--quick", "--dir"][..],
        &["reproduce", "--dir"],
        &["storm", "--time", "60", "--dir"],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().to_str().unwrap();
        let mut child = start(dir.path(), &[words, &[place]].concat());
        while fs::read_dir(dir.path()).unwrap().next().is_none() {
            assert!(child.try_wait().unwrap().is_none(), "{words:?} ended by itself");
            thread::yield_now();
        }
        send(&child, Signal::HUP);
        assert_eq!(code(&mut child), Some(129), "{words:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "{words:?}");
    }
    let dir = directory();
    // The shell sends the signal to itself as `nohup` would let it: what it becomes ignores it.
    let words = "trap '' HUP; cutwater scan --follow --errors list in.log & child=$!; \
                 while [ ! -e list ]; do sleep 0.05; done; kill -HUP $child; sleep 0.3; \
                 kill -TERM $child; wait $child";
    assert_eq!(shell(dir.path(), words).0, Some(143));
}
