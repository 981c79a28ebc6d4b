//! Compressed logs through the public interface.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use cutwater::ReadPath;
use cutwater_logs::scan::{Counted, Log, Request, count_lines, open};
use cutwater_logs::split::{InputKind, Stop};
use cutwater_logs::{Error, Result};
use jiff::tz::TimeZone;

/// Files of the programs bzip2, xz, lz4, zip and gzip, each of the same log of 1000 lines.
fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/compressed").join(name)
}

fn opened(path: &Path) -> Result<Log> {
    open(path, ReadPath::Auto, None, &TimeZone::UTC)
}

fn counted(log: &Log, threads: usize) -> (Counted, Vec<Error>) {
    let request = Request::new(threads);
    let (counts, failures) = count_lines(std::slice::from_ref(log), &request, &Stop::default());
    (counts[0], failures.into_iter().map(|(_, e)| e).collect())
}

#[test]
fn logs_of_every_program_are_decoded_with_one_thread_and_with_two() {
    for (name, kind) in [
        ("a.bz2", InputKind::Bzip2),
        ("a.xz", InputKind::Xz),
        ("a.lz4", InputKind::Lz4),
        ("double.gz", InputKind::Gzip),
    ] {
        let log = opened(&data(name)).expect("opens");
        assert_eq!((log.input.kind, log.definition.format().name()), (kind, "json"), "{name}");
        for threads in [1, 2] {
            let (counts, failures) = counted(&log, threads);
            assert!(failures.is_empty(), "{name}: {failures:?}");
            assert_eq!(counts.lines, 1000, "{name}");
        }
        assert_eq!(log.input.take_remark(), None);
    }
}

#[test]
fn archives_are_refused_with_how_to_unpack_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let refused = |path: &Path| opened(path).expect_err("it is refused").to_string();
    let zip = data("a.zip");
    let words = refused(&zip);
    assert!(words.contains(&format!("unpack it with: unzip {}", zip.display())), "{words}");
    let mut tar = [0; 1024];
    tar[..5].copy_from_slice(b"a.log");
    tar[257..263].copy_from_slice(b"ustar\0");
    for (name, head, command) in [
        ("a.tar", &tar[..], "tar -xf"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c\0\x04", "7z x"),
        ("a.rar", b"Rar!\x1a\x07\x01\0", "unrar x"),
        ("a.Z", b"\x1f\x9d\x90", "uncompress"),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, head).expect("writes");
        let words = refused(&path);
        assert!(words.ends_with(&format!("with: {command} {}", path.display())), "{words}");
    }
}

#[test]
fn the_lines_before_a_cut_are_kept_and_the_cut_is_reported() {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, check) in [("a.bz2", "bzip2 -t"), ("a.xz", "xz -t"), ("a.lz4", "lz4 -t")] {
        let bytes = fs::read(data(name)).expect("reads");
        let path = dir.path().join(name);
        // All but the end mark and the checksum.
        fs::write(&path, &bytes[..bytes.len() - 8]).expect("writes");
        for threads in [1, 2] {
            let log = opened(&path).expect("opens");
            let (counts, failures) = counted(&log, threads);
            assert_eq!(counts.lines, 1000, "{name}");
            let words = failures[0].to_string();
            assert!(words.contains(&format!("after {} bytes of text", counts.bytes)), "{words}");
            assert!(words.contains(check), "{words}");
        }
    }
}

#[test]
fn a_line_that_was_cut_in_two_is_not_lost() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a.gz");
    // One stored block whose length says more than there is.
    fs::write(&path, b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x01\xff\0\0\xffone\ntw").expect("writes");
    let (counts, failures) = counted(&opened(&path).expect("opens"), 1);
    assert_eq!((counts.lines, counts.bytes, failures.len()), (2, 6, 1));
}

#[test]
fn bytes_after_gzip_are_remarked_once_a_pass() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a.gz");
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(b"one\ntwo\n").expect("compresses");
    let gz = gz.finish().expect("compresses");
    fs::write(&path, [&gz[..], &[0; 512]].concat()).expect("writes");
    let log = opened(&path).expect("opens");
    assert_eq!((counted(&log, 1).0.lines, log.input.take_remark()), (2, None));
    fs::write(&path, [&gz[..], b"three\n"].concat()).expect("writes");
    let log = opened(&path).expect("opens");
    for _ in 0..2 {
        let (counts, failures) = counted(&log, 2);
        assert_eq!((counts.lines, failures.len()), (2, 0));
        let remark = log.input.take_remark().expect("a remark");
        assert!(remark.contains("6 bytes after its compressed data"), "{remark}");
        assert_eq!(log.input.take_remark(), None);
    }
}
