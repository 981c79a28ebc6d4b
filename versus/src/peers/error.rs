//! Why a peer did not read.

use std::any::Any;
use std::{fmt, io};

/// Why a peer did not run or did not read what it was asked to.
#[derive(Debug)]
pub(crate) enum PeerError {
    /// The host lacks or refuses what the peer needs.
    Unavailable(String),
    /// A call failed.
    Io(&'static str, io::Error),
    /// Fewer bytes came back than the file has there.
    Short { offset: u64, asked: usize, got: usize },
    /// The library panicked.
    Panicked(String),
}

impl PeerError {
    /// For `map_err`: `doing` says what failed.
    pub(crate) fn io(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |e| Self::Io(doing, e)
    }

    /// From what a panicked thread left behind.
    pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Self {
        let said = payload.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| payload.downcast_ref::<&str>().copied());
        Self::Panicked(said.unwrap_or("without a message").to_owned())
    }
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => f.write_str(why),
            Self::Io(doing, e) => write!(f, "{doing}: {e}"),
            Self::Short { offset, asked, got } => {
                write!(f, "read {got} of {asked} bytes at offset {offset}")
            }
            Self::Panicked(said) => write!(f, "the library panicked: {said}"),
        }
    }
}

impl std::error::Error for PeerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, e) => Some(e),
            _ => None,
        }
    }
}
