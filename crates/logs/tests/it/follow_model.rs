//! A model of following: random states of the path, numbered records, and what a reference follower sees.
//!
//! The reference knows for each record whether it must be seen. It need not be if it was truncated
//! away, or its file was overwritten or moved out of reach, before a poll. No record is seen twice,
//! and those of a file are seen in order. A log that is rotated away while it may not be read is read once it
//! may. `CUTWATER_FOLLOW_SEEDS` is how many histories are tried.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::ops::ControlFlow;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use cutwater_logs::follow::{Event, Follow};
use cutwater_testing::Dice;
use cutwater_testing::child::{STRANGER, TestChild, role, test_name};
use rustix::fs::{CWD, FileType, Mode, mknodat};

/// Operations of one history.
const STEPS: u64 = 60;
/// A writer writes to a file until this many rotations after its own.
const LATE_ROTATIONS: usize = 5;

/// A log file, wherever it is now.
struct Log {
    writer: File,
    /// Where it is; `None` where no poll can find it.
    path: Option<PathBuf>,
    /// Its records that no poll has seen yet.
    unseen: Vec<u64>,
    /// A poll has found it, so the follower has it open.
    opened: bool,
    /// How many logs were at the path after it.
    age: usize,
}

struct World {
    dice: Dice,
    root: tempfile::TempDir,
    logs: Vec<Log>,
    /// The log at the path, if there is one.
    current: Option<usize>,
    /// Something else is at the path.
    blocked: bool,
    /// The directory was replaced, and no poll has seen that.
    is_new_directory: bool,
    names: u64,
    records: u64,
    /// Whether each record has to be seen.
    needed: BTreeMap<u64, bool>,
    history: Vec<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir(root.path().join("logs")).expect("makes");
        let mut world = Self {
            dice: Dice::new(seed),
            root,
            logs: Vec::new(),
            current: None,
            blocked: false,
            is_new_directory: false,
            names: 0,
            records: 0,
            needed: BTreeMap::new(),
            history: Vec::new(),
        };
        world.create();
        world
    }

    fn path(&self) -> PathBuf {
        self.root.path().join("logs/a.log")
    }

    /// A name that was not used yet, next to the log.
    fn new_name(&mut self) -> PathBuf {
        self.names += 1;
        self.root.path().join(format!("logs/a.log.{}", self.names))
    }

    fn open_new(&mut self, path: &PathBuf) -> usize {
        let writer =
            OpenOptions::new().append(true).create_new(true).mode(0o644).open(path).expect("opens");
        self.logs.iter_mut().for_each(|log| log.age += 1);
        let (path, unseen) = (Some(path.clone()), Vec::new());
        self.logs.push(Log { writer, path, unseen, opened: false, age: 0 });
        self.logs.len() - 1
    }

    fn create(&mut self) {
        if self.current.is_none() && !self.blocked {
            self.current = Some(self.open_new(&self.path()));
        }
    }

    fn write(&mut self, log: usize) {
        for _ in 0..=self.dice.below(4) {
            self.records += 1;
            let line = format!("record-{:08}\n", self.records);
            self.logs[log].writer.write_all(line.as_bytes()).expect("writes");
            self.logs[log].unseen.push(self.records);
            self.needed.insert(self.records, true);
        }
    }

    /// What no poll has seen of a log is out of reach now.
    fn forget(&mut self, log: usize) {
        for record in self.logs[log].unseen.drain(..) {
            self.needed.insert(record, false);
        }
    }

    /// No poll can find a log any more that none has found yet; it is not written to from now on.
    fn lose(&mut self, log: usize) {
        self.logs[log].path = None;
        if !self.logs[log].opened {
            self.forget(log);
            self.logs[log].age = LATE_ROTATIONS + 1;
        }
    }

    fn rotate(&mut self) {
        let Some(log) = self.current.take() else { return };
        let name = self.new_name();
        fs::rename(self.path(), &name).expect("renames");
        self.logs[log].path = Some(name);
        if self.is_new_directory {
            self.lose(log);
        }
    }

    fn truncate(&mut self, log: usize) {
        self.forget(log);
        self.logs[log].writer.set_len(0).expect("truncates");
    }

    fn block(&mut self) {
        if self.current.is_some() || self.blocked {
            return;
        }
        let path = self.path();
        match self.dice.below(4) {
            0 => fs::create_dir(&path).expect("makes"),
            1 => std::os::unix::fs::symlink(&path, &path).expect("links"),
            2 => drop(std::os::unix::net::UnixListener::bind(&path).expect("binds")),
            _ => mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0).expect("makes"),
        }
        self.blocked = true;
    }

    fn unblock(&mut self) {
        if std::mem::take(&mut self.blocked) {
            let path = self.path();
            fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).expect("removes");
        }
    }

    /// A new file is renamed over the log.
    fn overwrite(&mut self) {
        let Some(log) = self.current else { return };
        let name = self.new_name();
        let new = self.open_new(&name);
        self.write(new);
        fs::rename(name, self.path()).expect("renames");
        self.lose(log);
        self.logs[new].path = Some(self.path());
        self.current = Some(new);
    }

    /// The directory moves away with its files, and a new one takes its place.
    fn move_directory(&mut self) {
        if self.blocked {
            return;
        }
        self.names += 1;
        let away = self.root.path().join(format!("away.{}", self.names));
        fs::rename(self.root.path().join("logs"), away).expect("renames");
        fs::create_dir(self.root.path().join("logs")).expect("makes");
        (0..self.logs.len()).for_each(|log| self.lose(log));
        self.current = None;
        self.is_new_directory = true;
    }

    /// Permission is taken away, or given back; root does not notice.
    fn set_mode(&mut self, log: usize, mode: u32) {
        if let Some(path) = &self.logs[log].path {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("sets");
        }
    }

    fn step(&mut self) {
        let operation = self.dice.below(14);
        self.history.push(format!("{operation}"));
        match (operation, self.current) {
            (0..=2, Some(log)) => self.write(log),
            (3, _) => {
                let late: Vec<_> = (0..self.logs.len())
                    .filter(|&log| self.logs[log].age <= LATE_ROTATIONS)
                    .filter(|&log| self.logs[log].opened || Some(log) == self.current)
                    .collect();
                if let Some(&log) = late.get(self.dice.below(late.len().max(1) as u64) as usize) {
                    self.write(log);
                }
            }
            (4, Some(log)) => {
                self.write(log);
                self.rotate();
            }
            (5, _) => {
                self.rotate();
                self.create();
            }
            (6, Some(log)) => {
                self.write(log);
                self.rotate();
                self.create();
                self.write(self.logs.len() - 1);
                self.rotate();
                self.create();
            }
            (7, _) => {
                self.rotate();
                self.block();
            }
            (8, _) => {
                self.unblock();
                self.create();
            }
            (9, Some(log)) => {
                self.truncate(log);
                self.write(log);
            }
            (10, Some(log)) => {
                self.set_mode(log, 0o644);
                let copy = self.new_name();
                fs::copy(self.path(), copy).expect("copies");
                self.truncate(log);
            }
            (11, _) => self.overwrite(),
            (12, Some(log)) if self.logs[log].unseen.is_empty() => self.rewrite(log),
            (13, _) if self.dice.below(4) == 0 => self.move_directory(),
            (13, _) => {
                let mode = [0o000, 0o644][self.dice.below(2) as usize];
                let any = self.dice.below(self.logs.len() as u64) as usize;
                self.set_mode(self.current.unwrap_or(any), mode);
            }
            _ => {}
        }
    }

    /// As many bytes as before, and other records.
    fn rewrite(&mut self, log: usize) {
        let len = self.logs[log].writer.metadata().expect("is there").len();
        self.truncate(log);
        for _ in 0..len / "record-00000001\n".len() as u64 {
            self.records += 1;
            let line = format!("record-{:08}\n", self.records);
            self.logs[log].writer.write_all(line.as_bytes()).expect("writes");
            self.logs[log].unseen.push(self.records);
            self.needed.insert(self.records, true);
        }
    }

    /// What a poll makes known: all that is in reach.
    fn polled(&mut self) {
        let usable = self
            .current
            .is_some_and(|log| self.logs[log].opened || File::open(self.path()).is_ok());
        for log in &mut self.logs {
            log.opened |= log.path.as_ref().is_some_and(|path| File::open(path).is_ok());
            if log.opened {
                log.unseen.clear();
            }
        }
        self.is_new_directory &= !usable;
    }
}

/// The records that a poll gives, in their order.
fn poll(follow: &mut Follow, seen: &mut Vec<u64>) {
    let each = |event: Event<'_>| {
        if let Event::Lines { bytes, .. } = event {
            for line in bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
                let text = std::str::from_utf8(line).expect("is text");
                let number = text.strip_prefix("record-").expect("a whole record");
                seen.push(number.parse().expect("a number"));
            }
        }
        ControlFlow::Continue(())
    };
    follow.poll(each).expect("the file can be read");
}

fn check(seed: u64) {
    let mut world = World::new(seed);
    let mut seen = Vec::new();
    let mut follow = Follow::open(&world.path(), 0, 1 << 20).expect("opens");
    world.polled();
    for _ in 0..STEPS {
        world.step();
        if world.dice.below(2) == 0 {
            world.history.push("poll".into());
            poll(&mut follow, &mut seen);
            world.polled();
        }
    }
    world.unblock();
    world.create();
    (0..world.logs.len()).for_each(|log| world.set_mode(log, 0o644));
    poll(&mut follow, &mut seen);
    let mut counts = BTreeMap::<u64, u64>::new();
    seen.iter().for_each(|record| *counts.entry(*record).or_default() += 1);
    let story = || format!("seed {seed}: {}", world.history.join(" "));
    for (record, needed) in &world.needed {
        let count = counts.remove(record).unwrap_or(0);
        assert!(count <= 1, "record {record} came {count} times; {}", story());
        assert!(count == 1 || !needed, "record {record} of {} is lost; {}", world.records, story());
    }
    assert!(counts.is_empty(), "records that nobody wrote: {counts:?}; {}", story());
}

/// As a user whom permissions keep out, where this process is root.
#[test]
fn a_follower_without_privileges_reads_a_rotated_log_later() {
    if role().is_some() {
        return println!("{}", seeds());
    }
    let name = test_name(module_path!(), "a_follower_without_privileges_reads_a_rotated_log_later");
    match TestChild::start_as(STRANGER, &name, &["follows"]) {
        Some(mut child) => child.finish(),
        None => cutwater_testing::skip!("this process cannot become another user"),
    }
}

#[test]
fn a_follower_sees_what_the_reference_sees() {
    println!("{}", seeds());
}

/// Checks the seeds that the environment asks for.
fn seeds() -> String {
    let number = |name: &str| std::env::var(name).ok().and_then(|s| s.parse::<u64>().ok());
    let (first, count) =
        (number("CUTWATER_SEED").unwrap_or(1), number("CUTWATER_FOLLOW_SEEDS").unwrap_or(60));
    (first..first + count).for_each(check);
    format!("seeds {first} to {}; more with CUTWATER_FOLLOW_SEEDS=20000", first + count - 1)
}
