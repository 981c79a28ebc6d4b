//! Folded stacks as frames with their places, few enough to be looked at on a page.

use std::collections::{BTreeMap, BTreeSet};

use super::fold::{Folded, KERNEL};
use super::symbols::INLINED;

/// The most frames of a picture, widest first.
const FRAMES_MAX: usize = 80;
/// The most rows, outermost first.
const ROWS_MAX: usize = 36;
/// Narrower frames are left out, as a share of all samples.
const WIDTH_MIN: f64 = 0.005;

/// A function, and where it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) name: String,
    pub(crate) place: Place,
    /// How many rows are below.
    pub(crate) row: usize,
    /// Where it begins and how wide it is, as shares of all samples.
    pub(crate) start: f64,
    pub(crate) width: f64,
}

/// Where a function runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    User,
    /// In the code of the frame below.
    Inlined,
    Kernel,
}

#[derive(Debug, Default)]
struct Node {
    samples: u64,
    callees: BTreeMap<String, Node>,
}

impl Node {
    fn from_folded(folded: &Folded) -> Self {
        let mut root = Self::default();
        for (line, samples) in folded {
            root.samples += samples;
            let mut at = &mut root;
            // The first is the frame below all.
            for name in line.split(';').skip(1) {
                at = at.callees.entry(name.to_owned()).or_default();
                at.samples += samples;
            }
        }
        root
    }

    /// The only callee, where all samples are in it and not the last frame of any.
    fn only(&self) -> Option<&Self> {
        let only = self.callees.values().next()?;
        (only.samples == self.samples && !only.callees.is_empty()).then_some(only)
    }
}

/// The frames that are drawn. Of the outermost frames that all samples share, only the last is.
pub(crate) fn frames(folded: &Folded) -> Vec<Frame> {
    let root = Node::from_folded(folded);
    let all = root.samples.max(1) as f64;
    let mut bottom = &root;
    while let Some(next) = bottom.only() {
        if next.only().is_none() {
            break;
        }
        bottom = next;
    }
    let mut frames = Vec::new();
    let mut open = vec![(bottom, 0usize, 0u64)];
    while let Some((node, row, mut start)) = open.pop() {
        for (name, callee) in &node.callees {
            let width = callee.samples as f64 / all;
            if row < ROWS_MAX && width >= WIDTH_MIN {
                let (name, place) = marked(name);
                let frame =
                    Frame { name: name.to_owned(), place, row, start: start as f64 / all, width };
                frames.push(frame);
                open.push((callee, row + 1, start));
            }
            start += callee.samples;
        }
    }
    // A callee is no wider than its caller, so that none hangs in the air.
    frames.sort_by(|a, b| b.width.total_cmp(&a.width).then(a.row.cmp(&b.row)));
    frames.truncate(FRAMES_MAX);
    frames
}

/// A name without its mark, and what the mark says.
fn marked(name: &str) -> (&str, Place) {
    if let Some(name) = name.strip_suffix(KERNEL) {
        (name, Place::Kernel)
    } else if let Some(name) = name.strip_suffix(INLINED) {
        (name, Place::Inlined)
    } else {
        (name, Place::User)
    }
}

/// The functions in which most of the samples end, with their shares.
pub(crate) fn hottest(folded: &Folded, most: usize) -> Vec<(String, f64)> {
    let all = folded.values().sum::<u64>().max(1) as f64;
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    for (line, samples) in folded {
        let name = line.rsplit(';').next().unwrap_or_default();
        *ends.entry(marked(name).0).or_default() += samples;
    }
    let by_share: BTreeSet<_> = ends.into_iter().map(|(name, n)| (n, name)).collect();
    let most = by_share.into_iter().rev().take(most);
    most.map(|(n, name)| (name.to_owned(), n as f64 / all)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(lines: &[(&str, u64)]) -> Folded {
        lines.iter().map(|(line, n)| ((*line).to_owned(), *n)).collect()
    }

    #[test]
    fn what_all_samples_share_is_left_out_and_callees_are_above_their_callers() {
        let lines = [
            ("all;main;run;pass;read;copy_[k]", 6),
            ("all;main;run;pass;sum_[i]", 3),
            ("all;main;run;pass", 1),
        ];
        let mut found = frames(&folded(&lines));
        found.sort_by(|a, b| (a.row, a.start).partial_cmp(&(b.row, b.start)).unwrap());
        let frame = |name: &str, place, row, start, width| Frame {
            name: name.into(),
            place,
            row,
            start,
            width,
        };
        assert_eq!(
            found,
            [
                frame("pass", Place::User, 0, 0.0, 1.0),
                frame("read", Place::User, 1, 0.0, 0.6),
                frame("sum", Place::Inlined, 1, 0.6, 0.3),
                frame("copy", Place::Kernel, 2, 0.0, 0.6),
            ]
        );
        assert_eq!(hottest(&folded(&lines), 1), [("copy".to_owned(), 0.6)]);
        // One stack alone keeps its last frames.
        let names: Vec<_> =
            frames(&folded(&[("all;a;b;c", 2)])).into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["b", "c"]);
        assert!(frames(&Folded::new()).is_empty());
    }

    #[test]
    fn a_picture_has_a_limit_and_nothing_in_the_air() {
        // Deeper, wider and finer than a picture may be.
        let deep = (0..200).map(|n| n.to_string()).collect::<Vec<_>>().join(";");
        let wide = (0..190).map(|n| (format!("all;f{n};g{n}"), 50 + n));
        let found =
            frames(&wide.chain([(format!("all;{deep}"), 4000), ("all;x".into(), 1)]).collect());
        assert_eq!(found.len(), FRAMES_MAX);
        assert!(found.iter().all(|f| f.row < ROWS_MAX && f.width >= WIDTH_MIN && f.name != "x"));
        for frame in found.iter().filter(|f| f.row > 0) {
            let below = |f: &&Frame| {
                f.row + 1 == frame.row
                    && f.start <= frame.start
                    && f.start + f.width >= frame.start + frame.width - 1e-9
            };
            assert!(found.iter().any(|f| below(&f)), "{frame:?}");
        }
    }
}
