//! Nothing is lost: every line is a record, a bad line or blank, whatever the threads, the
//! pieces, and what happens to the file meanwhile.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use cutwater::ReadPath;
use cutwater_logs::Error;
use cutwater_logs::format::{Definition, Format};
use cutwater_logs::render::{Rendering, Style};
use cutwater_logs::scan::{Finished, Lines, Request, Rows, Sink, count_lines, open, scan};
use cutwater_logs::split::Stop;
use jiff::tz::TimeZone;
use proptest::prelude::*;

fn passed<S: Sink<Out = Rows>>(
    path: &Path,
    format: Format,
    threads: usize,
    sizes: (u64, usize),
    sink: impl FnMut() -> S,
) -> (Finished<S>, Vec<u8>) {
    let given = Definition::Known(format);
    let logs = [open(path, ReadPath::Preadv, Some(&given), &TimeZone::UTC).expect("opens")];
    let mut request = Request::new(threads);
    (request.limits.piece_bytes, request.limits.block_bytes) = sizes;
    let mut out = Vec::new();
    let each = |_: usize, part: &mut cutwater_logs::scan::Part<Rows>| {
        out.extend_from_slice(&part.out.text);
        ControlFlow::Continue(())
    };
    let done = scan(&logs, &request, &Stop::default(), sink, each);
    (done, out)
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"".to_vec()),
        Just(b"  \r".to_vec()),
        "\\{\"a\":[0-9]{1,3}\\}".prop_map(String::into_bytes),
        "[ -~]{0,40}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>().prop_filter("one line", |b| *b != b'\n'), 0..30),
        Just(vec![b'x'; 300]),
    ]
}

#[test]
fn the_bytes_of_a_log_are_counted_once_also_those_of_a_last_line_that_is_too_long() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let long = "x".repeat(3000);
    for text in [long.clone(), format!("{long}\n"), format!("a\n{long}"), format!("{long}\nb")] {
        fs::write(&path, &text).expect("writes");
        let given = Definition::Known(Format::Raw);
        let logs = [open(&path, ReadPath::Preadv, Some(&given), &TimeZone::UTC).expect("opens")];
        let mut request = Request::new(2);
        (request.limits.block_bytes, request.limits.line_bytes_max) = (64, 64);
        let (counted, _) = count_lines(&logs, &request, &Stop::default());
        assert_eq!(counted[0].bytes, text.len() as u64, "counted");
        let stop = Stop::default();
        let done = scan(&logs, &request, &stop, Lines::default, |_, _| ControlFlow::Continue(()));
        assert_eq!(done.tallies[0].bytes, text.len() as u64, "scanned");
        assert_eq!(stop.bytes(), text.len() as u64, "shown");
    }
}

proptest! {
    #[test]
    fn lines_are_records_continuations_bad_or_blank(
        lines in proptest::collection::vec(line(), 0..60),
        ended: bool,
        threads in 1usize..4,
        piece in 1u64..500,
    ) {
        let mut text = lines.join(&b'\n');
        if ended && !text.is_empty() {
            text.push(b'\n');
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &text).unwrap();
        // By the definition of a line: what a line feed ends, and what follows the last one.
        let naive: Vec<&[u8]> = text.split_inclusive(|&b| b == b'\n').collect();
        let is_blank = |line: &&&[u8]| {
            let zeros = line.iter().take_while(|&&b| b == 0).count();
            line[zeros..].iter().all(|b| b" \t\r\n".contains(b))
        };
        let blank = naive.iter().filter(is_blank).count() as u64;
        for format in Format::NAMED {
            let (done, _) = passed(file.path(), format, threads, (piece, 64), Lines::default);
            let tally = &done.tallies[0];
            prop_assert_eq!(tally.bytes, text.len() as u64);
            prop_assert_eq!(tally.lines, naive.len() as u64);
            let all = tally.records + tally.continued + tally.bad.total() + tally.blank;
            prop_assert_eq!(all, tally.lines, "{}", format);
            // Blank lines may be between the lines of a record.
            prop_assert!(tally.blank <= blank && blank <= tally.blank + tally.continued);
        }
    }

    #[test]
    fn rows_come_in_the_order_of_the_file(count in 0u32..300, threads in 1usize..4, piece in 1u64..300) {
        let text: String = (0..count).map(|n| format!("{{\"n\":{n}}}\n")).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &text).unwrap();
        let names = ["n".to_owned()];
        let sink = || Rendering::new(&names, Style::Ndjson);
        let (_, out) = passed(file.path(), Format::Json, threads, (piece, 64), sink);
        prop_assert_eq!(String::from_utf8_lossy(&out), text);
    }
}

/// A file cut off, grown or both while it is read, at moments that the seed gives: lines counted
/// are whole lines of some state of it, a cut is reported, and nothing panics.
#[test]
fn a_file_that_changes_under_the_reader_is_survived_and_a_cut_is_told() {
    let first: u64 = std::env::var("CUTWATER_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    for seed in first..first + 30 {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let line = b"{\"level\":\"info\",\"n\":123456789}\n";
        let lines = 20_000;
        fs::write(file.path(), line.repeat(lines)).expect("writes");
        for path in ReadPath::ALL {
            let log = open(file.path(), path, None, &TimeZone::UTC).expect("opens");
            let logs = [log];
            let mut request = Request::new(2);
            (request.limits.piece_bytes, request.limits.block_bytes) = (8 << 10, 4 << 10);
            let cut = (seed * 7919) % (lines as u64 * line.len() as u64);
            let changed = AtomicBool::new(false);
            let done = std::thread::scope(|scope| {
                let change = || {
                    let handle = OpenOptions::new().append(true).open(file.path()).expect("opens");
                    if seed % 3 > 0 {
                        handle.set_len(cut).expect("truncates");
                    }
                    if seed % 3 != 1 {
                        (&handle).write_all(b"\n{\"level\":\"late\"}\n").expect("writes");
                    }
                    changed.store(true, Ordering::Release);
                };
                scope.spawn(change);
                let go_on = |_: usize, _: &mut _| ControlFlow::Continue(());
                scan(&logs, &request, &Stop::default(), Lines::default, go_on)
            });
            let tally = &done.tallies[0];
            assert!(tally.lines <= lines as u64 + 2, "seed {seed} {path}: {}", tally.lines);
            assert!(tally.bad.total() <= 2, "seed {seed} {path}: a cut line is one bad line");
            for (_, failure) in &done.failures {
                assert!(
                    matches!(failure, Error::Truncated { .. }),
                    "seed {seed} {path}: {failure}"
                );
            }
            if done.failures.is_empty() && seed % 3 == 0 {
                // The blank line that was added may belong to the last record.
                let added = tally.lines - lines as u64;
                assert!(added <= 1 && tally.records == lines as u64, "seed {seed} {path}: {added}");
            }
            fs::write(file.path(), line.repeat(lines)).expect("writes");
        }
    }
}

/// Truncated before the pass begins and after the size was learnt: always reported.
#[test]
fn a_truncation_is_reported_once_with_its_place() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), b"line\n".repeat(100_000)).expect("writes");
    for path in ReadPath::ALL {
        let logs = [open(file.path(), path, None, &TimeZone::UTC).expect("opens")];
        OpenOptions::new()
            .write(true)
            .open(file.path())
            .and_then(|f| f.set_len(1000))
            .expect("cuts");
        let mut request = Request::new(2);
        request.limits.piece_bytes = 10_000;
        let (counted, failures) = count_lines(&logs, &request, &Stop::default());
        assert_eq!(counted[0].lines, 200, "{path}");
        let [(0, Error::Truncated { at: 1000, .. })] = &failures[..] else {
            panic!("{path}: {failures:?}");
        };
        fs::write(file.path(), b"line\n".repeat(100_000)).expect("writes");
    }
}
