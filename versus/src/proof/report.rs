//! What the proof found.

use std::collections::BTreeMap;

use cutwater_lab::{Cell, Column, Host, Ratio, Series, Sheet, Word, stats};
use serde::Serialize;

use crate::args::{ProofArgs, Subject};
use crate::harness::tables::host_in_words;
use crate::harness::versions;

/// The least share of intervals that hold 1.00, and of slowdowns that are found.
const HOLD_SHARE: f64 = 0.9;
/// The largest share of equal sides that are called faster or slower.
const CALLED_SHARE: f64 = 0.03;

/// One comparison.
#[derive(Debug, Serialize)]
pub(super) struct Compared {
    pub cell: String,
    pub unit: &'static str,
    /// How many times better the second side is.
    pub interval: Ratio,
    pub word: Word,
    /// Slices that did not find their part of the file in the state of the cell.
    pub spoiled: usize,
    /// The samples of the first side and of the second.
    pub samples: [Vec<f64>; 2],
}

impl Compared {
    pub(super) fn new(
        cell: String,
        unit: &'static str,
        interval: Ratio,
        sides: [&Series; 2],
    ) -> Self {
        let samples = sides.map(|side| side.values.clone());
        Self { cell, unit, interval, word: interval.word(), spoiled: 0, samples }
    }
}

/// Comparisons of one kind, counted.
#[derive(Debug, Serialize)]
pub(super) struct Proof {
    pub kind: Subject,
    /// Whether two busy loops ran beside.
    pub busy: bool,
    /// Percent by which the second side was slowed down.
    pub slow: f64,
    pub comparisons: usize,
    /// Intervals that hold 1.00.
    pub hold_one: usize,
    pub faster: usize,
    pub level: usize,
    pub slower: usize,
    pub undecided: usize,
    /// The median of the widths of the intervals.
    pub width_median: f64,
    /// Of equal sides: 90 % of the intervals hold 1.00 and at most 3 % are called faster or
    /// slower. Of a slowed side: 90 % are called slower.
    pub promise_holds: bool,
    pub results: Vec<Compared>,
}

impl Proof {
    pub(super) fn new(kind: Subject, args: &ProofArgs, results: Vec<Compared>) -> Self {
        let count = |word| results.iter().filter(|r| r.word == word).count();
        let comparisons = results.len();
        let hold_one = results.iter().filter(|r| r.interval.holds(1.0)).count();
        let (faster, slower) = (count(Word::Faster), count(Word::Slower));
        let share = |n: usize| n as f64 / comparisons.max(1) as f64;
        let promise_holds = if args.slow > 0.0 {
            share(slower) >= HOLD_SHARE
        } else {
            share(hold_one) >= HOLD_SHARE && share(faster + slower) <= CALLED_SHARE
        };
        let widths: Vec<_> = results.iter().map(|r| r.interval.high - r.interval.low).collect();
        Self {
            kind,
            busy: args.busy,
            slow: args.slow,
            comparisons,
            hold_one,
            faster,
            level: count(Word::Level),
            slower,
            undecided: count(Word::Undecided),
            width_median: stats::median(&widths).unwrap_or(0.0),
            promise_holds,
            results,
        }
    }

    fn sentence(&self) -> String {
        let verdict = if self.promise_holds { "holds" } else { "does NOT hold" };
        let n = self.comparisons;
        let spoiled: usize = self.results.iter().map(|r| r.spoiled).sum();
        let note = match spoiled {
            0 => String::new(),
            n => format!(" ({n} slices did not find their part of the file in its state)"),
        };
        if self.slow > 0.0 {
            let (slow, found) = (self.slow, self.slower);
            return format!("a slowdown of {slow} % was found in {found} of {n}: {verdict}{note}");
        }
        let (hold, called) = (self.hold_one, self.faster + self.slower);
        format!("{hold} of {n} hold 1.00, {called} called faster or slower: {verdict}{note}")
    }
}

/// All proofs of a run.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub host: Host,
    pub versions: BTreeMap<String, String>,
    pub proofs: Vec<Proof>,
}

impl Report {
    /// A report without proofs, of this host.
    pub(super) fn new() -> Self {
        let version = |name: &str| Some((name.to_owned(), versions::locked(name)?));
        let versions = ["cutwater", "cutwater-cli", "cutwater-rt"].into_iter().filter_map(version);
        Self { host: Host::detect(), versions: versions.collect(), proofs: Vec::new() }
    }
}

impl cutwater_lab::Report for Report {
    fn title(&self) -> String {
        "versus proof".to_owned()
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("host", host_in_words(&self.host))]
    }

    fn sheets(&self) -> Vec<Sheet> {
        let columns = [
            Column::text("kind", "kind"),
            Column::text("cell", "cell"),
            Column::number("comparisons", "comparisons"),
            Column::number("hold_one", "hold 1.00"),
            Column::number("faster", "faster"),
            Column::number("level", "level"),
            Column::number("slower", "slower"),
            Column::number("undecided", "undecided"),
            Column::number("width", "median width"),
        ];
        let mut sheet = Sheet::new("The second side against the first", &columns);
        self.proofs.iter().for_each(|proof| add_rows(&mut sheet, proof));
        vec![sheet]
    }

    fn notes(&self) -> Vec<String> {
        let kind = |proof: &Proof| format!("{:?}", proof.kind).to_lowercase();
        self.proofs.iter().map(|proof| format!("{}: {}", kind(proof), proof.sentence())).collect()
    }
}

/// A row for each cell of a proof.
fn add_rows(sheet: &mut Sheet, proof: &Proof) {
    let mut by_cell: BTreeMap<&str, Vec<&Compared>> = BTreeMap::new();
    for result in &proof.results {
        by_cell.entry(&result.cell).or_default().push(result);
    }
    let number = |n: usize| Cell::number(n as f64, 0, n.to_string());
    for (cell, results) in by_cell {
        let count = |word| number(results.iter().filter(|r| r.word == word).count());
        let widths: Vec<_> = results.iter().map(|r| r.interval.high - r.interval.low).collect();
        let width = stats::median(&widths).unwrap_or(0.0);
        sheet.add(vec![
            Cell::text(format!("{:?}", proof.kind).to_lowercase()),
            Cell::text(cell),
            number(results.len()),
            number(results.iter().filter(|r| r.interval.holds(1.0)).count()),
            count(Word::Faster),
            count(Word::Level),
            count(Word::Slower),
            count(Word::Undecided),
            Cell::number(width, 4, format!("{width:.3}")),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Suite};

    fn proof(slow: &str, intervals: &[(f64, f64)]) -> Proof {
        let args = Args::parse_from(["versus", "proof", "--slow", slow]);
        let Suite::Proof(args) = args.suite else { panic!("another suite") };
        let compared = |(low, high): &(f64, f64)| {
            let median = f64::midpoint(*low, *high);
            let ratio = Ratio { median, low: *low, high: *high, rounds: 9 };
            let sides = [Series::new("first"), Series::new("second")];
            Compared::new("c".to_owned(), "ms", ratio, [&sides[0], &sides[1]])
        };
        Proof::new(Subject::Read, &args, intervals.iter().map(compared).collect())
    }

    #[test]
    fn the_promise_is_nine_of_ten_that_hold_and_three_of_hundred_that_are_called() {
        let (level, off, wide, called) = ((0.99, 1.01), (1.01, 1.02), (0.9, 1.1), (1.01, 1.1));
        let all = |n: usize, most, m: usize, rest| [vec![most; n], vec![rest; m]].concat();
        assert!(proof("0", &all(9, wide, 1, off)).promise_holds);
        assert!(!proof("0", &all(8, level, 2, off)).promise_holds);
        assert!(proof("0", &all(97, level, 3, called)).promise_holds);
        let failed = proof("0", &all(96, level, 4, called));
        assert!(!failed.promise_holds && failed.faster == 4 && failed.level == 96);
    }

    #[test]
    fn a_slowdown_has_to_be_found_in_nine_of_ten() {
        let (found, missed) = ((0.93, 0.96), (0.96, 1.01));
        let all = |n, m| [vec![found; n], vec![missed; m]].concat();
        assert!(proof("5", &all(9, 1)).promise_holds);
        assert!(!proof("5", &all(8, 2)).promise_holds);
    }
}
