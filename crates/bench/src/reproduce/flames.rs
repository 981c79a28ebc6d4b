//! Flame graphs of the sides of claims, each from a pass of its own that is not measured.

use std::collections::BTreeSet;

use cutwater_observe::perf::{SamplerOptions, Samples};

use cutwater_flame::{Inline, Recording, explained, inline};

/// A prime, and often enough for rounds of a tenth of a second.
const HZ: u32 = 4999;

/// What runs the passes: the way to it is not part of a claim.
const BOTTOM: &str = "bed::Bed::sampled";

/// Graphs that are being made.
#[derive(Debug, Default)]
pub(super) struct Flames {
    claim: &'static str,
    taken: Vec<(Of, Samples)>,
    /// The graphs that are missing, and why.
    refused: Vec<(&'static str, String)>,
}

/// The subject of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Of {
    pub(super) claim: &'static str,
    pub(super) side: &'static str,
}

/// Graphs, and notes on them.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    pub(super) graphs: Vec<(Of, Inline)>,
    /// What is missing, and why.
    pub(super) notes: BTreeSet<String>,
}

impl Flames {
    /// The next samples belong to the claim `id`.
    pub(super) fn begin(&mut self, id: &'static str) {
        self.claim = id;
    }

    /// Starts sampling, where the host permits it.
    pub(super) fn start(&mut self) -> Option<Recording> {
        let options = SamplerOptions { hz: HZ, ..SamplerOptions::default() };
        let started = Recording::start(options);
        started.map_err(|e| self.refused.push((self.claim, explained(&e)))).ok()
    }

    /// Ends sampling of `side`.
    pub(super) fn end(&mut self, side: &'static str, recording: Option<Recording>) {
        let Some(recording) = recording else { return };
        let samples = recording.stop();
        if samples.count() > 0 {
            self.taken.push((Of { claim: self.claim, side }, samples));
        }
    }

    /// Finds the names of all frames.
    pub(super) fn drawn(self) -> Drawn {
        let (of, samples): (Vec<_>, Vec<_>) = self.taken.into_iter().unzip();
        let (graphs, mut notes) =
            if samples.is_empty() { Default::default() } else { inline(&samples, BOTTOM) };
        let mut why: Vec<String> = self.refused.iter().map(|(_, why)| why.clone()).collect();
        why.sort();
        why.dedup();
        for why in why {
            let of: BTreeSet<_> =
                self.refused.iter().filter(|(_, w)| *w == why).map(|(claim, _)| *claim).collect();
            let of: Vec<_> = of.into_iter().collect();
            notes.insert(format!("no flame graph of {}: {why}", of.join(", ")));
        }
        Drawn { graphs: of.into_iter().zip(graphs).collect(), notes }
    }
}

impl Drawn {
    /// The graphs of a claim, in the order of its sides.
    pub(super) fn for_claim(&self, claim: &str) -> impl Iterator<Item = (&'static str, &Inline)> {
        let of = self.graphs.iter().filter(move |(of, _)| of.claim == claim);
        of.map(|(of, graph)| (of.side, graph))
    }
}
