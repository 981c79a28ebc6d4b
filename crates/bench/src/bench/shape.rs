//! The axes of the matrix: pattern, block, cache state, depth, threads.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::units;
use cutwater_shell::words;

/// The order of the offsets. `ranges` has their exact shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Pattern {
    /// Ascending, each block once.
    Seq,
    /// No order, each block once.
    Rand,
    /// Ascending in equal jumps.
    Stride,
    /// Ascending in jumps of 32 KiB on average.
    Jump,
    /// No order, some blocks much more often than others.
    Zipf,
}

/// What of the file is in the page cache when a run starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Cache {
    /// All of it.
    Warm,
    /// Half of it, in scattered pieces of 1 MiB.
    Mixed,
    /// Nothing of it.
    Cold,
}

macro_rules! named {
    ($type:ident, $what:literal, $($variant:ident = $name:literal),*) => {
        impl $type {
            /// Every one, in the order of reports.
            pub(super) const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in flags and in exported data.
            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }

        impl FromStr for $type {
            type Err = String;
            fn from_str(name: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|v| v.name() == name).ok_or_else(|| {
                    let names: Vec<_> = Self::ALL.iter().map(|v| v.name()).collect();
                    format!(concat!("there is no ", $what, " {:?}; there are {}"), name, names.join(", "))
                })
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

named!(
    Pattern,
    "pattern",
    Seq = "seq",
    Rand = "rand",
    Stride = "stride",
    Jump = "jump",
    Zipf = "zipf"
);
named!(Cache, "cache state", Warm = "warm", Mixed = "mixed", Cold = "cold");

impl Pattern {
    /// What a caller who reads so would declare to the library.
    pub(super) fn declared(self) -> cutwater::Pattern {
        match self {
            Self::Seq => cutwater::Pattern::Sequential,
            Self::Stride | Self::Jump | Self::Rand | Self::Zipf => cutwater::Pattern::Random,
        }
    }
}

/// A group of cells: everything but the path, which is what is compared within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Shape {
    /// First, so that sorting brings the states in the order in which they are cheapest to
    /// make: from warm by dropping half to cold by dropping the rest.
    pub(super) cache: Cache,
    pub(super) pattern: Pattern,
    /// Bytes of a read.
    pub(super) block: u64,
    /// Reads known ahead, per thread.
    pub(super) depth: u32,
    pub(super) threads: u32,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cache, pattern, block, depth, threads } = self;
        let threads = words::counted(u64::from(*threads), "thread");
        write!(f, "{cache} {pattern} {}, depth {depth}, {threads}", units::size(*block))
    }
}
