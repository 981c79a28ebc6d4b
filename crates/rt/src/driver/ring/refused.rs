//! When a ring that the kernel refuses to enter is given up for good.

use std::io;
use std::time::{Duration, Instant};

use cutwater_sys::ring::{Op, Outcome, Stranded};
use rustix::io::Errno;

use super::Ring;
use crate::driver::slots::Slots;

/// The error of an operation that the kernel had when it began to refuse the ring
/// (`ENOTRECOVERABLE`). It may have been done in part or whole; its outcome is unknown. Its buffer
/// does not come back, because the kernel may still write to it.
pub const STRANDED: Errno = Errno::NOTRECOVERABLE;

/// How long errors that may pass (`EAGAIN`, `EBUSY`, `ENOMEM`) are tolerated. Others last: a filter
/// of system calls is never lifted (`seccomp(2)`).
const REFUSED_MAX: Duration = Duration::from_secs(5);

/// The refusals in a row.
#[derive(Debug, Default)]
pub(super) struct Refused {
    since: Option<Instant>,
    why: Option<Errno>,
}

impl Refused {
    /// The kernel took what was submitted.
    fn end(&mut self) {
        self.since = None;
    }

    /// The kernel refused the ring; whether it is given up.
    fn is_for_good(&mut self, errno: Errno) -> bool {
        let passes = matches!(errno, Errno::AGAIN | Errno::BUSY | Errno::NOMEM | Errno::INTR);
        let since = *self.since.get_or_insert_with(Instant::now);
        if passes && since.elapsed() < REFUSED_MAX {
            return false;
        }
        self.why = Some(errno);
        true
    }
}

impl Ring {
    /// Whether the ring was given up.
    pub(in crate::driver) fn is_over(&self) -> bool {
        self.refused.why.is_some()
    }

    /// Why the ring was given up.
    pub(in crate::driver) fn why_over(&self) -> Option<Errno> {
        self.refused.why
    }

    /// Retries cancellations that the ring refused.
    pub(super) fn cancel_again(&mut self) {
        let ring = &mut self.ring;
        self.uncancelled.retain(|key| ring.cancel(*key).is_err());
    }

    /// Records whether the kernel has `entered` the ring. Returns false if the ring is given up.
    /// After a refusal, waits for `pause`: a refused enter does not wait.
    pub(super) fn goes_on(
        &mut self,
        entered: Result<(), Errno>,
        pause: Option<Duration>,
        slots: &mut Slots,
    ) -> bool {
        let Err(errno) = entered else {
            self.degrade.accepted();
            self.refused.end();
            return true;
        };
        self.degrade.refused();
        if self.refused.is_for_good(errno) {
            self.give_up(errno, slots);
            return false;
        }
        if let Some(pause) = pause {
            self.cold.readiness.turn(Some(pause));
            self.cold.deliver(slots);
        }
        true
    }

    /// Leaves the ring for good. What is in flight is carried out without it, or ends with an error.
    fn give_up(&mut self, errno: Errno, slots: &mut Slots) {
        let in_flight = self.ring.in_flight();
        let why = io::Error::from(errno);
        tracing::error!(%why, in_flight, "the kernel refuses to enter the ring: it is given up");
        self.degrade.give_up();
        self.cold.forget_ring();
        self.outside = None;
        self.uncancelled.clear();
        for (key, stranded) in self.ring.abandon() {
            let Some(id) = self.ids.take(key) else { continue };
            match stranded {
                Stranded::ToDo(op) if slots.holder(id).is_some() && !is_multishot(&op) => {
                    let holder = self.cold.take(id, op);
                    slots.moved(id, holder);
                }
                Stranded::ToDo(op) | Stranded::NotBegun(op) => {
                    slots.complete(id, Outcome::plain(op, Err(Errno::CANCELED)));
                }
                Stranded::Unknown(op) => slots.complete(id, Outcome::plain(op, Err(STRANDED))),
            }
        }
        self.cold.deliver(slots);
    }
}

/// Whether an operation delivers several results. Its end means that it is to be begun again.
fn is_multishot(op: &Op) -> bool {
    matches!(op, Op::AcceptMany { .. } | Op::RecvMany { .. } | Op::RecvFromMany { .. })
}
