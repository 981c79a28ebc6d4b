//! Every adapter gives the bytes that the standard library gives.

use std::io::Write;

use super::*;

const BLOCK: usize = 4096;
const BLOCKS: u64 = 96;

/// Beside the build: on a tmpfs `O_DIRECT` may be refused.
fn small_file() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let bytes: Vec<u8> = (0..BLOCKS * BLOCK as u64).map(|i| ((i * i) >> 7) as u8).collect();
    file.write_all(&bytes).unwrap();
    file.as_file().sync_all().unwrap();
    file
}

/// Every block once, in steps of 35, which has no divisor in common with 96.
fn job(file: &tempfile::NamedTempFile, threads: usize, depth: usize) -> Job {
    let offset = |i: u64| i * 35 % BLOCKS * BLOCK as u64;
    Job {
        path: file.path().to_owned(),
        spans: (0..BLOCKS).map(|i| Span { offset: offset(i), len: BLOCK }).collect(),
        depth,
        threads,
        random: true,
        direct: true,
    }
}

/// The kernel may refuse a ring to peers that need one; no other peer may fail.
fn may_be_missing(peer: &dyn Peer) -> bool {
    let on_a_ring = ["tokio-uring", "monoio", "compio", "glommio", "glommio-dma"];
    on_a_ring.contains(&peer.name())
}

#[test]
fn every_peer_reads_what_std_reads() {
    let file = small_file();
    for (threads, depth) in [(1, 1), (1, 8), (2, 8)] {
        let job = job(&file, threads, depth);
        let expected = stdlib::Loop.run(&job).unwrap().tally;
        assert_eq!(expected.bytes, BLOCKS * BLOCK as u64);
        for peer in Roster::of_this_build().peers {
            match peer.run(&job) {
                Ok(outcome) => assert_eq!(outcome.tally, expected, "{} x{depth}", peer.name()),
                Err(why) if may_be_missing(peer.as_ref()) => {
                    cutwater_testing::skip!("{}: {why}", peer.name());
                }
                Err(why) => panic!("{}: {why}", peer.name()),
            }
        }
    }
}

#[test]
fn every_peer_names_the_reason_when_a_file_is_missing() {
    let file = small_file();
    let mut job = job(&file, 2, 4);
    job.path = "/no/such/file".into();
    for peer in Roster::of_this_build().peers {
        let why = peer.run(&job).unwrap_err().to_string();
        assert!(why.len() > 4, "{}: {why}", peer.name());
    }
}

#[test]
fn no_peer_passes_off_a_short_file_as_read() {
    let file = small_file();
    let mut job = job(&file, 1, 4);
    job.spans.push(Span { offset: BLOCKS * BLOCK as u64 - 512, len: BLOCK });
    for peer in Roster::of_this_build().peers {
        let whole = peer.run(&job).is_ok_and(|o| o.tally.bytes == job.bytes());
        assert!(!whole, "{}", peer.name());
    }
}

#[test]
fn a_name_that_is_no_peer_is_refused_with_those_that_are() {
    let mut roster = Roster::of_this_build();
    let why = roster.keep(&["sdt".to_owned()]).unwrap_err();
    assert!(why.contains("`sdt`") && why.contains("std-threads"), "{why}");
    roster.keep(&["std".to_owned()]).unwrap();
    let names: Vec<_> = roster.peers.iter().map(|p| p.name()).collect();
    assert_eq!(names, ["std", OURS]);
}
