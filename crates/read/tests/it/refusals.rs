//! The conformance suite on a host that refuses things: io_uring, cachestat, mincore, locked
//! memory, descriptors. Refusals belong to the whole process, so each is a child of its own.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cutwater::{File, ReadPath};
use cutwater_sys::seccomp::{self, Refusal, SysCall};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const CHILD: &str = "CUTWATER_TEST_CHILD";

/// After this a child is taken to hang: it is killed, and the test fails.
const HANGS_AFTER: Duration = Duration::from_secs(120);

/// Runs `body` in a new process of this binary that runs this test only; prints what it said.
fn in_child(name: &str, body: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        return body();
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("refusals::{name}"), "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Read to the end on threads, so that a full pipe does not look like a hang.
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let out = std::thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).map(|_| text)
    });
    let err = std::thread::spawn(move || {
        let mut text = String::new();
        err.read_to_string(&mut text).map(|_| text)
    });
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > HANGS_AFTER {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let (out, err) = (out.join().unwrap().unwrap(), err.join().unwrap().unwrap());
    print!("{out}");
    assert!(status.success() && out.contains("1 passed"), "{status}\n{out}{err}");
}

/// Reads everything by every path that is still there; returns the paths that were.
fn reads_are_right(bytes: &[u8], at: &std::path::Path) -> Vec<String> {
    let files = crate::support::checks::open_by_every_path(at);
    for (name, file) in &files {
        crate::support::checks::check_everything(name, file, bytes);
    }
    files.into_iter().map(|(name, _)| name).collect()
}

fn sample() -> (tempfile::NamedTempFile, Vec<u8>) {
    let bytes = crate::support::checks::bytes((5 << 20) + 777);
    (crate::support::checks::file_in(&std::env::temp_dir(), &bytes), bytes)
}

fn without_io_uring(refusal: Refusal, said: &str) {
    seccomp::refuse(&SysCall::IO_URING, refusal).unwrap();
    let (temp, bytes) = sample();
    for path in [ReadPath::Uring, ReadPath::UringDirect] {
        let error = File::options().path(path).open(temp.path()).unwrap_err();
        if path == ReadPath::UringDirect && error.to_string().contains("O_DIRECT") {
            println!("not tried: {error}");
            continue;
        }
        let text = error.to_string();
        assert!(text.contains("cannot set up io_uring") && text.contains(said), "{path}: {text}");
        assert!(text.contains(temp.path().to_str().unwrap()), "no path: {text}");
        let steps = ["try:", "use another path"];
        let has_step = steps.iter().any(|step| text.contains(step));
        assert!(text.contains("likely cause") && has_step, "no next step: {text}");
    }
    let paths = reads_are_right(&bytes, temp.path());
    for path in ["read", "preadv", "mmap", "auto"] {
        assert!(paths.iter().any(|p| p.contains(path)), "{path} is gone too: {paths:?}");
    }
    assert!(paths.iter().all(|p| !p.contains("uring")), "{paths:?}");
    // The chooser wants the ring for a cold file, goes without, and says so.
    let file = File::options().path(ReadPath::Auto).open(temp.path()).unwrap();
    let ranges: Vec<_> =
        (0..100u64).map(|i| (i * 37 % 100) * 40_000..(i * 37 % 100) * 40_000 + 500).collect();
    let _ = rustix::fs::fadvise(temp.as_file(), 0, None, rustix::fs::Advice::DontNeed);
    assert_eq!(file.read_ranges_to_vecs(&ranges).unwrap().len(), 100);
    let explained = file.explain();
    assert!(explained.choices.iter().all(|c| c.path != ReadPath::Uring), "{explained:?}");
    if let Some(ring) = explained.ring {
        let (what, why) = &ring.refused[0];
        assert_eq!(*what, "io_uring");
        assert!(!why.is_empty() && ring.granted.is_empty());
    }
}

#[test]
fn io_uring_unknown_to_the_kernel() {
    in_child("io_uring_unknown_to_the_kernel", || {
        without_io_uring(Refusal::NoSys, "not implemented")
    });
}

#[test]
fn io_uring_forbidden() {
    in_child("io_uring_forbidden", || without_io_uring(Refusal::Perm, "not permitted"));
}

#[test]
fn io_uring_without_memory() {
    in_child("io_uring_without_memory", || without_io_uring(Refusal::NoMem, "memory"));
}

#[test]
fn rings_that_may_be_made_and_not_entered() {
    in_child("rings_that_may_be_made_and_not_entered", || {
        seccomp::refuse(&[SysCall::IoUringEnter], Refusal::Perm).unwrap();
        let (temp, bytes) = sample();
        let error = File::options().path(ReadPath::Uring).open(temp.path()).unwrap_err();
        assert!(error.to_string().contains("cannot set up io_uring"), "{error}");
        let paths = reads_are_right(&bytes, temp.path());
        assert!(paths.iter().all(|p| !p.contains("uring")), "{paths:?}");
    });
}

#[test]
fn rings_with_which_nothing_may_be_registered() {
    in_child("rings_with_which_nothing_may_be_registered", || {
        seccomp::refuse(&[SysCall::IoUringRegister], Refusal::Perm).unwrap();
        let (temp, bytes) = sample();
        let paths = reads_are_right(&bytes, temp.path());
        println!("without registrations: {}", paths.join(", "));
    });
}

#[test]
fn a_kernel_that_does_not_know_cachestat_is_asked_by_mincore() {
    in_child("a_kernel_that_does_not_know_cachestat_is_asked_by_mincore", || {
        seccomp::refuse(&[SysCall::Cachestat], Refusal::NoSys).unwrap();
        let (temp, bytes) = sample();
        let file = File::open(temp.path()).unwrap();
        assert_eq!(file.residency(0..4096).unwrap().by, "mincore");
        reads_are_right(&bytes, temp.path());
    });
}

#[test]
fn where_nothing_tells_what_is_resident_reads_are_as_right() {
    in_child("where_nothing_tells_what_is_resident_reads_are_as_right", || {
        seccomp::refuse(&[SysCall::Cachestat, SysCall::Mincore], Refusal::NoSys).unwrap();
        let (temp, bytes) = sample();
        let error = File::open(temp.path()).unwrap().residency(0..4096).unwrap_err();
        assert!(error.is_unsupported(), "{error}");
        reads_are_right(&bytes, temp.path());
    });
}

#[test]
fn without_preadv2_and_statx_there_is_pread_and_fstat() {
    in_child("without_preadv2_and_statx_there_is_pread_and_fstat", || {
        let (temp, bytes) = sample();
        seccomp::refuse(&[SysCall::Preadv2, SysCall::Statx], Refusal::NoSys).unwrap();
        let files = crate::support::checks::open_by_every_path(temp.path());
        assert!(files.iter().any(|(name, _)| name.contains("read")));
        for (name, file) in &files {
            // Vectors of the caller's have no other call.
            crate::support::checks::check_single_reads(name, file, &bytes);
        }
    });
}

fn limit(resource: Resource, to: u64) {
    let Rlimit { maximum, .. } = getrlimit(resource);
    let to = maximum.map_or(to, |maximum| to.min(maximum));
    setrlimit(resource, Rlimit { current: Some(to), maximum: Some(to) }).unwrap();
}

#[test]
fn without_locked_memory_rings_go_without_registered_buffers() {
    in_child("without_locked_memory_rings_go_without_registered_buffers", || {
        // Root is above the limit; as another user this shows more.
        limit(Resource::Memlock, 0);
        let (temp, bytes) = sample();
        let paths = reads_are_right(&bytes, temp.path());
        assert!(paths.iter().any(|p| p.contains("auto")), "{paths:?}");
        println!("with no locked memory: {}", paths.join(", "));
    });
}

#[test]
fn when_descriptors_run_out_open_files_are_read_and_others_say_why() {
    in_child("when_descriptors_run_out_open_files_are_read_and_others_say_why", || {
        let (temp, bytes) = sample();
        let at = temp.path().to_owned();
        // On another thread, whose ring this one cannot use.
        let ring = move || File::options().path(ReadPath::Uring).open(at).is_ok();
        let has_ring = std::thread::spawn(ring).join().unwrap();
        let auto = File::open(temp.path()).unwrap();
        // With every free number taken, neither a ring nor a second descriptor can be made.
        let mut taken = Vec::new();
        limit(Resource::Nofile, 64);
        while let Ok(file) = std::fs::File::open("/dev/null") {
            taken.push(file);
        }
        let error = File::open(temp.path()).unwrap_err();
        let text = error.to_string();
        assert!(error.is_limit() && text.contains("ulimit -n"), "{text}");
        crate::support::checks::check_single_reads("no descriptors", &auto, &bytes);
        for list in crate::support::checks::range_lists(bytes.len() as u64) {
            let order = cutwater::Order::Completion;
            crate::support::checks::check_ranges("no descriptors", &auto, &bytes, &list, order);
        }
        // One more, which a file takes, and then its ring finds none.
        taken.pop();
        let error = File::options().path(ReadPath::Uring).open(temp.path()).unwrap_err();
        assert!(error.is_limit() || !has_ring, "{error}");
        drop(taken);
        // With descriptors the ring is there again, on this very thread.
        let paths = reads_are_right(&bytes, temp.path());
        assert_eq!(paths.iter().any(|p| p.contains("uring")), has_ring, "{paths:?}");
    });
}
