//! The chooser's rule: facts in, plan out. Pure: no clock, no I/O, no state. `table.rs` tests it.

use crate::choose::facts::{Access, Cached, Facts, Plan, Probe, Reason};
use crate::pass::lane::Lane;
use crate::{ReadPath, Reuse};

/// Neighbours that miss are joined up to this: beyond it the device gains nothing more.
const COALESCE_BYTES: usize = 1 << 20;

/// Neighbours that hit are read by one call up to this: it makes calls few, and stays in a
/// core's second-level cache until the caller has used it.
const RESIDENT_COALESCE_BYTES: usize = 64 << 10;

/// Blocks from this size on keep a device busy by themselves when read in order.
const LARGE_BLOCK_BYTES: u64 = 256 << 10;

/// Blocks from this size on hide what a call costs.
const CALL_BLOCK_BYTES: u64 = 64 << 10;

/// The plan for `facts`.
pub(crate) fn choose(facts: &Facts) -> Plan {
    let hit = warm_lane(facts);
    if facts.cached == Cached::Yes && facts.residency {
        let reason = match hit {
            _ if passes(facts) => Reason::ResidentOnce,
            hit => Reason::Resident { map: hit == Lane::Map },
        };
        let miss = miss_lane(facts).0;
        // A copy from the map has no call to spare, and the smaller it is the hotter its bytes
        // are when the caller uses them.
        let coalesce_bytes = if hit == Lane::Map { 0 } else { RESIDENT_COALESCE_BYTES };
        return Plan { hit, miss, probe: Probe::Sampled, coalesce_bytes, reason };
    }
    let alone = facts.known_ahead <= 1;
    let small = facts.block_bytes < LARGE_BLOCK_BYTES;
    let by_one = alone && facts.access == Access::Sequential && (small || facts.streams);
    if by_one || (facts.gaps && small) {
        let reason = Reason::Sequential { ring: false };
        let probe = if facts.residency { Probe::Sampled } else { Probe::Never };
        let lane = buffered(facts);
        return Plan { hit: lane, miss: lane, probe, coalesce_bytes: 0, reason };
    }
    if !facts.residency {
        let hit = if alone || !facts.ring { Lane::Read } else { Lane::Ring { direct: false } };
        let reason = Reason::NoResidency;
        return Plan {
            hit,
            miss: hit,
            probe: Probe::Never,
            coalesce_bytes: COALESCE_BYTES,
            reason,
        };
    }
    let (miss, reason) = miss_lane(facts);
    Plan { hit, miss, probe: Probe::Each, coalesce_bytes: COALESCE_BYTES, reason }
}

/// The plan for a path that the caller named: every range that way, alone.
pub(crate) fn named(path: ReadPath) -> Plan {
    let lane = match path {
        ReadPath::Read | ReadPath::Auto => Lane::Read,
        ReadPath::Preadv => Lane::Preadv,
        ReadPath::Mmap => Lane::Map,
        ReadPath::Uring => Lane::Ring { direct: false },
        ReadPath::UringDirect => Lane::Ring { direct: true },
    };
    Plan { hit: lane, miss: lane, probe: Probe::Never, coalesce_bytes: 0, reason: Reason::Named }
}

/// Whether large blocks come in order and only once: each page of a map is then faulted for one
/// use, which no copy pays back (measured: 0.21 s by map, 0.16 s by calls, for a search of 1 GiB).
fn passes(facts: &Facts) -> bool {
    let in_order = facts.access == Access::Sequential;
    facts.reuse == Reuse::Once && in_order && facts.block_bytes >= CALL_BLOCK_BYTES
}

fn warm_lane(facts: &Facts) -> Lane {
    if passes(facts) {
        return Lane::Preadv;
    }
    if facts.map && facts.costs.map_wins(facts.block_bytes) { Lane::Map } else { Lane::Preadv }
}

/// How ranges that are not resident are read, and why.
fn miss_lane(facts: &Facts) -> (Lane, Reason) {
    let alone = facts.known_ahead <= 1;
    let (past, why) = past_cache(facts);
    if alone {
        let lane = if past { Lane::DirectRead } else { buffered(facts) };
        return (lane, why.unwrap_or(Reason::ColdAlone { direct: past }));
    }
    if !facts.ring {
        let lane = if past { Lane::DirectRead } else { buffered(facts) };
        return (lane, Reason::ColdPool);
    }
    let reason = match facts.access {
        Access::Sequential if past => Reason::Sequential { ring: true },
        _ => Reason::ColdKnown { direct: past },
    };
    (Lane::Ring { direct: past }, why.unwrap_or(reason))
}

/// A read through the page cache, which leaves it as it was where nothing is gained by filling
/// it: the bytes are read once, or could never stay.
fn buffered(facts: &Facts) -> Lane {
    let once = facts.reuse == Reuse::Once || facts.size > facts.memory_bytes / 2;
    if once && facts.dontcache { Lane::DontCache } else { Lane::Read }
}

/// Whether misses go past the page cache.
///
/// A direct read is cheaper today, but leaves nothing for tomorrow. Not knowing whether there
/// is a tomorrow, rent until the rent has cost as much as buying: go past the cache until as
/// many bytes as the file holds were read so, then fill the cache. That is at most twice as
/// many device reads as the best choice in hindsight (the ski-rental bound).
fn past_cache(facts: &Facts) -> (bool, Option<Reason>) {
    if !facts.direct {
        return (false, None);
    }
    let fits = facts.size <= facts.memory_bytes / 2;
    match facts.reuse {
        Reuse::Once => (true, None),
        _ if !fits => (true, Some(Reason::LargerThanMemory)),
        Reuse::Again => (false, None),
        Reuse::Unknown if facts.past_cache_bytes >= facts.size => (false, Some(Reason::FillCache)),
        Reuse::Unknown => (true, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_path_is_taken_alone() {
        for (path, lane) in [
            (ReadPath::Read, Lane::Read),
            (ReadPath::Preadv, Lane::Preadv),
            (ReadPath::Mmap, Lane::Map),
            (ReadPath::Uring, Lane::Ring { direct: false }),
            (ReadPath::UringDirect, Lane::Ring { direct: true }),
        ] {
            let plan = named(path);
            assert_eq!((plan.hit, plan.miss, plan.probe), (lane, lane, Probe::Never));
            assert_eq!(lane.path(), path);
        }
    }
}
