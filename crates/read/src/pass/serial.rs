//! A pass without a ring: one read after another, on the calling thread.

use std::ops::{ControlFlow, Range};

use cutwater_meter::ReadCounters;
use cutwater_sys::buffer::Buffer;
use cutwater_sys::pio::{OFFSET_MAX, Vectors};

use super::Failed;
use super::inline::read_full;
use super::sink::Sink;
use crate::Piece;
use crate::pass::Lookup;
use crate::pass::items::{Item, Items};
use crate::pass::lane::Lane;
use crate::pass::source::Source;

/// The lanes of the two kinds of ranges, and where their reads are counted.
pub(crate) struct Lanes<'a> {
    pub(crate) hit: (Lane, &'a ReadCounters),
    pub(crate) miss: (Lane, &'a ReadCounters),
}

/// Reads the items in order; `classify` says which lane each takes. Returns the index of the
/// first range that was not read: past the last, or where the classifier was surprised.
pub(crate) fn read_in_order<S: Source, F: FnMut(Piece<'_>) -> ControlFlow<()>>(
    source: &S,
    items: Items<'_>,
    lanes: &Lanes<'_>,
    scratch: &mut Buffer,
    classify: &mut dyn FnMut(Range<u64>) -> Lookup,
    sink: &mut Sink<'_, F>,
) -> Result<usize, Failed> {
    let mut next = 0;
    let mut is_whole = true;
    let mut items = items;
    while let Some(item) = items.next() {
        let empty = item.start == item.end;
        let lookup = if empty { Lookup::Hit } else { classify(item.start..item.end) };
        if lookup == Lookup::Surprise && is_whole {
            return Ok(item.first);
        }
        (next, is_whole) = (item.first + item.count, item.last);
        let (lane, counters) = if lookup == Lookup::Hit { lanes.hit } else { lanes.miss };
        let bytes = read_item(source, lane, &item, scratch, counters)?;
        counters.ops.add(item.count as u64);
        counters.bytes.add(bytes.len() as u64);
        if sink.hand_over(&item, bytes).is_break() {
            break;
        }
        if let Some(index) = sink.cut() {
            items.cut(index);
        }
    }
    Ok(next)
}

/// Reads one item into `scratch`, direct ones with the grid cells at both ends.
fn read_item<'b, S: Source>(
    source: &S,
    lane: Lane,
    item: &Item,
    scratch: &'b mut Buffer,
    counters: &ReadCounters,
) -> Result<&'b [u8], Failed> {
    let align = if lane == Lane::DirectRead { source.align().unwrap_or(1) } else { 1 };
    let skip = (item.start % align) as usize;
    let start = item.start - skip as u64;
    // The last grid cell below 2^63 reaches past it, and what does is refused as a whole.
    let len = (skip + item.len()).next_multiple_of(align as usize);
    let len = (len as u64).min(OFFSET_MAX.saturating_sub(start)) as usize;
    let buf = &mut scratch.as_mut_slice()[..len];
    let n = read_full(source, lane, buf, start, counters)?;
    Ok(&scratch.as_slice()[skip.min(n)..(skip + item.len()).min(n)])
}

/// Neighbouring ranges that one vectored call reads at most.
const RUN_MAX: usize = 64;

/// Whether `range` begins where the bytes of `before` end. A range that ends before it begins has
/// no bytes.
fn follows(before: &Range<u64>, range: &Range<u64>) -> bool {
    before.end >= before.start && range.start == before.end
}

/// Reads neighbours with one `preadv2(2)`, each range into a page-aligned slot of its own.
pub(crate) fn read_vectored<S: Source, F: FnMut(Piece<'_>) -> ControlFlow<()>>(
    source: &S,
    ranges: &[Range<u64>],
    slot_bytes: usize,
    scratch: &mut Buffer,
    vectors: &mut Vectors,
    counters: &ReadCounters,
    sink: &mut Sink<'_, F>,
) -> Result<(), Failed> {
    let mut lens = [0; RUN_MAX];
    let run_max = (scratch.len() / slot_bytes.max(1)).clamp(1, RUN_MAX);
    let mut next = 0;
    while let Some(first) = ranges.get(next) {
        let mut count = 0;
        while let Some(range) = ranges.get(next + count)
            && count < run_max
            && (count == 0 || follows(&ranges[next + count - 1], range))
        {
            lens[count] = range.end.saturating_sub(range.start) as usize;
            count += 1;
        }
        let lens = &lens[..count];
        counters.syscalls.add(1);
        let n = source.read_slots(vectors, scratch, slot_bytes, lens, first.start);
        let mut left = n.unwrap_or(0);
        for (i, &len) in lens.iter().enumerate() {
            let have = len.min(left);
            left -= have;
            let at = i * slot_bytes;
            let start = ranges[next + i].start;
            // The call ended in this range, or failed: carried on alone, to its true end.
            let rest = &mut scratch.as_mut_slice()[at + have..at + len];
            let more = match rest.len() {
                0 => 0,
                _ => read_full(source, Lane::Read, rest, start + have as u64, counters)?,
            };
            counters.ops.add(1);
            counters.bytes.add((have + more) as u64);
            let bytes = &scratch.as_slice()[at..at + have + more];
            if sink.lend(next + i, start, bytes, len, true).is_break() {
                return Ok(());
            }
        }
        next += count;
    }
    Ok(())
}
