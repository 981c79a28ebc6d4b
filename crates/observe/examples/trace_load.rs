//! A load for `cutwater trace`, which also measures the cost of tracing: first touches of memory, or warm
//! reads of 4 KiB, and the time of each.
//!
//! `trace_load faults 300000`, `trace_load reads 300000`
#![allow(clippy::print_stderr, reason = "a program for people")]

use std::process::ExitCode;
use std::time::Instant;

use cutwater_lab::SplitMix;
use cutwater_sys::anon_map::{AnonMap, Pages};
use cutwater_sys::buffer::PAGE_BYTES;

type Failure = Box<dyn std::error::Error>;

/// Pages of one map, and of the file.
const PAGES: usize = 16_384;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let run = match (args.first().map(String::as_str), args.get(1).and_then(|n| n.parse().ok())) {
        (Some("faults"), Some(n)) => faults(n),
        (Some("reads"), Some(n)) => reads(n),
        _ => {
            eprintln!("usage: trace_load faults|reads NUMBER");
            return ExitCode::from(2);
        }
    };
    match run {
        Ok(ns) => {
            eprintln!("{ns:.0} ns each");
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("trace_load: {e}");
            ExitCode::FAILURE
        }
    }
}

fn faults(number: usize) -> Result<f64, Failure> {
    let started = Instant::now();
    let mut left = number;
    while left > 0 {
        let mut map = AnonMap::new(PAGES * PAGE_BYTES, Pages::Small)?;
        let pages = map.as_mut_slice().iter_mut().step_by(PAGE_BYTES);
        left -= pages.take(left).map(|byte| *byte = 1).count();
    }
    Ok(started.elapsed().as_nanos() as f64 / number.max(1) as f64)
}

fn reads(number: usize) -> Result<f64, Failure> {
    let file = tempfile::tempfile()?;
    let mut page = [7u8; PAGE_BYTES];
    for at in 0..PAGES {
        rustix::io::pwrite(&file, &page, (at * PAGE_BYTES) as u64)?;
    }
    let started = Instant::now();
    let mut random = SplitMix(1);
    for _ in 0..number {
        let page_number = random.below(PAGES as u64);
        let read = rustix::io::pread(&file, &mut page, page_number * PAGE_BYTES as u64)?;
        assert_eq!(read, PAGE_BYTES, "the file is whole");
    }
    Ok(started.elapsed().as_nanos() as f64 / number.max(1) as f64)
}
