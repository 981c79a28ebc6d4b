//! Makes the reads of a call as the plan says.

use std::ops::{ControlFlow, Range};
use std::sync::atomic::Ordering;

use cutwater_sys::buffer::PAGE_BYTES;

use super::core::{Core, FileRing};
use super::gather::{self, Call, Class};
use crate::choose::facts::{Cached, Lane, Plan, Probe};
use crate::counting::ThreadCounters;
use crate::engine::{Engine, PIECE_BYTES_MAX};
use crate::pass::Failed;
use crate::pass::inline::read_full;
use crate::pass::roll::{Means, Roll, RollPlan};
use crate::pass::serial::{self, SerialPlan};
use crate::pass::sink::Sink;
use crate::plan::Items;
use crate::source::{How, Queue, Source};
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
    let belief = &mut engine.views.of(core.id).belief;
    let plan = gather::plan(core, belief, ring, call);
    let range = offset..offset.saturating_add(buf.len() as u64);
    let class = gather::classify(core, belief, &plan, &range);
    belief.note_read(&range);
    let lane = if class == Class::Hit { plan.hit } else { plan.miss };
    let how = match inline(lane) {
        Some(How::Direct) if !is_aligned(core, buf, offset) => None,
        how => how,
    };
    // A queued read, or a direct one off the grid, needs a buffer of ours between.
    let Some(how) = how else { return bounce(core, engine, buf, offset) };
    let timed = engine.timing.start(how == How::Map);
    let counters = engine.counters.of(core.class(), lane.path());
    let n = read_full(core, how, buf, offset, counters)?;
    if let Some(timed) = timed {
        let ns = timed.note_read(&engine.counters, core.class(), lane.path());
        engine.timing.learn(ns, n);
    }
    engine.counters.note_done(core.class(), lane.path(), n);
    if how == How::Direct {
        core.past_cache_bytes.fetch_add(n as u64, Ordering::Relaxed);
    }
    let hit = u64::from(class == Class::Hit);
    tell(core, engine, &plan, [hit, 1 - hit], n as u64);
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
    let call = Call::of(ranges);
    // The pieces of a long range come in order.
    let long = call.longest > PIECE_BYTES_MAX as u64;
    let order = if long { Order::Listed } else { order };
    let mut sink = Sink::new(ranges, sink);
    let timed = engine.timing.start_pass(ranges.len());
    let mut next = 0;
    while next < ranges.len() && !sink.summary.stopped {
        let ring = engine.may_have_ring(core.ring_options(false));
        let belief = &mut engine.views.of(core.id).belief;
        let plan = gather::plan(core, belief, ring, &call);
        if let [range] = ranges {
            belief.note_read(range);
        }
        let pass = Pass { core, plan, order, ranges, first: next, call };
        let (before, bytes_before) = (totals(core, &engine.counters, &plan), sink.summary.bytes);
        let outcome = pass.run(engine, &mut sink);
        let after = totals(core, &engine.counters, &plan);
        if is_direct(plan.miss) {
            core.past_cache_bytes.fetch_add(after.2 - before.2, Ordering::Relaxed);
        }
        let (hits, misses) = (after.0 - before.0, after.1 - before.1);
        tell(core, engine, &plan, [hits, misses], sink.summary.bytes - bytes_before);
        next = outcome?;
    }
    if let Some(timed) = timed {
        timed.note_pass(&engine.counters, core.class());
    }
    Ok(sink.summary)
}

/// Ranges and bytes that the two lanes of a plan have read so far.
fn totals(core: &Core, counters: &ThreadCounters, plan: &Plan) -> (u64, u64, u64) {
    let of = |lane: Lane| counters.of(core.class(), lane.path());
    let (hit, miss) = (of(plan.hit), of(plan.miss));
    let same = plan.hit.path() == plan.miss.path();
    (hit.ops.get(), if same { 0 } else { miss.ops.get() }, miss.bytes.get())
}

/// Tells the file's story what was read under `plan`: at once where it is new or much was
/// read, else noted here first, as the story is shared and locked.
fn tell(core: &Core, engine: &mut Engine, plan: &Plan, counts: [u64; 2], bytes: u64) {
    engine.counters.note_choice(plan.reason, counts[0] + counts[1]);
    engine.views.of(core.id).tell(core, plan, counts, bytes);
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
    fn run<F: FnMut(Piece<'_>) -> ControlFlow<()>>(
        mut self,
        engine: &mut Engine,
        sink: &mut Sink<'_, F>,
    ) -> Result<usize, Failed> {
        let queued = inline(self.plan.hit).is_none()
            || (inline(self.plan.miss).is_none() && self.plan.probe == Probe::Each);
        let ring = self.core.ring_options(self.goes_direct());
        if queued && engine.ring(ring).is_ok() {
            return self.roll(engine, sink);
        }
        // No ring here: the same reads, one after another.
        let without = |lane| if inline(lane).is_none() { Lane::Read } else { lane };
        if queued {
            engine.counters.of(self.core.class(), self.plan.miss.path()).fallbacks.add(1);
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
        let counters = counters.of(self.core.class(), ReadPath::Preadv);
        serial::run_vectored(self.core, self.ranges, slot_bytes, scratch, vectors, counters, sink)?;
        Ok(self.ranges.len())
    }

    fn serial<F: FnMut(Piece<'_>) -> ControlFlow<()>>(
        &self,
        engine: &mut Engine,
        sink: &mut Sink<'_, F>,
    ) -> Result<usize, Failed> {
        let Self { core, plan, .. } = self;
        let Engine { scratch, views, counters, .. } = engine;
        let belief = &mut views.of(core.id).belief;
        let lane = |lane: Lane| {
            (inline(lane).unwrap_or(How::Buffered), counters.of(core.class(), lane.path()))
        };
        let hows = SerialPlan { hit: lane(plan.hit), miss: lane(plan.miss) };
        let items =
            Items::new(self.ranges, PIECE_BYTES_MAX, plan.coalesce_bytes).starting_at(self.first);
        let mut classify = |range: Range<u64>| gather::classify(core, belief, plan, &range);
        serial::run(*core, items, &hows, scratch, &mut classify, sink)
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
        let all_queued = inline(plan.hit).is_none();
        let roll_plan = RollPlan {
            hit: inline(plan.hit).unwrap_or(How::Buffered),
            direct,
            fixed,
            align,
            depth: core.options.depth as usize,
            slot_bytes: piece + slack,
            order: self.order,
        };
        let reads = self.ranges.len() - self.first;
        let mut queue = FileRing::new(parts.ring, core, direct, reads);
        let belief = &mut parts.views.of(core.id).belief;
        let mut classify = |range: Range<u64>| {
            if all_queued {
                return Class::Miss;
            }
            let class = gather::classify(core, belief, plan, &range);
            // So much is resident that the queue is only in the way: time for another plan.
            let all_hit = class == Class::Hit && belief.cached() == Cached::Yes;
            if all_hit { Class::Surprise } else { class }
        };
        let means = Means {
            source: *core,
            queue: &mut queue,
            scratch: parts.scratch,
            work: parts.work,
            hits: parts.counters.of(core.class(), plan.hit.path()),
            misses: parts.counters.of(core.class(), plan.miss.path()),
        };
        let items = Items::new(self.ranges, piece, coalesce).starting_at(self.first);
        let outcome = Roll::new(means, roll_plan, sink).run(items, &mut classify);
        if outcome.is_err() {
            // Reads in flight belong to nobody now; the next pass needs an idle ring.
            let _ = queue.quiesce();
        }
        queue.release();
        outcome
    }

    /// Whether queued reads go past the page cache.
    fn goes_direct(&self) -> bool {
        is_direct(self.plan.miss) || is_direct(self.plan.hit)
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

fn is_direct(lane: Lane) -> bool {
    matches!(lane, Lane::DirectRead | Lane::Ring { direct: true })
}

/// How a lane reads inline; none for the ring.
fn inline(lane: Lane) -> Option<How> {
    match lane {
        Lane::Read | Lane::Preadv => Some(How::Buffered),
        Lane::Map => Some(How::Map),
        Lane::DirectRead => Some(How::Direct),
        Lane::DontCache => Some(How::DontCache),
        Lane::Ring { .. } => None,
    }
}
