//! Gathers the facts for a call and asks the rule.

use std::ops::Range;
use std::sync::atomic::Ordering;

use cutwater_sys::Errno;
use cutwater_sys::buffer::PAGE_BYTES;
use cutwater_sys::sigbus;

use super::core::Core;
use crate::choose::belief::{Belief, follows};
use crate::choose::facts::{Access, Cached, Costs, Facts, Plan, Probe};
use crate::choose::{calibrate, rule};
use crate::file::engine::PIECE_BYTES_MAX;
use crate::pass::Lookup;
use crate::pass::source::Source;
use crate::{Pattern, ReadPath};

/// Files smaller than this are not worth a second descriptor for direct reads.
const DIRECT_SIZE_MIN: u64 = 4 << 20;

/// What lies this far ahead of a read in order is beyond the kernel's read-ahead, so that
/// the answer is about the page cache and not about the reads just made. Both places have to
/// be resident: one of them may be where another thread reads.
const AHEAD_BYTES: [u64; 2] = [8 << 20, 32 << 20];

/// What one call asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) known_ahead: usize,
    pub(super) block_bytes: u64,
    /// Bytes of the longest range.
    pub(super) longest: u64,
    /// Each range begins where the one before ends.
    pub(super) in_order: bool,
    /// In order, with gaps between that are small compared with the ranges.
    pub(super) gaps: bool,
    /// One of a series of reads in order, between which the caller works.
    pub(super) streams: bool,
}

impl Call {
    pub(super) fn one(len: usize) -> Self {
        Self {
            known_ahead: 1,
            block_bytes: len as u64,
            longest: len as u64,
            in_order: true,
            gaps: false,
            streams: false,
        }
    }

    pub(super) fn for_ranges(ranges: &[Range<u64>]) -> Self {
        let (mut bytes, mut longest, mut last) = (0u64, 0, None::<&Range<u64>>);
        let (mut in_order, mut is_near) = (true, true);
        for range in ranges {
            let len = range.end.saturating_sub(range.start);
            bytes = bytes.saturating_add(len);
            longest = longest.max(len);
            in_order &= last.is_none_or(|last| last.end == range.start);
            is_near &= last.is_none_or(|last| follows(last, range.start));
            last = Some(range);
        }
        let block_bytes = bytes / (ranges.len().max(1) as u64);
        // One long range is a list of pieces known ahead.
        let known_ahead = ranges.len().max(longest.div_ceil(PIECE_BYTES_MAX as u64) as usize);
        let gaps = is_near && !in_order;
        Self { known_ahead, block_bytes, longest, in_order, gaps, streams: false }
    }
}

/// The plan for a call.
pub(super) fn plan(core: &Core, belief: &Belief, ring: bool, call: &Call) -> Plan {
    match core.options.path {
        ReadPath::Auto => rule::choose(&facts(core, belief, ring, call)),
        path => rule::named(path),
    }
}

fn facts(core: &Core, belief: &Belief, ring: bool, call: &Call) -> Facts {
    let map = sigbus::was_installed() && core.map().is_ok();
    Facts {
        cached: belief.cached(),
        access: access(core, belief, call),
        reuse: core.options.reuse,
        known_ahead: call.known_ahead,
        block_bytes: call.block_bytes,
        depth: core.options.depth,
        size: core.size_at_open,
        memory_bytes: calibrate::memory_bytes(),
        past_cache_bytes: core.past_cache_bytes.load(Ordering::Relaxed),
        map,
        direct: core.size_at_open >= DIRECT_SIZE_MIN && core.direct().is_ok(),
        dontcache: core.may_dontcache(),
        streams: call.streams,
        gaps: call.gaps,
        ring,
        residency: core.answers_residency(),
        costs: if map { calibrate::costs() } else { Costs::ASSUMED },
    }
}

fn access(core: &Core, belief: &Belief, call: &Call) -> Access {
    match core.options.pattern {
        Pattern::Sequential => Access::Sequential,
        _ if call.streams => Access::Sequential,
        Pattern::Random => Access::Random,
        Pattern::Observed if call.known_ahead > 1 && call.in_order => Access::Sequential,
        Pattern::Observed if call.known_ahead > 1 => Access::Random,
        Pattern::Observed => belief.access(),
    }
}

/// Whether `range` is (believed to be) resident; asks the kernel when the probe says so.
pub(super) fn classify(
    core: &Core,
    belief: &mut Belief,
    plan: &Plan,
    range: &Range<u64>,
) -> Lookup {
    let probe = match (plan.probe, belief.cached()) {
        (Probe::Each, Cached::Yes) => Probe::Sampled,
        (probe, _) => probe,
    };
    if !belief.asks(probe) {
        return Lookup::Hit;
    }
    let in_order = probe == Probe::Sampled && plan.hit == plan.miss;
    let size = core.size_at_open;
    let (answer, bytes) = if in_order {
        (are_resident_ahead(core, range, size), PAGE_BYTES as u64)
    } else {
        let ask = range.start..range.end.min(size.max(range.start + 1));
        let bytes = ask.end - ask.start;
        (core.is_resident(ask), bytes)
    };
    match answer {
        Ok(resident) => {
            belief.note_answer(resident, bytes);
            match (resident, plan.probe) {
                // The answer was about places ahead, not about this range.
                _ if in_order => Lookup::Hit,
                (true, _) => Lookup::Hit,
                (false, Probe::Sampled) => Lookup::Surprise,
                (false, _) => Lookup::Miss,
            }
        }
        Err(_) => Lookup::Hit,
    }
}

/// Whether a page at each distance ahead of `range` is resident; round the end of the file.
fn are_resident_ahead(core: &Core, range: &Range<u64>, size: u64) -> Result<bool, Errno> {
    let page = PAGE_BYTES as u64;
    for ahead in AHEAD_BYTES {
        let target = range.end.saturating_add(ahead);
        let at = if target + page > size { target % size.max(page) } else { target };
        if !core.is_resident(at..(at + page).min(size.max(at + 1)))? {
            return Ok(false);
        }
    }
    Ok(true)
}
