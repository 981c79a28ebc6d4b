//! The search for the first of some literals in raw bytes.

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memmem::Finder;

#[derive(Debug)]
pub(super) enum Searcher {
    One(Box<Finder<'static>>),
    Many(Box<AhoCorasick>),
}

impl Searcher {
    /// A search for `literals`; nothing where it would be too large to build.
    pub(super) fn new(literals: &[&[u8]]) -> Option<Self> {
        if let [literal] = literals {
            return Some(Self::One(Box::new(Finder::new(literal).into_owned())));
        }
        // Of several that begin at one place, any will do; this kind is searched with vectors.
        let kind = MatchKind::LeftmostFirst;
        let many = AhoCorasick::builder().match_kind(kind).build(literals).ok()?;
        Some(Self::Many(Box::new(many)))
    }

    /// Where the first one begins, at or after `from`.
    #[inline]
    pub(super) fn find(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let rest = bytes.get(from..)?;
        let found = match self {
            Self::One(finder) => finder.find(rest),
            Self::Many(many) => many.find(rest).map(|found| found.start()),
        };
        found.map(|at| from + at)
    }
}
