//! A row of the report: one cell, ours beside the peers.

use std::collections::BTreeMap;

use cutwater_lab::{Better, Comparison, Ratio, Series, Word, compare_with_best};
use serde::Serialize;

/// One cell.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// Its name.
    pub cell: String,
    /// Our median, unless ours failed.
    pub ours: Option<f64>,
    /// The peers' medians.
    pub peers: BTreeMap<String, f64>,
    /// The unit of all values.
    pub unit: &'static str,
    /// Which way is up.
    pub better: Better,
    /// The peer with the best median.
    pub best_peer: Option<String>,
    /// How many times better ours is than the best peer, round by round: the median. Less than 1
    /// is a loss.
    pub ratio: Option<f64>,
    /// The ratio with its 95 % interval.
    pub interval: Option<Ratio>,
    /// What the interval says.
    pub word: Option<Word>,
    /// The larger of our spread and the best peer's (interquartile range over median).
    pub spread: Option<f64>,
    /// Whether every side's result was the expected one.
    pub hash_ok: bool,
    /// The ratio with its resamples, for the mean over all rows.
    #[serde(skip)]
    pub comparison: Option<Comparison>,
    /// Comparisons with each peer, for means by peer.
    #[serde(skip)]
    pub by_peer: BTreeMap<String, Comparison>,
}

impl Row {
    /// From the series of all sides; `ours` names the one that is compared with the others.
    ///
    /// The best peer of one half of the rounds is elected by the other half, so a row whose best
    /// peers are close may compare with two of them; `best_peer` is the best over all rounds.
    pub(crate) fn compare(
        cell: &str,
        unit: &'static str,
        better: Better,
        ours: &str,
        all: &[Series],
    ) -> Self {
        let our_series = all.iter().find(|s| s.name == ours);
        let peers: Vec<_> = all.iter().filter(|s| s.name != ours).collect();
        let (best, comparison) = our_series
            .and_then(|ours| compare_with_best(ours, &peers, better))
            .map_or((None, None), |(best, comparison)| (Some(peers[best]), Some(comparison)));
        let interval = comparison.as_ref().map(Comparison::ratio);
        let with_peer = |peer: &&Series| {
            let comparison = cutwater_lab::compare(our_series?, peer, better)?;
            Some((peer.name.clone(), comparison))
        };
        Self {
            cell: cell.to_owned(),
            ours: our_series.and_then(Series::median),
            peers: peers.iter().filter_map(|s| Some((s.name.clone(), s.median()?))).collect(),
            unit,
            better,
            best_peer: best.map(|s| s.name.clone()),
            ratio: interval.map(|r| r.median),
            interval,
            word: interval.map(|r| r.word()),
            spread: [our_series, best]
                .into_iter()
                .flatten()
                .filter_map(Series::spread)
                .reduce(f64::max),
            hash_ok: all.iter().all(|s| s.right),
            comparison,
            by_peer: peers.iter().filter_map(with_peer).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, value: f64) -> Series {
        Series { values: vec![value; 12], ..Series::new(name) }
    }

    #[test]
    fn the_ratio_is_more_than_one_when_ours_is_better_either_way_up() {
        let all = [series("ours", 4.0), series("a", 2.0), series("b", 8.0)];
        let row = Row::compare("c", "x/s", Better::Higher, "ours", &all);
        assert_eq!((row.best_peer.as_deref(), row.ratio), (Some("b"), Some(0.5)));
        assert_eq!((row.word, row.interval.unwrap().rounds), (Some(Word::Slower), 6));
        let row = Row::compare("c", "s", Better::Lower, "ours", &all);
        assert_eq!((row.best_peer.as_deref(), row.ratio), (Some("a"), Some(0.5)));
        assert_eq!(row.by_peer["b"].ratio().median, 2.0);
    }

    #[test]
    fn a_peer_that_dropped_out_is_no_best_peer() {
        let mut fast = series("fast", 9.0);
        fast.failed = Some("gone".to_owned());
        let all = [series("ours", 4.0), fast, series("slow", 2.0)];
        let row = Row::compare("c", "x/s", Better::Higher, "ours", &all);
        assert_eq!((row.best_peer.as_deref(), row.ratio), (Some("slow"), Some(2.0)));
        assert!(!row.peers.contains_key("fast"));
    }

    #[test]
    fn without_peers_or_without_ours_there_is_no_ratio() {
        let row = Row::compare("c", "x/s", Better::Higher, "ours", &[series("ours", 4.0)]);
        assert_eq!((row.ours, row.ratio, row.best_peer), (Some(4.0), None, None));
        let row = Row::compare("c", "x/s", Better::Higher, "ours", &[series("a", 4.0)]);
        assert_eq!((row.ours, row.ratio, row.word), (None, None, None));
    }
}
