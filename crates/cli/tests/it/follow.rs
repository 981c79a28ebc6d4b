//! `scan --follow` while its log is rotated, as users and other programs see it.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStderr, ChildStdout, Stdio};

use cutwater_testing::child::{KillOnDrop, STRANGER};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};

use crate::cutwater_in;

struct Follower {
    child: KillOnDrop,
    out: Lines<BufReader<ChildStdout>>,
    notes: Lines<BufReader<ChildStderr>>,
}

impl Follower {
    /// Follows `a.log` in `dir`; `None` if it may not run as this user.
    fn start(dir: &Path, uid: Option<u32>) -> Option<Self> {
        let mut command = cutwater_in(dir, &["scan", "--follow", "--tail", "9", "a.log"]);
        if let Some(uid) = uid {
            command.uid(uid).gid(uid);
        }
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
        let mut child = KillOnDrop(child);
        let out = BufReader::new(child.stdout.take()?).lines();
        let notes = BufReader::new(child.stderr.take()?).lines();
        Some(Self { child, out, notes })
    }

    #[track_caller]
    fn prints(&mut self, line: &str) {
        assert_eq!(self.out.next().expect("it has not ended").expect("is text"), line);
    }

    #[track_caller]
    fn notes(&mut self, words: &str) {
        let note = self.notes.next().expect("it has not ended").expect("is text");
        assert!(note.contains(words), "{note}");
    }

    /// Sends one SIGINT, which ends it.
    fn interrupt(&mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("it runs");
        self.child.wait().expect("it ends").code()
    }
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).expect("opens");
    file.write_all(text.as_bytes()).expect("writes");
}

#[test]
fn a_fifo_or_a_loop_at_the_path_neither_ends_nor_holds_up_a_follower() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, old) = (dir.path().join("a.log"), dir.path().join("a.log.1"));
    append(&path, "one\n");
    let mut follower = Follower::start(dir.path(), None).expect("it starts");
    follower.prints("one");
    fs::rename(&path, &old).expect("renames");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0).expect("makes");
    append(&old, "two\n");
    follower.prints("two");
    follower.notes("a FIFO is there");
    fs::remove_file(&path).expect("removes");
    std::os::unix::fs::symlink(&path, &path).expect("links");
    append(&old, "three\n");
    follower.prints("three");
    follower.notes("cannot be followed now");
    fs::remove_file(&path).expect("removes");
    append(&path, "four\n");
    follower.prints("four");
    follower.notes("was replaced");
    fs::rename(&path, dir.path().join("a.log.2")).expect("renames");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0).expect("makes");
    follower.notes("a FIFO is there");
    assert_eq!(follower.interrupt(), Some(130), "one Ctrl-C");
}

#[test]
fn a_new_file_that_may_not_be_read_yet_is_waited_for() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("sets");
    let (path, old) = (dir.path().join("a.log"), dir.path().join("a.log.1"));
    append(&path, "one\n");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("sets");
    let Some(mut follower) = Follower::start(dir.path(), Some(STRANGER)) else {
        return cutwater_testing::skip!("this process may not become another user");
    };
    follower.prints("one");
    fs::rename(&path, &old).expect("renames");
    append(&dir.path().join("new"), "");
    fs::set_permissions(dir.path().join("new"), Permissions::from_mode(0o000)).expect("sets");
    fs::rename(dir.path().join("new"), &path).expect("renames");
    append(&path, "three\n");
    follower.notes("Permission denied");
    append(&old, "two\n");
    follower.prints("two");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("sets");
    follower.prints("three");
    follower.notes("was replaced");
    assert_eq!(follower.interrupt(), Some(130));
}

#[test]
fn a_fifo_is_refused_and_not_opened() {
    let dir = tempfile::tempdir().expect("a directory");
    mknodat(CWD, dir.path().join("a.log"), FileType::Fifo, Mode::RUSR, 0).expect("makes");
    let mut follower = Follower::start(dir.path(), None).expect("it starts");
    follower.notes("only plain files grow by lines");
    assert_eq!(follower.child.wait().expect("it ends").code(), Some(2));
}
