//! Rings that the kernel refused, by reason.

use std::sync::atomic::{AtomicU64, Ordering};

use cutwater_sys::Errno;

const REASONS: [&str; 5] = ["denied", "missing", "memory", "descriptors", "other"];

static REFUSED: [AtomicU64; REASONS.len()] = [const { AtomicU64::new(0) }; REASONS.len()];

/// Counts a refusal.
pub(crate) fn note(errno: Errno) {
    let at = match errno {
        Errno::PERM | Errno::ACCESS => 0,
        Errno::NOSYS => 1,
        Errno::NOMEM => 2,
        Errno::MFILE | Errno::NFILE => 3,
        _ => 4,
    };
    REFUSED[at].fetch_add(1, Ordering::Relaxed);
}

/// Each reason that has occurred, and how often.
pub(crate) fn counts() -> impl Iterator<Item = (&'static str, u64)> {
    let counts = REASONS.into_iter().zip(&REFUSED);
    counts.map(|(reason, n)| (reason, n.load(Ordering::Relaxed))).filter(|(_, n)| *n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_counted_under_its_reason() {
        let of = |reason| counts().find(|(r, _)| *r == reason).map_or(0, |(_, n)| n);
        let before = of("descriptors");
        note(Errno::MFILE);
        assert!(of("descriptors") > before);
    }
}
