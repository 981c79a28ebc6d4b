//! Every page of a file once, from a map and in no order, and what [`Metrics`] counts of reads that
//! faulted. Compare it with `cutwater trace -- faulting_reads FILE`.
//!
//! `dd of=FILE oflag=nocache conv=notrunc,fdatasync count=0` before it makes them major faults.
#![allow(clippy::print_stdout, reason = "an example prints what it sees")]

use std::error::Error;

use cutwater::maps::MapAdvice;
use cutwater::metrics::{Format, Metrics};
use cutwater::{File, ReadPath};

const PAGE: usize = 4096;
/// Pages in a step. A prime: each page is then read once where it does not divide the number of pages.
const STEP: u64 = 7919;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: faulting_reads FILE")?;
    cutwater::sigbus::install()?;
    let metrics = Metrics::start()?;
    let file = File::options().path(ReadPath::Mmap).open(&path)?;
    file.advise_map(0..0, MapAdvice::Random)?;
    let pages = std::fs::metadata(&path)?.len() / PAGE as u64;
    for at in 0..pages {
        let page = at * STEP % pages;
        file.read_at(&mut [0; PAGE], page * PAGE as u64)?;
    }
    let text = metrics.render(Format::Prometheus);
    for line in text.lines().filter(|line| line.starts_with("cutwater_faulting_read_duration")) {
        println!("{line}");
    }
    Ok(())
}
