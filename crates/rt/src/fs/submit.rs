//! How a file submits its operations, and when it asks for bytes that are in the page cache.

use std::sync::atomic::{AtomicU32, Ordering};

use cutwater_sys::ring::Op;

use crate::executor::Core;
use crate::operation::{Operation, operation};

/// Misses in a row after which a file is not asked for resident bytes any more. Each question that
/// misses costs a call and may start read-ahead that nobody wants.
const MISSES_MAX: u32 = 4;

/// Reads after which it is asked again.
const ASK_AGAIN: u32 = 256;

/// How a [`File`](super::File) submits its operations: [`OnCore`] or [`crate::bridge::OnBridge`].
pub trait Submit: sealed::Sealed {}

pub(crate) mod sealed {
    use std::future::Future;

    use cutwater_sys::ring::{Op, Outcome};

    use super::Belief;

    /// What this crate does with a [`super::Submit`]; nobody else can implement it.
    pub trait Sealed {
        /// An operation that was submitted.
        type Pending: Future<Output = Outcome>;

        fn submit(&self, op: Op) -> Self::Pending;

        fn belief(&self) -> &Belief;

        /// Runs `read`, which answers from the page cache where it can. `None` also where nothing may be
        /// answered this way; `read` is then not called.
        fn inline(&self, read: impl FnOnce() -> Option<usize>) -> Option<usize>;
    }
}

/// Submits to the core of this thread.
#[derive(Debug, Default)]
pub struct OnCore {
    belief: Belief,
}

impl Submit for OnCore {}

impl sealed::Sealed for OnCore {
    type Pending = Operation;

    fn submit(&self, op: Op) -> Operation {
        operation(op)
    }

    fn belief(&self) -> &Belief {
        &self.belief
    }

    fn inline(&self, read: impl FnOnce() -> Option<usize>) -> Option<usize> {
        Core::inline(read)
    }
}

/// Whether a file's bytes are believed to be in the page cache. Loads and stores will do between
/// threads: an update that is lost costs one call.
#[derive(Debug, Default)]
pub struct Belief {
    misses: AtomicU32,
    unasked: AtomicU32,
}

impl Belief {
    /// Whether to ask for resident bytes now.
    pub(super) fn asks(&self) -> bool {
        if self.misses.load(Ordering::Relaxed) < MISSES_MAX {
            return true;
        }
        let unasked = self.unasked.load(Ordering::Relaxed) + 1;
        let asks = unasked >= ASK_AGAIN;
        self.unasked.store(if asks { 0 } else { unasked }, Ordering::Relaxed);
        asks
    }

    /// Records whether a question was answered.
    pub(super) fn record(&self, hit: bool) {
        let misses = self.misses.load(Ordering::Relaxed);
        self.misses.store(if hit { 0 } else { misses.saturating_add(1) }, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_misses_in_a_row_one_read_in_256_asks_until_it_hits() {
        let belief = Belief::default();
        for _ in 0..MISSES_MAX {
            assert!(belief.asks());
            belief.record(false);
        }
        for _ in 0..2 {
            assert_eq!((1..=ASK_AGAIN).filter(|_| belief.asks()).count(), 1);
            belief.record(false);
        }
        belief.record(true);
        assert!(belief.asks());
    }
}
