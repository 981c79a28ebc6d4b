//! Makes the reads of a call as the plan says.

use std::ops::{ControlFlow, Range};
use std::sync::atomic::Ordering;

use cutwater_sys::buffer::PAGE_BYTES;

use super::core::Core;
use super::file_ring::FileRing;
use super::gather::{self, Call};
use crate::choose::facts::{Cached, Plan, Probe};
use crate::counting::threads::ThreadCounters;
use crate::file::engine::{Engine, PIECE_BYTES_MAX};
use crate::pass::inline::read_full;
use crate::pass::items::Items;
use crate::pass::lane::Lane;
use crate::pass::roll::{Means, Roll, RollOptions};
use crate::pass::serial::{self, Lanes};
use crate::pass::sink::Sink;
use crate::pass::source::{Queue, Source};
use crate::pass::{Failed, Lookup};
use crate::{Order, Piece, ReadPath, Summary};

/// Registered buffers pay from this block on: below, the device or the call is the bound.
const FIXED_BLOCK_BYTES_MIN: u64 = 64 << 10;

/// Neighbours in order are joined up to this: large enough for the device, small enough to
/// have several in flight.
const IN_ORDER_BYTES: usize = 512 << 10;

/// Reads into the caller's buffer.
pub(super) fn read_at(
    core: &Core,
    engine: &mut Engine,
    call: &Call,
    buf: &mut [u8],
    offset: u64,
) -> Result<usize, Failed> {
    let ring = engine.may_have_ring(core.ring_options(false));
    let belief = &mut engine.views.get(core.id).belief;
    let plan = gather::plan(core, belief, ring, call);
    let range = offset..offset.saturating_add(buf.len() as u64);
    let lookup = gather::classify(core, belief, &plan, &range);
    belief.note_read(&range);
    let lane = if lookup == Lookup::Hit { plan.hit } else { plan.miss };
    let off_grid = lane == Lane::DirectRead && !is_aligned(core, buf, offset);
    // A queued read, or a direct one off the grid, needs a buffer of ours between.
    if lane.is_queued() || off_grid {
        return bounce(core, engine, buf, offset);
    }
    let timed = engine.timing.start(lane == Lane::Map);
    let counters = engine.counters.reads_of(core.class(), lane.path());
    let n = read_full(core, lane, buf, offset, counters)?;
    if let Some(timed) = timed {
        let ns = timed.note_read(&engine.counters, core.class(), lane.path());
        engine.timing.learn(ns, n);
    }
    engine.counters.note_done(core.class(), lane.path(), n);
    if lane == Lane::DirectRead {
        core.past_cache_bytes.fetch_add(n as u64, Ordering::Relaxed);
    }
    let hit = u64::from(lookup == Lookup::Hit);
    record(core, engine, &plan, [hit, 1 - hit], n as u64);
    Ok(n)
}

fn bounce(core: &Core, engine: &mut Engine, buf: &mut [u8], offset: u64) -> Result<usize, Failed> {
    let mut n = 0;
    let range = offset..offset.saturating_add(buf.len() as u64);
    read_ranges(core, engine, &[range], Order::Listed, |piece| {
        let at = (piece.offset - offset) as usize;
        buf[at..at + piece.bytes.len()].copy_from_slice(piece.bytes);
        n = at + piece.bytes.len();
        ControlFlow::Continue(())
    })?;
    Ok(n)
}

fn is_aligned(core: &Core, buf: &[u8], offset: u64) -> bool {
    let Some(align) = core.align() else { return false };
    offset.is_multiple_of(align)
        && (buf.len() as u64).is_multiple_of(align)
        && (buf.as_ptr() as u64).is_multiple_of(align)
}

/// Makes a pass over `ranges`.
pub(super) fn read_ranges<F: FnMut(Piece<'_>) -> ControlFlow<()>>(
    core: &Core,
    engine: &mut Engine,
    ranges: &[Range<u64>],
    order: Order,
    sink: F,
) -> Result<Summary, Failed> {
    let call = Call::for_ranges(ranges);
    // The pieces of a long range come in order.
    let long = call.longest > PIECE_BYTES_MAX as u64;
    let order = if long { Order::Listed } else { order };
    let mut sink = Sink::new(ranges, sink);
    let timed = engine.timing.start_pass(ranges.len());
    let mut next = 0;
    while next < ranges.len() && !sink.summary.stopped {
        let ring = engine.may_have_ring(core.ring_options(false));
        let belief = &mut engine.views.get(core.id).belief;
        let plan = gather::plan(core, belief, ring, &call);
        if let [range] = ranges {
            belief.note_read(range);
        }
        let pass = Pass { core, plan, order, ranges, first: next, call };
        let (before, bytes_before) = (totals(core, &engine.counters, &plan), sink.summary.bytes);
        let outcome = pass.make(engine, &mut sink);
        let after = totals(core, &engine.counters, &plan);
        if plan.miss.is_direct() {
            core.past_cache_bytes.fetch_add(after.2 - before.2, Ordering::Relaxed);
        }
        let (hits, misses) = (after.0 - before.0, after.1 - before.1);
        record(core, engine, &plan, [hits, misses], sink.summary.bytes - bytes_before);
        next = outcome?;
    }
    if let Some(timed) = timed {
        timed.note_pass(&engine.counters, core.class());
    }
    Ok(sink.summary)
}

/// Ranges and bytes that the two lanes of a plan have read so far.
fn totals(core: &Core, counters: &ThreadCounters, plan: &Plan) -> (u64, u64, u64) {
    let of = |lane: Lane| counters.reads_of(core.class(), lane.path());
    let (hit, miss) = (of(plan.hit), of(plan.miss));
    let same = plan.hit.path() == plan.miss.path();
    (hit.ops.get(), if same { 0 } else { miss.ops.get() }, miss.bytes.get())
}

/// Records what was read under `plan`, for [`File::explain`](super::File::explain) and metrics.
fn record(core: &Core, engine: &mut Engine, plan: &Plan, counts: [u64; 2], bytes: u64) {
    engine.counters.note_choice(plan.reason, counts[0] + counts[1]);
    engine.views.get(core.id).record(&core.choices, plan, counts, bytes);
}

/// Part of a call, made under one plan.
struct Pass<'a> {
    core: &'a Core,
    plan: Plan,
    order: Order,
    ranges: &'a [Range<u64>],
    first: usize,
    call: Call,
}

impl Pass<'_> {
    /// Returns the index of the first range that is still to be read.
    fn make<F: FnMut(Piece<'_>) -> ControlFlow<()>>(
        mut self,
        engine: &mut Engine,
        sink: &mut Sink<'_, F>,
    ) -> Result<usize, Failed> {
        let queued = self.plan.hit.is_queued()
            || (self.plan.miss.is_queued() && self.plan.probe == Probe::Each);
        let ring = self.core.ring_options(self.goes_direct());
        if queued && engine.ring(ring).is_ok() {
            return self.roll(engine, sink);
        }
        // No ring here: the same reads, one after another.
        let without = |lane: Lane| if lane.is_queued() { Lane::Read } else { lane };
        if queued {
            engine.counters.reads_of(self.core.class(), self.plan.miss.path()).fallbacks.add(1);
        }
        (self.plan.hit, self.plan.miss) = (without(self.plan.hit), without(self.plan.miss));
        if self.plan.hit == Lane::Preadv
            && self.plan.probe == Probe::Never
            && self.call.longest <= PIECE_BYTES_MAX as u64
        {
            return self.vectored(engine, sink);
        }
        self.serial(engine, sink)
    }

    fn vectored<F: FnMut(Piece<'_>) -> ControlFlow<()>>(
        &self,
        engine: &mut Engine,
        sink: &mut Sink<'_, F>,
    ) -> Result<usize, Failed> {
        let slot_bytes = (self.call.longest.max(1) as usize).next_multiple_of(PAGE_BYTES);
        let Engine { scratch, vectors, counters, .. } = engine;
        let counters = counters.reads_of(self.core.class(), ReadPath::Preadv);
        serial::read_vectored(
            self.core,
            self.ranges,
            slot_bytes,
            scratch,
            vectors,
            counters,
            sink,
        )?;
        Ok(self.ranges.len())
    }

    fn serial<F: FnMut(Piece<'_>) -> ControlFlow<()>>(
        &self,
        engine: &mut Engine,
        sink: &mut Sink<'_, F>,
    ) -> Result<usize, Failed> {
        let Self { core, plan, .. } = self;
        let Engine { scratch, views, counters, .. } = engine;
        let belief = &mut views.get(core.id).belief;
        let counted = |lane: Lane| (lane, counters.reads_of(core.class(), lane.path()));
        let lanes = Lanes { hit: counted(plan.hit), miss: counted(plan.miss) };
        let items =
            Items::new(self.ranges, PIECE_BYTES_MAX, plan.coalesce_bytes).starting_at(self.first);
        let mut classify = |range: Range<u64>| gather::classify(core, belief, plan, &range);
        serial::read_in_order(*core, items, &lanes, scratch, &mut classify, sink)
    }

    fn roll<F: FnMut(Piece<'_>) -> ControlFlow<()>>(
        &self,
        engine: &mut Engine,
        sink: &mut Sink<'_, F>,
    ) -> Result<usize, Failed> {
        let Self { core, plan, .. } = self;
        let direct = self.goes_direct();
        let (piece, coalesce) = self.piece_bytes(engine.arena_bytes());
        let parts = engine.parts(core.ring_options(direct)).map_err(|errno| Failed {
            errno,
            offset: 0,
            len: 0,
        })?;
        let fixed = direct && piece as u64 >= FIXED_BLOCK_BYTES_MIN && parts.ring.register_arena();
        let align = core.align().filter(|_| direct).unwrap_or(1);
        let slack = if direct { 2 * align as usize } else { 0 };
        let all_queued = plan.hit.is_queued();
        let options = RollOptions {
            hit: plan.hit,
            direct,
            fixed,
            align,
            depth: core.options.depth as usize,
            slot_bytes: piece + slack,
            order: self.order,
        };
        let reads = self.ranges.len() - self.first;
        let mut queue = FileRing::new(parts.ring, core, direct, reads);
        let belief = &mut parts.views.get(core.id).belief;
        let mut classify = |range: Range<u64>| {
            if all_queued {
                return Lookup::Miss;
            }
            let lookup = gather::classify(core, belief, plan, &range);
            // So much is resident that the queue is only in the way: time for another plan.
            let all_hit = lookup == Lookup::Hit && belief.cached() == Cached::Yes;
            if all_hit { Lookup::Surprise } else { lookup }
        };
        let means = Means {
            source: *core,
            queue: &mut queue,
            scratch: parts.scratch,
            work: parts.work,
            hits: parts.counters.reads_of(core.class(), plan.hit.path()),
            misses: parts.counters.reads_of(core.class(), plan.miss.path()),
        };
        let items = Items::new(self.ranges, piece, coalesce).starting_at(self.first);
        let outcome = Roll::new(means, options, sink).read_all(items, &mut classify);
        if outcome.is_err() {
            // No one waits for the reads in flight any more, and the next pass needs an idle ring.
            let _ = queue.quiesce();
        }
        queue.release();
        outcome
    }

    /// Whether queued reads go past the page cache.
    fn goes_direct(&self) -> bool {
        self.plan.miss.is_direct() || self.plan.hit.is_direct()
    }

    /// Bytes of a queued read at most, and up to how many neighbours are joined.
    fn piece_bytes(&self, arena_bytes: usize) -> (usize, usize) {
        let longest = (self.call.longest.max(1)).min(PIECE_BYTES_MAX as u64) as usize;
        if self.plan.coalesce_bytes == 0 {
            return (longest, 0);
        }
        let share = arena_bytes / self.core.options.depth as usize;
        let joined = if self.call.in_order { IN_ORDER_BYTES } else { share / 2 };
        let joined = joined.min(self.plan.coalesce_bytes);
        (longest.max(joined), joined)
    }
}
