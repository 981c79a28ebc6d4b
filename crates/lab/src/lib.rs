//! Comparisons that hold on a machine that is not quiet.
//!
//! A rate that is measured once says as much about the host's other work as about the code. This
//! crate compares *sides* (read paths, libraries, programs, servers) so that the answer repeats:
//!
//! 1. The unit that is repeated is short: milliseconds of reads, one process, a second of load.
//! 2. A round takes every side out and back (A B B A), so that a drift of the host meets all
//!    sides alike; over as many rounds as there are sides each stands in each place once ([`Order`]).
//! 3. The figure is the ratio round by round: its median with a bootstrap interval of 95 %, and
//!    one of four words ([`Ratio`], [`Word`]). The number of rounds is fixed before the first.
//!
//! ```
//! use cutwater_lab::{Better, Sample, compare, interleave};
//!
//! let all = interleave(&["sorted", "reversed"], 12, 1, |side| {
//!     let mut numbers: Vec<u32> = (0..1000).collect();
//!     if side == 1 {
//!         numbers.reverse();
//!     }
//!     let started = std::time::Instant::now();
//!     numbers.sort();
//!     Ok(Sample { value: started.elapsed().as_secs_f64(), right: numbers[999] == 999 })
//! });
//! let ratio = compare(&all[0], &all[1], Better::Lower).expect("both ran").ratio();
//! println!("{:.2} ({:.2} to {:.2}): {}", ratio.median, ratio.low, ratio.high, ratio.word());
//! ```
//!
//! What it does not do: judge. No test of this project fails because something is slow.

#![forbid(unsafe_code)]

mod export;
mod host;
mod order;
mod random;
mod ratio;
mod record;
mod series;
pub mod stats;

pub use export::{Axis, Cell, Column, Csv, Export, ExportError, Html, Json, Report, Sheet, Table};
pub use export::{escaped, page_end, page_start, wrapped};
pub use host::Host;
pub use order::Order;
pub use random::{Permutation, SplitMix};
pub use ratio::{Comparison, LEVEL, ROUNDS_MIN, Ratio, Word, compare, compare_with_best, mean};
pub use record::{Recorded, record, today};
pub use series::{Better, Sample, Series, Slice, interleave, interleave_slices, rounds_within};
