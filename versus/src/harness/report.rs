//! What a suite reports, in the form it is exported in.

use std::collections::BTreeMap;

use serde::Serialize;

use super::host::Host;
use super::run::Series;

/// Which of two values is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Better {
    /// Rates.
    Higher,
    /// Times and costs.
    Lower,
}

impl Better {
    /// How many times better `ours` is than `theirs`: more than 1 when it is.
    pub(crate) fn ratio(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Self::Higher => ours / theirs,
            Self::Lower => theirs / ours,
        }
    }

    /// Whether `a` is better than `b`.
    fn prefers(self, a: f64, b: f64) -> bool {
        match self {
            Self::Higher => a > b,
            Self::Lower => a < b,
        }
    }
}

/// A peer that gave no figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Missing {
    /// Its name; `all` where a whole cell could not be made.
    pub peer: String,
    /// What stood in the way.
    pub why: String,
}

impl Missing {
    /// Names `peer` and the reason.
    pub(crate) fn new(peer: &str, why: &str) -> Self {
        Self { peer: peer.to_owned(), why: why.to_owned() }
    }
}

/// One cell: ours beside the peers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// Its name.
    pub cell: String,
    /// Our median, unless ours failed.
    pub ours: Option<f64>,
    /// The peers' medians.
    pub peers: BTreeMap<String, f64>,
    /// Of all values.
    pub unit: &'static str,
    /// Which way is up.
    pub better: Better,
    /// The peer that did best.
    pub best_peer: Option<String>,
    /// How many times better ours is than the best peer: less than 1 is a loss.
    pub ratio: Option<f64>,
    /// The larger of our spread and the best peer's (interquartile range over median).
    pub spread: Option<f64>,
    /// Whether everybody's result was the expected one.
    pub hash_ok: bool,
}

impl Row {
    /// From the series of all contenders; `ours` names the one that is compared.
    pub(crate) fn of(
        cell: &str,
        unit: &'static str,
        better: Better,
        ours: &str,
        all: &[Series],
    ) -> Self {
        let our_series = all.iter().find(|s| s.name == ours);
        let peers: Vec<_> = all.iter().filter(|s| s.name != ours).collect();
        let best = peers
            .iter()
            .filter_map(|s| Some((*s, s.median()?)))
            .reduce(|a, b| if better.prefers(b.1, a.1) { b } else { a });
        let our_median = our_series.and_then(Series::median);
        let spread = |s: Option<&Series>| s.and_then(Series::spread);
        Self {
            cell: cell.to_owned(),
            ours: our_median,
            peers: peers.iter().filter_map(|s| Some((s.name.clone(), s.median()?))).collect(),
            unit,
            better,
            best_peer: best.map(|(s, _)| s.name.clone()),
            ratio: our_median.zip(best).map(|(o, (_, theirs))| better.ratio(o, theirs)),
            spread: [spread(our_series), spread(best.map(|(s, _)| s))]
                .into_iter()
                .flatten()
                .reduce(f64::max),
            hash_ok: all.iter().all(|s| s.hash_ok),
        }
    }
}

/// What a suite found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Which suite.
    pub suite: &'static str,
    /// Where.
    pub host: Host,
    /// Package versions of ours and of the peers.
    pub versions: BTreeMap<String, String>,
    /// The cells.
    pub rows: Vec<Row>,
    /// Who gave no figure.
    pub missing: Vec<Missing>,
}

impl Report {
    /// Notes that `peer` gave no figure, once for each reason.
    pub(crate) fn miss(&mut self, missing: Missing) {
        if !self.missing.contains(&missing) {
            self.missing.push(missing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, values: &[f64]) -> Series {
        Series { values: values.to_vec(), ..Series::new(name) }
    }

    #[test]
    fn the_ratio_is_more_than_one_when_ours_is_better_either_way_up() {
        let all = [series("ours", &[4.0]), series("a", &[2.0]), series("b", &[8.0])];
        let row = Row::of("c", "x/s", Better::Higher, "ours", &all);
        assert_eq!((row.best_peer.as_deref(), row.ratio), (Some("b"), Some(0.5)));
        let row = Row::of("c", "s", Better::Lower, "ours", &all);
        assert_eq!((row.best_peer.as_deref(), row.ratio), (Some("a"), Some(0.5)));
    }

    #[test]
    fn a_peer_that_dropped_out_is_no_best_peer() {
        let mut fast = series("fast", &[9.0]);
        fast.failed = Some("gone".to_owned());
        let all = [series("ours", &[4.0]), fast, series("slow", &[2.0])];
        let row = Row::of("c", "x/s", Better::Higher, "ours", &all);
        assert_eq!((row.best_peer.as_deref(), row.ratio), (Some("slow"), Some(2.0)));
        assert!(!row.peers.contains_key("fast"));
    }

    #[test]
    fn without_peers_or_without_ours_there_is_no_ratio() {
        let row = Row::of("c", "x/s", Better::Higher, "ours", &[series("ours", &[4.0])]);
        assert_eq!((row.ours, row.ratio, row.best_peer), (Some(4.0), None, None));
        let row = Row::of("c", "x/s", Better::Higher, "ours", &[series("a", &[4.0])]);
        assert_eq!((row.ours, row.ratio), (None, None));
    }
}
