//! What conditions cost in a pass by one thread over a file in the page cache.
//!
//! `cargo bench -p cutwater-logs --bench conditions [-- --quick]`
//!
//! They take turns. Printed are medians of the rounds and half of the spread between their quartiles.
//! Conditions that raw bytes decide stand next to those that need a parse.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what cannot be set up must stop, and figures are printed"
)]

use std::fmt::Write as _;
use std::fs;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use cutwater::ReadPath;
use cutwater_logs::filter::Filter;
use cutwater_logs::scan::{Counting, Request, open, scan};
use cutwater_logs::split::Stop;
use jiff::tz::TimeZone;

/// Conditions, and how many of a thousand lines pass.
const CASES: [(&str, u64); 9] = [
    ("status>=500", 250),
    ("status>=500 and latency_ms>=100", 225),
    ("status>=500 or latency_ms>=100", 925),
    ("not (status<500 and (latency_ms<100 or method=GET))", 625),
    ("path~\"/item/77\"", 10),
    ("path~\"/item/77\" or path~\"/item/78\"", 20),
    ("path~\"/item/77\" or status>=500", 257),
    ("_line~\"/item/77\"", 10),
    ("_line~\"/item/77\" or _line~\"/item/78\" or _line~\"/item/79\" or _line~\"/item/90\"", 40),
];

const LINES: u64 = 250_000;
const LINES_QUICK: u64 = 10_000;

fn main() {
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let (lines, rounds) = if quick { (LINES_QUICK, 3) } else { (LINES, 15) };
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text(lines)).unwrap();
    let logs = [open(file.path(), ReadPath::Preadv, None, &TimeZone::UTC).unwrap()];
    let mut took = vec![Vec::new(); CASES.len()];
    for _ in 0..rounds {
        for (took, (condition, of_thousand)) in took.iter_mut().zip(CASES) {
            let mut request = Request::new(1);
            request.examine_all = false;
            request.filter = Filter::parse(condition, &TimeZone::UTC).unwrap();
            let go_on = |_: usize, _: &mut _| ControlFlow::Continue(());
            let begun = Instant::now();
            let done = scan(&logs, &request, &Stop::default(), || Counting, go_on);
            took.push(begun.elapsed());
            // A pass that finds something else is not worth timing.
            assert_eq!(done.tallies[0].matched, lines / 1000 * of_thousand, "{condition}");
        }
    }
    for (took, (condition, _)) in took.iter_mut().zip(CASES) {
        took.sort_unstable();
        print(took, lines, condition);
    }
}

fn print(took: &[Duration], lines: u64, condition: &str) {
    let at = |q: usize| took[(took.len() - 1) * q / 4].as_secs_f64();
    let spread = (at(3) - at(1)) / 2.0 / at(2) * 100.0;
    println!("{:7.1} ns per line  +-{spread:4.1} %  {condition}", at(2) * 1e9 / lines as f64);
}

/// Lines; each thousand is like the one before.
fn text(lines: u64) -> String {
    let mut text = String::new();
    for n in 0..lines {
        let k = n % 1000;
        writeln!(
            text,
            "{{\"ts\":\"2026-03-01T00:00:00.000Z\",\"level\":\"info\",\"method\":\"{}\",\"path\":\
             \"/item/{k:03}?page=2\",\"status\":{},\"latency_ms\":{k}.25,\"ua\":\"curl/8.7.1\"}}",
            ["GET", "POST"][(k / 500) as usize],
            [200, 204, 404, 503][(k % 4) as usize],
        )
        .unwrap();
    }
    text
}
