//! What the walk over JSON lines costs by itself: no reading, no threads, nothing made of values.
//!
//! `cargo bench -p cutwater-logs --bench json [-- --quick | FILE]`
//!
//! The lines are made from a seed, or are the first 64 MiB of FILE. Passes take turns. Printed
//! are medians of the rounds and half of the spread between their quartiles, in processor time of the
//! thread.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what cannot be set up must stop, and figures are printed"
)]

use std::fmt::Write as _;
use std::io::Read;
use std::time::Duration;

use cutwater_lab::SplitMix;
use cutwater_logs::json::JsonParser;
use cutwater_logs::record::{Fields, Record};
use rustix::time::{ClockId, clock_gettime};

const BYTES_MAX: usize = 64 << 20;

/// A block as a pass sees it.
const BLOCK_BYTES: usize = 256 << 10;

fn main() {
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench");
    let arg = args.next();
    let quick = matches!(arg.as_deref(), Some("--quick" | "--test"));
    let text = match arg.filter(|a| !a.starts_with("--")) {
        Some(path) => start_of(&path),
        None => lines(if quick { 1 << 20 } else { BYTES_MAX }),
    };
    let rounds = if quick { 3 } else { 15 };
    let cases: [(&str, &[&str]); 3] = [
        ("no field", &[]),
        ("two fields", &["status", "latency_ms"]),
        ("six fields", &["ts", "method", "path", "status", "bytes", "latency_ms"]),
    ];
    let mut took = vec![Vec::new(); cases.len()];
    let mut sums = vec![Sum::default(); cases.len()];
    for _ in 0..rounds {
        for (at, (_, names)) in cases.iter().enumerate() {
            let begun = thread_time();
            sums[at] = pass(&text, names);
            took[at].push(thread_time() - begun);
        }
    }
    println!("{} MiB, {rounds} rounds", text.len() >> 20);
    for (((name, _), took), sum) in cases.iter().zip(&mut took).zip(&sums) {
        took.sort_unstable();
        let at = |q: usize| took[(took.len() - 1) * q / 4].as_secs_f64();
        let lines = sum.lines as f64;
        println!(
            "{name:<12} {:6.2} GB/s  {:6.1} ns per line  +-{:.1} %  (lines {}, bytes of values {})",
            text.len() as f64 / at(2) / 1e9,
            at(2) * 1e9 / lines,
            (at(3) - at(1)) / 2.0 / at(2) * 100.0,
            sum.lines,
            sum.value_bytes
        );
    }
}

/// What a pass found, so that a pass that skips lines shows.
#[derive(Clone, Copy, Default)]
struct Sum {
    lines: u64,
    value_bytes: u64,
}

fn pass(text: &[u8], names: &[&str]) -> Sum {
    let mut fields = Fields::only(names);
    let mut parser = JsonParser::new(&fields);
    let mut record = Record::default();
    let ids: Vec<_> = names.iter().filter_map(|n| fields.find(n)).collect();
    let mut sum = Sum::default();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.len().min(BLOCK_BYTES);
        let end = memchr::memrchr(b'\n', &rest[..end]).map_or(end, |at| at + 1);
        let (block, after) = rest.split_at(end);
        rest = after;
        parser.begin_block(block);
        let mut at = 0;
        while at < block.len() {
            record.clear();
            let (end, parsed) = parser.parse(block, at, &mut fields, &mut record);
            if parsed == Ok(true) {
                sum.lines += 1;
                for &id in &ids {
                    let span = record.get(id);
                    sum.value_bytes += u64::from(span.end - span.start);
                }
            }
            at = end + 1;
        }
    }
    sum
}

fn start_of(path: &str) -> Vec<u8> {
    let mut text = Vec::new();
    std::fs::File::open(path).unwrap().take(BYTES_MAX as u64).read_to_end(&mut text).unwrap();
    let end = memchr::memrchr(b'\n', &text).map_or(text.len(), |at| at + 1);
    text.truncate(end);
    text
}

/// Lines as a web server writes them, from a seed.
fn lines(bytes: usize) -> Vec<u8> {
    let mut random = SplitMix(1);
    let mut below = |n| random.below(n);
    let agents = [
        "curl/8.7.1",
        "kube-probe/1.29",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    ];
    let paths = ["/health", "/api/v1/users/", "/cart/", "/search?page=2&q=term", "/img/"];
    let mut text = String::with_capacity(bytes + 512);
    while text.len() < bytes {
        let id = below(1_000_000);
        writeln!(
            text,
            "{{\"ts\":\"2026-03-01T00:{:02}:{:02}.{:03}Z\",\"level\":\"info\",\"method\":\"{}\",\
             \"path\":\"{}{id}\",\"status\":{},\"bytes\":{},\"latency_ms\":{}.{:03},\"ua\":\"{}\",\
             \"trace_id\":\"{:016x}{:016x}\"}}",
            below(60),
            below(60),
            below(1000),
            ["GET", "POST", "DELETE"][below(3) as usize],
            paths[below(5) as usize],
            [200, 204, 404, 503][below(4) as usize],
            below(60_000),
            below(400),
            below(1000),
            agents[below(3) as usize],
            below(u64::MAX),
            below(u64::MAX),
        )
        .unwrap();
    }
    text.into_bytes()
}

/// Processor time of this thread, which other work on the machine does not lengthen.
fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}
