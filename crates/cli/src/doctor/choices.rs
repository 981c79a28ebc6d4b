//! What Cutwater will use here, in a few typical cases. Pure; follows the chooser's rules for
//! what can be known before a file is read.

use cutwater_sys::probe::answer;
use cutwater_sys::probe::ring::REGISTERED_BYTES_MAX;
use serde::Serialize;

use super::facts::Facts;
use super::words;

/// One case, the path taken and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Choice {
    /// Stable name of the case.
    pub(super) case: &'static str,
    /// The case, in words for people.
    #[serde(skip)]
    pub(super) title: &'static str,
    /// `mmap`, `preadv`, `uring`, `uring-direct`, `read`, or `none`.
    pub(super) path: &'static str,
    pub(super) reason: String,
}

/// The cases.
pub(super) fn choices(facts: &Facts) -> Vec<Choice> {
    if !facts.works() || !facts.tried() {
        return Vec::new();
    }
    vec![warm(facts), cold_random(facts), cold_sequential(facts), cold_alone(facts)]
}

fn warm(facts: &Facts) -> Choice {
    let (case, title) = ("warm", "resident");
    if facts.residency().is_none() {
        return Choice { case, title, ..blind(facts) };
    }
    let (path, reason) = match (facts.on_file("mmap").works(), copied(facts)) {
        (true, "none") => ("mmap", "copied from the map; no read call works here".to_owned()),
        (true, call) => (
            "mmap",
            format!(
                "copied from the map, without a system call; programs without the SIGBUS handler \
                 use {call}"
            ),
        ),
        (false, call) => (call, "copied by a call: files cannot be mapped here".to_owned()),
    };
    Choice { case, title, path, reason }
}

/// The call that copies resident bytes.
fn copied(facts: &Facts) -> &'static str {
    match ["preadv2", "pread"].map(|n| facts.on_file(n).works()) {
        [true, _] => "preadv",
        [_, true] => "read",
        _ => "none",
    }
}

/// If it is not known what is resident, all reads go through the page cache.
fn blind(facts: &Facts) -> Choice {
    let path = if facts.has_ring() { "uring" } else { copied(facts) };
    let reason = "residency is unknown here, so all reads go through the page cache".into();
    Choice { case: "", title: "", path, reason }
}

fn cold_random(facts: &Facts) -> Choice {
    let (case, title) = ("cold_random", "cold, known ahead");
    if facts.residency().is_none() {
        return Choice { case, title, ..blind(facts) };
    }
    let (path, reason) = match (facts.has_ring(), direct(facts)) {
        (true, true) => {
            ("uring-direct", "resident ranges are copied, misses queued past the page cache")
        }
        (true, false) => ("uring", "no direct reads here: misses queued through the page cache"),
        (false, true) => ("read", "no ring: misses are read directly, one after another"),
        (false, false) => (copied(facts), "no ring and no direct reads: one after another"),
    };
    Choice { case, title, path, reason: reason.into() }
}

/// Whether reads that pass the page cache gain anything.
fn direct(facts: &Facts) -> bool {
    let memory =
        facts.mount.as_ref().is_some_and(|m| matches!(m.fs_type.as_str(), "tmpfs" | "ramfs"));
    facts.file.direct.is_some() && !memory
}

fn cold_sequential(facts: &Facts) -> Choice {
    let (case, title) = ("cold_sequential", "cold, in order");
    let ahead = facts.device.as_ref().and_then(|d| d.read_ahead_kib);
    let reason = match ahead.map(|kib| words::bytes(kib * 1024)) {
        Some(ahead) => format!("the kernel's read-ahead of {ahead} keeps the device busy"),
        None => "through the page cache, which is filled ahead".into(),
    };
    let path = if copied(facts) == "none" { "mmap" } else { "read" };
    Choice { case, title, path, reason }
}

fn cold_alone(facts: &Facts) -> Choice {
    let (case, title) = ("cold_alone", "cold, one by one");
    let reason = match direct(facts) && facts.residency().is_some() {
        true => "nothing to queue: checks residency, then reads misses directly",
        false => "nothing to queue: through the page cache",
    };
    let path = if copied(facts) == "none" { "mmap" } else { "read" };
    Choice { case, title, path, reason: reason.into() }
}

/// Flags that a ring gets, of those that Cutwater asks for; empty without a ring.
pub(super) fn ring_flags(facts: &Facts) -> Vec<&'static str> {
    if !facts.has_ring() {
        return Vec::new();
    }
    let has = |flag| answer(&facts.ring.flags, flag).works();
    let mut flags: Vec<_> = ["SINGLE_ISSUER", "DEFER_TASKRUN", "NO_SQARRAY", "SUBMIT_ALL"]
        .into_iter()
        .filter(|f| has(f))
        .collect();
    if !flags.contains(&"DEFER_TASKRUN") && has("COOP_TASKRUN") {
        flags.push("COOP_TASKRUN");
    }
    flags
}

/// Whether large direct reads go to registered buffers.
pub(super) fn registered_buffers(facts: &Facts) -> bool {
    facts.has_ring() && facts.ring.registered_bytes_max >= REGISTERED_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::super::advice::sample::{facts, set};
    use super::*;
    use cutwater_sys::Errno;
    use cutwater_sys::probe::Answer;

    fn check(facts: &Facts, expected: [&str; 4]) {
        let paths: Vec<_> = choices(facts).iter().map(|c| c.path).collect();
        assert_eq!(paths, expected);
    }

    const NO: Answer = Answer::Refused(Errno::NOSYS);

    #[test]
    fn each_loss_changes_the_path_that_needs_it() {
        check(&facts(), ["mmap", "uring-direct", "read", "read"]);

        let mut no_ring = facts();
        no_ring.ring.setup = NO;
        check(&no_ring, ["mmap", "read", "read", "read"]);

        let mut no_direct = facts();
        no_direct.file.direct = None;
        check(&no_direct, ["mmap", "uring", "read", "read"]);

        let mut blind = facts();
        set(&mut blind.file.checks, "cachestat", NO);
        check(&blind, ["mmap", "uring-direct", "read", "read"]);
        set(&mut blind.file.checks, "mincore", NO);
        check(&blind, ["uring", "uring", "read", "read"]);

        let mut no_map = facts();
        set(&mut no_map.file.checks, "mmap", NO);
        check(&no_map, ["preadv", "uring-direct", "read", "read"]);
        set(&mut no_map.file.checks, "preadv2", NO);
        check(&no_map, ["read", "uring-direct", "read", "read"]);
    }

    #[test]
    fn a_ring_without_deferred_work_gets_cooperative_work() {
        let mut f = facts();
        set(&mut f.ring.flags, "DEFER_TASKRUN", NO);
        f.ring
            .flags
            .push(cutwater_sys::probe::Check { name: "COOP_TASKRUN", answer: Answer::Works });
        assert_eq!(ring_flags(&f), ["SINGLE_ISSUER", "NO_SQARRAY", "SUBMIT_ALL", "COOP_TASKRUN"]);
        f.ring.setup = NO;
        assert_eq!((ring_flags(&f), registered_buffers(&f)), (vec![], false));
    }
}
