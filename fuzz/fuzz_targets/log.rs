//! A whole pass over a file of any bytes: envelopes, records of several lines, elements, UTF-16, what is
//! compressed. Each line is counted once, and the sizes of pieces and blocks change nothing.
#![no_main]

use std::cell::RefCell;
use std::io::Write;
use std::ops::ControlFlow;

use cutwater::ReadPath;
use cutwater_logs::render::{Rendering, Style};
use cutwater_logs::scan::{Log, Part, Request, Rows, open, scan};
use cutwater_logs::split::Stop;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;

fn pass(log: Log, sizes: Option<(u64, usize)>) -> (u64, Vec<u8>) {
    let mut request = Request::new(1);
    if let Some(sizes) = sizes {
        (request.limits.piece_bytes, request.limits.block_bytes) = sizes;
    }
    let mut out = Vec::new();
    let each = |_: usize, part: &mut Part<Rows>| {
        out.extend_from_slice(&part.out.text);
        ControlFlow::Continue(())
    };
    let sink = || Rendering::new(&[], Style::Ndjson);
    let done = scan(&[log], &request, &Stop::default(), sink, each);
    let tally = &done.tallies[0];
    let all = tally.records + tally.continued + tally.bad.total() + tally.blank;
    assert!(all == tally.lines || !done.failures.is_empty(), "{tally:?}");
    (tally.lines, out)
}

thread_local! {
    static FILE: RefCell<tempfile::NamedTempFile> =
        RefCell::new(tempfile::NamedTempFile::new_in("/dev/shm").expect("a file"));
}

fuzz_target!(|data: &[u8]| {
    let [size, text @ ..] = data else { return };
    FILE.with_borrow_mut(|file| {
        rustix::fs::ftruncate(&*file, 0).expect("truncates");
        rustix::fs::seek(&*file, rustix::fs::SeekFrom::Start(0)).expect("seeks");
        file.write_all(text).expect("writes");
        let opened = || open(file.path(), ReadPath::Preadv, None, &TimeZone::UTC);
        let (Ok(first), Ok(second)) = (opened(), opened()) else { return };
        let whole = pass(first, None);
        let pieces = pass(second, Some((u64::from(*size) + 1, 64)));
        assert_eq!(whole.0, pieces.0, "lines");
    });
});
