//! The storm over a map while the handler for SIGBUS has company: another library's before it,
//! another's after it that passes on, one that displaces it, and forks in the middle.
//!
//! `CUTWATER_CHANGES` and `CUTWATER_SEED` lengthen and repeat it.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use cutwater_sys::map::{CopyError, Map, MapOptions};
use cutwater_sys::sigbus::{self, Status};
use cutwater_testing::Dice;

use crate::child::test_name;

const SIZE: u64 = 64 * 4096;
const ROLE: &str = "CUTWATER_STORM_READS";
const READERS: usize = 4;

/// The byte that belongs at `offset`; never 0, as holes are.
fn byte(offset: u64) -> u8 {
    ((offset ^ (offset >> 9)) % 255) as u8 + 1
}

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

static OTHERS: AtomicU64 = AtomicU64::new(0);
static BEFORE: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: c_int, _: *mut libc::siginfo_t, _: *mut c_void) {
    OTHERS.fetch_add(1, Ordering::Relaxed);
}

/// Passes every signal on to the handler in `BEFORE`, as libraries do.
extern "C" fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    OTHERS.fetch_add(1, Ordering::Relaxed);
    let before = std::ptr::with_exposed_provenance::<()>(BEFORE.load(Ordering::Relaxed));
    // SAFETY: sigaction(2) returned it with SA_SIGINFO.
    let before: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
        unsafe { std::mem::transmute(before) };
    before(signal, info, context);
}

type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

/// Sets a handler for SIGBUS and keeps the one before in `BEFORE`.
fn set_handler(handler: Handler) {
    // SAFETY: all-zero bits are a valid `sigaction`.
    let (mut new, mut old): (libc::sigaction, libc::sigaction) = unsafe { std::mem::zeroed() };
    (new.sa_sigaction, new.sa_flags) = (handler as *const () as usize, libc::SA_SIGINFO);
    // Threads wait at this very moment, or none has begun.
    BEFORE.store(current(), Ordering::Relaxed);
    // SAFETY: both point to structs of ours, and the handler is of the type that the flag says.
    assert_eq!(unsafe { libc::sigaction(libc::SIGBUS, &raw const new, &raw mut old) }, 0);
}

fn current() -> usize {
    // SAFETY: all-zero bits are a valid `sigaction`.
    let mut old: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: a null action changes nothing; the old one goes to a struct of ours.
    unsafe { libc::sigaction(libc::SIGBUS, std::ptr::null(), &raw mut old) };
    old.sa_sigaction
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Company {
    Before,
    AfterPassingOn,
    Displaced,
    Forks,
}

struct Reader<'a> {
    file: &'a File,
    map: &'a Map,
    wrong: &'a AtomicU64,
    reads: &'a AtomicU64,
    over: &'a AtomicBool,
    pause: &'a AtomicBool,
    gate: &'a Barrier,
}

impl Reader<'_> {
    /// Reads until it is over, with one pause at the gate.
    fn run_until_over(&self, mut dice: Dice) {
        let (mut buf, mut has_paused) = ([0; 20_000], false);
        while !self.over.load(Ordering::Relaxed) || !has_paused {
            self.read(&mut dice, &mut buf);
            if !has_paused && self.pause.load(Ordering::Relaxed) {
                // Nobody copies while the handler is displaced and that was not noticed yet.
                self.gate.wait();
                self.gate.wait();
                has_paused = true;
            }
        }
    }

    /// One read from the map, or by a call where the map is not protected.
    fn read(&self, dice: &mut Dice, buf: &mut [u8]) {
        let len = 1 + dice.below(buf.len() as u64);
        let at = dice.below(SIZE - len);
        let buf = &mut buf[..len as usize];
        let n = match self.map.copy_to(at as usize, buf) {
            Ok(n) | Err(CopyError::Fault { copied: n }) => n,
            Err(CopyError::Unprotected) => self.file.read_at(buf, at).unwrap(),
            Err(CopyError::OutOfBounds) => panic!("{at} and {len} are in bounds"),
        };
        let bad = buf[..n].iter().zip(at..).filter(|(b, at)| **b != 0 && **b != byte(*at)).count();
        self.wrong.fetch_add(bad as u64, Ordering::Relaxed);
        self.reads.fetch_add(1, Ordering::Relaxed);
    }
}

fn read_until_stopped(path: &str, company: Company) {
    if company == Company::Before {
        set_handler(count);
    }
    sigbus::install().unwrap();
    let file = File::open(path).unwrap();
    let map = Map::new(file.as_fd(), 0, SIZE as usize, &MapOptions::default()).unwrap();
    println!("ready");
    let no_bytes = tempfile::tempfile().unwrap();
    let empty = Map::new(no_bytes.as_fd(), 0, 4096, &MapOptions::default()).unwrap();
    let (wrong, reads) = (AtomicU64::new(0), AtomicU64::new(0));
    let (over, pause) = (AtomicBool::new(false), AtomicBool::new(false));
    let gate = Barrier::new(READERS + 1);
    // Judged at the end: a panic now would leave the readers at the gate.
    let (mut passed_on, mut status) = (None, Status::Displaced);
    let seed = from_env("CUTWATER_SEED", 1);
    std::thread::scope(|scope| {
        for thread in 0..READERS as u64 {
            let (file, map, wrong, reads) = (&file, &map, &wrong, &reads);
            let (over, pause, gate) = (&over, &pause, &gate);
            let reader = Reader { file, map, wrong, reads, over, pause, gate };
            scope.spawn(move || reader.run_until_over(Dice::new(seed * 8 + thread)));
        }
        while reads.load(Ordering::Relaxed) < 10_000 {
            std::thread::yield_now();
        }
        pause.store(true, Ordering::Relaxed);
        gate.wait();
        match company {
            // Not looked for: until a copy does, faults reach us through it.
            Company::AfterPassingOn => {
                // A thread's first copy looks, so the one that counts is the second.
                let first = empty.copy_to(0, &mut [0]);
                set_handler(pass_on);
                passed_on = Some([first, empty.copy_to(0, &mut [0])]);
            }
            Company::Displaced => {
                set_handler(count);
                status = sigbus::status();
            }
            Company::Before | Company::Forks => {}
        }
        gate.wait();
        if company == Company::Forks {
            (0..20).for_each(|i| fork_and_read(&map, seed + i));
        }
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        over.store(true, Ordering::Relaxed);
    });
    let caught = Err(CopyError::Fault { copied: 0 });
    assert!(passed_on.is_none_or(|both| both == [caught; 2]), "{passed_on:?}");
    assert_eq!(status, Status::Displaced);
    let (reads, wrong) = (reads.into_inner(), wrong.into_inner());
    let counters = sigbus::counters();
    println!("said {reads} {wrong} {} {}", counters.caught, OTHERS.load(Ordering::Relaxed));
}

/// A child that reads a little from the map in the storm, and ends well only if it survives.
fn fork_and_read(map: &Map, seed: u64) {
    // SAFETY: the child calls nothing but copies, which allocate nothing, and _exit.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let (mut dice, mut buf, mut bad) = (Dice::new(seed), [0; 8192], 0);
        for _ in 0..500 {
            let at = dice.below(SIZE - 8192);
            let n = match map.copy_to(at as usize, &mut buf) {
                Ok(n) | Err(CopyError::Fault { copied: n }) => n,
                Err(_) => 0,
            };
            bad |= i32::from(buf[..n].iter().zip(at..).any(|(b, at)| *b != 0 && *b != byte(at)));
        }
        // SAFETY: ends the process.
        unsafe { libc::_exit(bad) };
    }
    let mut status = 1;
    // SAFETY: writes one integer of ours.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert_eq!(status, 0, "a forked child died or read a wrong byte");
}

/// Runs the test that contains `judge` again, as the reader, and the storm over it. `judge` gets
/// how many reads there were, wrong bytes, faults caught, and signals that the other handler got.
fn storm(company: Company, judge: impl FnOnce([u64; 4])) {
    if let Ok(path) = std::env::var(ROLE) {
        return read_until_stopped(&path, company);
    }
    let (changes, seed) = (from_env("CUTWATER_CHANGES", 2_000), from_env("CUTWATER_SEED", 1));
    let temp = tempfile::NamedTempFile::new().unwrap();
    let file = temp.as_file();
    let contents: Vec<u8> = (0..SIZE).map(byte).collect();
    file.write_all_at(&contents, 0).unwrap();
    let mut reader = Command::new(std::env::current_exe().unwrap())
        .args([test_name(&judge), "--exact", "--nocapture"])
        .env(ROLE, temp.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It has its maps, so that the whole storm reaches it.
    let (mut out, mut said) = (BufReader::new(reader.stdout.take().unwrap()), String::new());
    while !said.contains("ready") {
        assert!(out.read_line(&mut said).unwrap() > 0, "the reader ended early: {said}");
    }
    let mut dice = Dice::new(seed);
    for _ in 0..changes {
        let at = dice.below(SIZE);
        match dice.below(4) {
            0 => file.set_len(at).unwrap(),
            1 => file.set_len(SIZE).unwrap(),
            _ => {
                let end = (at + dice.below(40_000)).min(SIZE);
                file.write_all_at(&contents[at as usize..end as usize], at).unwrap();
            }
        }
        std::thread::yield_now();
    }
    drop(reader.stdin.take());
    out.read_to_string(&mut said).unwrap();
    let status = reader.wait().unwrap();
    assert!(status.success(), "seed {seed}: {status} {said}");
    let line = said.lines().find_map(|l| l.split("said ").nth(1)).unwrap();
    let counts: Vec<u64> = line.split(' ').map(|n| n.parse().unwrap()).collect();
    let [reads, wrong, caught, others] = counts[..] else { panic!("{line}") };
    println!(
        "{company:?}, seed {seed}, {changes} changes: {reads} reads, {caught} caught, \
         {others} seen by the other handler, {wrong} wrong bytes"
    );
    assert!(reads >= 10_000 && caught > 0, "no storm: {line}");
    assert_eq!(wrong, 0, "seed {seed}");
    judge([reads, wrong, caught, others]);
}

#[test]
fn a_library_whose_handler_was_there_first_sees_none_of_our_faults() {
    storm(Company::Before, |[.., others]| assert_eq!(others, 0));
}

#[test]
fn a_library_that_came_later_and_passes_on_keeps_us_alive() {
    storm(Company::AfterPassingOn, |[.., caught, others]| assert!(others > 0 && caught > 0));
}

#[test]
fn once_displaced_reads_go_by_calls() {
    storm(Company::Displaced, |_| ());
}

#[test]
fn children_forked_in_the_storm_survive_it() {
    storm(Company::Forks, |_| ());
}
