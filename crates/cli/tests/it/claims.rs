//! Every claim in its smallest mode: what its sides read is what is in the files, by a hash that is
//! the same on each host; one that is not measurable on this host says why.

use serde_json::Value;

/// The fewest rounds, and how many samples of a side they give.
const SMALLEST: [&str; 6] = ["reproduce", "--json", "--quick", "--rounds=2", "--time=0", "--dir"];
const SAMPLES: usize = 4;

/// What a host may lack, by the words of the reason.
const RING: &[&str] = &["io_uring"];
const LIMITS: &[&str] = &["io_uring", "descriptors", "connections", "the ring refused"];
const COLD: &[&str] = &["the file system keeps pages"];

struct Expected {
    id: &'static str,
    sides: usize,
    figures: usize,
    /// The hash of what each side reads; empty where nothing is read.
    hash: &'static str,
    /// A word of each reason that there may be for not measuring it.
    lacks: &'static [&'static str],
}

const fn claim(
    id: &'static str,
    sides: usize,
    figures: usize,
    hash: &'static str,
    lacks: &'static [&'static str],
) -> Expected {
    Expected { id, sides, figures, hash, lacks }
}

/// All of them, in their order.
const EXPECTED: [Expected; 31] = [
    claim("seq-paths", 3, 0, "7ae0a67cce7e6a00", COLD),
    claim(
        "syscall-share",
        2,
        0,
        "7ae0a67cce7e6a00",
        &["flame graph", "samples", "frames", "keeps pages"],
    ),
    claim("iovec-pool", 2, 0, "eff155bfa3dd4d00", &[]),
    claim("vectored-seq", 2, 1, "952df4d7e9851c00", COLD),
    claim("registered-files", 2, 0, "a0dd0d9dc8fd4d00", RING),
    claim("batch-harvest", 3, 1, "892560c407ba9200", &["io_uring", "keeps pages"]),
    claim("tail-p99", 3, 0, "25d89f54d2a79800", &[]),
    claim("sendfile", 2, 0, "3748368612beee00", &[]),
    claim("mmap-cpu", 2, 1, "7ae0a67cce7e6a00", &[]),
    claim("hot-small", 4, 0, "c65e8f6521c1c800", &[]),
    claim("huge-pages", 2, 1, "f9bf6cf6e5d19542", &["2 MiB pages", "of memory"]),
    claim("hybrid-seq", 3, 0, "7ae0a67cce7e6a00", &[]),
    claim("hybrid-jump", 3, 0, "226c0f419774d400", COLD),
    claim("shared-config", 2, 0, "d6218d2e7c7a2200", &["smaps_rollup"]),
    claim("arrow", 3, 0, "868e307322db8e60", &[]),
    claim("willneed", 2, 0, "9154fb2dd1494d00", COLD),
    claim("small-reads", 2, 0, "d6218d2e7c7a2200", &[]),
    claim("worker-pool", 2, 0, "3248d9c7a9b49f6a", COLD),
    claim("fd-table", 2, 0, "", &["descriptors"]),
    claim("epoll-file", 0, 0, "", &[]),
    claim("log-scan", 4, 1, "000000000000c353", &[]),
    claim("prefetch-4k", 3, 0, "892560c407ba9200", COLD),
    claim("json-parse", 3, 1, "00000006fc1f1820", &[]),
    claim("ring-16k", 2, 3, "0cf60995626e8a00", &["io_uring", "keeps pages"]),
    claim("echo-16k", 2, 2, "0000000000021340", RING),
    claim("wake-10k", 2, 0, "f1c0a171c768abb4", LIMITS),
    claim("event-queue", 2, 0, "bb0414170f488d40", &[]),
    claim("depth-curve", 3, 0, "60b9c0df60e31e00", COLD),
    claim("small-packets", 3, 0, "fe76a73215fc5980", &[]),
    claim("degrade", 2, 0, "", RING),
    claim("sqpoll", 4, 0, "4ebcd61b28ebae00", &["io_uring", "IORING_SETUP_SQPOLL", "only one"]),
];

fn measured() -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let mut command = crate::cutwater();
    let out = command.args(SMALLEST).arg(dir.path()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "files were left");
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    report["claims"].as_array().unwrap().clone()
}

#[test]
fn every_claim_is_measured_on_the_bytes_it_is_about_or_says_why_not() {
    let claims = measured();
    let ids: Vec<_> = claims.iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert_eq!(ids, EXPECTED.each_ref().map(|e| e.id));
    let mut count = 0;
    for (claim, expected) in claims.iter().zip(&EXPECTED) {
        count += usize::from(check(claim, expected));
    }
    println!("{count} of {} measured here", EXPECTED.len());
}

/// Whether it was measured here.
fn check(claim: &Value, expected: &Expected) -> bool {
    let why = claim["why"].as_str().unwrap();
    assert!(!why.is_empty(), "{claim}");
    if claim["verdict"] == "not measurable here" {
        let known = expected.lacks.iter().any(|word| why.contains(word));
        assert!(
            known,
            "{} is measurable on any host, or lacks what nobody knew of: {why}",
            expected.id
        );
        assert!(claim["measured_ratio"].is_null() && claim["decided"].is_null(), "{claim}");
        cutwater_testing::skip!("{}: {why}", expected.id);
        return false;
    }
    let sides = claim["sides"].as_array().unwrap();
    assert_eq!(sides.len(), expected.sides, "{claim}");
    sides.iter().for_each(|side| check_side(side, expected));
    let figures = claim["figures"].as_array().unwrap();
    // A map that lends its bytes needs a file system with leases.
    let fewer = expected.id == "mmap-cpu" && why.contains("cannot be had");
    assert!(figures.len() == expected.figures || fewer, "{claim}");
    for figure in figures {
        assert!(figure["what"].as_str().is_some_and(|what| !what.is_empty()), "{claim}");
        let sides = figure["sides"].as_array().unwrap();
        assert!(sides.len() >= 2, "{figure}");
        let samples = |side: &Value| side["values"].as_array().unwrap().len();
        assert!(sides.iter().all(|side| samples(side) == SAMPLES), "{figure}");
    }
    let judged = !claim["claimed_ratio"].is_null();
    assert_eq!(claim["measured_ratio"].is_f64(), judged, "{claim}");
    assert_eq!(claim["interval"]["rounds"] == 2, judged, "{claim}");
    // Two rounds give no interval, which leaves every verdict open.
    assert!(claim["spread"].is_null() && claim["interval"]["high"].is_null(), "{claim}");
    assert_eq!(claim["decided"] == false, judged, "{claim}");
    true
}

fn check_side(side: &Value, expected: &Expected) {
    let hash = side["hash"].as_str().unwrap();
    let nothing = hash.bytes().all(|digit| digit == b'0');
    assert!(
        hash == expected.hash || (nothing && expected.hash.is_empty()),
        "{}: {side}",
        expected.id
    );
    let values: Vec<f64> =
        side["values"].as_array().unwrap().iter().flat_map(Value::as_f64).collect();
    assert_eq!(values.len(), SAMPLES, "{}: {side}", expected.id);
    assert!(values.iter().all(|value| value.is_finite() && *value >= 0.0), "{side}");
}
