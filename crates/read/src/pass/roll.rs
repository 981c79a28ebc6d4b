//! The loop that keeps the queue full while it hands over what is there.
//!
//! A turn: classify ranges until the queue is full or enough resident ones are noted; submit;
//! copy and hand over resident ranges while the device works; take completions; hand them over.

use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};
use std::time::Duration;

use cutwater_meter::ReadCounters;
use cutwater_sys::Errno;
use cutwater_sys::buffer::Buffer;
use cutwater_sys::ring::{Completion, PushError};

use super::flight::{Flight, Next};
use super::inline::read_full;
use super::sink::Sink;
use super::{ATTEMPTS_MAX, Failed};
use crate::pass::Lookup;
use crate::pass::items::{Item, Items};
use crate::pass::lane::Lane;
use crate::pass::source::{Queue, Source};
use crate::{Order, Piece};

/// Ranges that wait for their hand-over at most, resident ones and landed ones together.
const WAITING_MAX: usize = 512;

/// Resident ranges that are copied before completions are looked at again: about 30 us.
const COPIES_PER_TURN: usize = 32;

/// Submissions in a row that the kernel may refuse for now, and the pause between the later ones:
/// a second in all, so that a pass on a host without memory fails instead of hanging.
const REFUSED_MAX: u32 = 1024;
const REFUSED_PAUSE: Duration = Duration::from_millis(1);

/// Memory that a pass reuses from call to call.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    flights: Vec<Option<Flight>>,
    free: Vec<u32>,
    waiting: VecDeque<Waiting>,
    completions: Vec<Completion>,
}

#[derive(Debug, Clone, Copy)]
enum Waiting {
    /// To be read inline when its turn comes.
    Inline(Item),
    /// In this slot, or on its way there.
    Slot(u32),
}

/// How a rolling pass is to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RollOptions {
    /// The lane of resident ranges, which are not queued.
    pub(crate) hit: Lane,
    pub(crate) direct: bool,
    pub(crate) fixed: bool,
    pub(crate) align: u64,
    pub(crate) depth: usize,
    pub(crate) slot_bytes: usize,
    pub(crate) order: Order,
}

/// A pass in progress.
pub(crate) struct Roll<'a, 's, S, Q, F> {
    source: &'a S,
    queue: &'a mut Q,
    scratch: &'a mut Buffer,
    work: &'a mut Workspace,
    options: RollOptions,
    sink: &'a mut Sink<'s, F>,
    hits: &'a ReadCounters,
    misses: &'a ReadCounters,
    in_flight: usize,
    unsubmitted: usize,
    /// Submissions in a row that the kernel refused for now.
    refused: u32,
    /// The first range that was not taken up, and whether no more are to be.
    next: usize,
    is_ending: bool,
}

/// What a pass reads from and with.
pub(crate) struct Means<'a, S, Q> {
    pub(crate) source: &'a S,
    pub(crate) queue: &'a mut Q,
    pub(crate) scratch: &'a mut Buffer,
    pub(crate) work: &'a mut Workspace,
    /// Where resident ranges are counted.
    pub(crate) hits: &'a ReadCounters,
    /// Where queued ones are counted.
    pub(crate) misses: &'a ReadCounters,
}

impl<'a, 's, S, Q, F> Roll<'a, 's, S, Q, F>
where
    S: Source,
    Q: Queue<S>,
    F: FnMut(Piece<'_>) -> ControlFlow<()>,
{
    pub(crate) fn new(
        means: Means<'a, S, Q>,
        options: RollOptions,
        sink: &'a mut Sink<'s, F>,
    ) -> Self {
        let Means { source, queue, scratch, work, hits, misses } = means;
        Self {
            source,
            queue,
            scratch,
            work,
            options,
            sink,
            hits,
            misses,
            in_flight: 0,
            unsubmitted: 0,
            refused: 0,
            next: 0,
            is_ending: false,
        }
    }

    /// Makes the pass; `classify` says which lane each read takes. Returns the index of the first
    /// range that was not read: past the last, or where the classifier was surprised.
    pub(crate) fn read_all(
        &mut self,
        mut items: Items<'_>,
        classify: &mut dyn FnMut(Range<u64>) -> Lookup,
    ) -> Result<usize, Failed> {
        let slots = self.queue.cut(self.options.slot_bytes).map_err(nowhere)?;
        let depth = slots.min(self.options.depth.max(1));
        self.work.reset(depth);
        let flow = loop {
            self.fill(&mut items, classify)?;
            if self.work.waiting.is_empty() && self.in_flight == 0 {
                break ControlFlow::Continue(());
            }
            self.submit()?;
            self.reap()?;
            match self.hand_over() {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break ControlFlow::Break(()),
                Err(failed) => return Err(failed),
            }
            if let Some(index) = self.sink.cut() {
                items.cut(index);
            }
        };
        if flow.is_break() {
            self.queue.quiesce().map_err(nowhere)?;
        }
        Ok(self.next)
    }

    /// Classifies reads and queues those that miss, until the queue is full.
    fn fill(
        &mut self,
        items: &mut Items<'_>,
        classify: &mut dyn FnMut(Range<u64>) -> Lookup,
    ) -> Result<(), Failed> {
        while !self.work.free.is_empty() && self.work.waiting.len() < WAITING_MAX {
            if self.is_ending {
                break;
            }
            let Some(item) = items.next() else { break };
            self.next = item.first + item.count;
            let empty = item.start == item.end;
            let class = if empty { Lookup::Hit } else { classify(item.start..item.end) };
            if class != Lookup::Miss {
                // Not between the pieces of one range.
                self.is_ending = class == Lookup::Surprise && item.last;
                self.work.waiting.push_back(Waiting::Inline(item));
                continue;
            }
            let Some(slot) = self.work.free.pop() else { break };
            let flight =
                Flight::new(item, self.options.direct, self.options.fixed, self.options.align);
            if self.options.order == Order::Listed {
                self.work.waiting.push_back(Waiting::Slot(slot));
            }
            self.push(slot, flight)?;
        }
        Ok(())
    }

    /// Queues what `flight` still misses; makes room by a submission where the queue is full.
    fn push(&mut self, slot: u32, flight: Flight) -> Result<(), Failed> {
        self.work.flights[slot as usize] = Some(flight);
        for _ in 0..ATTEMPTS_MAX {
            match self.queue.push(self.source, &flight.read(slot)) {
                Ok(()) => {
                    self.misses.sqes.add(1);
                    self.in_flight += 1;
                    self.unsubmitted += 1;
                    return Ok(());
                }
                Err(PushError::Full) => self.enter(0)?,
                Err(PushError::Invalid | PushError::Inherited) => break,
            }
        }
        self.land_inline(slot, flight)
    }

    /// Submits; waits for completions only when there is nothing to copy meanwhile.
    fn submit(&mut self) -> Result<(), Failed> {
        let idle = match (self.work.waiting.front(), self.options.order) {
            (None, _) => true,
            (Some(Waiting::Inline(_)), _) => false,
            (Some(Waiting::Slot(slot)), _) => !self.work.has_landed(*slot),
        };
        if self.in_flight == 0 {
            return Ok(());
        }
        let want = if idle { self.wanted() } else { 0 };
        if want == 0 && self.unsubmitted == 0 { Ok(()) } else { self.enter(want) }
    }

    /// Completions to wait for: a batch that leaves the device most of its queue to work on.
    fn wanted(&self) -> usize {
        match self.options.order {
            Order::Completion => (self.in_flight / 16).clamp(1, 16),
            Order::Listed => 1,
        }
    }

    fn enter(&mut self, want: usize) -> Result<(), Failed> {
        self.misses.enters.add(1);
        self.misses.syscalls.add(1);
        match self.queue.submit_and_wait(want) {
            Ok(()) => (self.unsubmitted, self.refused) = (0, 0),
            // No memory for requests, or completions first: the reap that follows makes room.
            Err(Errno::AGAIN | Errno::BUSY) if self.refused < REFUSED_MAX => {
                self.misses.retried.add(1);
                self.refused += 1;
                match self.refused {
                    ..=ATTEMPTS_MAX => std::thread::yield_now(),
                    _ => std::thread::sleep(REFUSED_PAUSE),
                }
            }
            Err(errno) => return Err(nowhere(errno)),
        }
        Ok(())
    }

    fn reap(&mut self) -> Result<(), Failed> {
        let mut completions = std::mem::take(&mut self.work.completions);
        let n = self.queue.reap(&mut completions);
        if n > 0 {
            self.refused = 0;
        }
        self.in_flight -= n;
        self.misses.completions.add(n as u64);
        let outcome = completions.iter().try_for_each(|c| self.complete(c));
        completions.clear();
        self.work.completions = completions;
        outcome
    }

    fn complete(&mut self, completion: &Completion) -> Result<(), Failed> {
        let slot = completion.slot;
        let Some(mut flight) = self.work.flights.get(slot as usize).copied().flatten() else {
            return Ok(());
        };
        let next = flight.complete(completion.result, || self.source.size());
        self.work.flights[slot as usize] = Some(flight);
        match next {
            Next::Landed => {
                self.landed(slot);
                Ok(())
            }
            Next::Again => {
                match completion.result {
                    Ok(_) => self.misses.continued.add(1),
                    Err(_) => self.misses.retried.add(1),
                }
                self.push(slot, flight)
            }
            Next::Inline => self.land_inline(slot, flight),
            Next::Fail(failed) => Err(failed),
        }
    }

    fn landed(&mut self, slot: u32) {
        if let Some(flight) = &mut self.work.flights[slot as usize] {
            flight.landed = true;
        }
        if self.options.order == Order::Completion {
            // To the front: slots are scarcer than turns.
            self.work.waiting.push_front(Waiting::Slot(slot));
        }
    }

    /// The queue refused the item: it is read inline, through the page cache, in its turn.
    fn land_inline(&mut self, slot: u32, flight: Flight) -> Result<(), Failed> {
        self.misses.fallbacks.add(1);
        self.work.flights[slot as usize] = None;
        self.work.free.push(slot);
        let inline = Waiting::Inline(flight.item);
        match self.options.order {
            Order::Completion => self.work.waiting.push_back(inline),
            Order::Listed => {
                let mut places = self.work.waiting.iter_mut();
                let place = places.find(|w| matches!(w, Waiting::Slot(s) if *s == slot));
                place.map(|w| *w = inline).unwrap_or_default();
            }
        }
        Ok(())
    }

    /// Hands over what is there, within the limits of a turn.
    fn hand_over(&mut self) -> Result<ControlFlow<()>, Failed> {
        let mut copies = 0;
        while let Some(&waiting) = self.work.waiting.front() {
            let flow = match waiting {
                Waiting::Inline(_) if copies == COPIES_PER_TURN => break,
                Waiting::Inline(item) => {
                    copies += 1;
                    self.copy(&item)?
                }
                Waiting::Slot(slot) if !self.work.has_landed(slot) => break,
                Waiting::Slot(slot) => self.lend_slot(slot),
            };
            self.work.waiting.pop_front();
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn copy(&mut self, item: &Item) -> Result<ControlFlow<()>, Failed> {
        let n = {
            let buf = &mut self.scratch.as_mut_slice()[..item.len()];
            read_full(self.source, self.options.hit, buf, item.start, self.hits)?
        };
        self.hits.ops.add(item.count as u64);
        self.hits.bytes.add(n as u64);
        Ok(self.sink.hand_over(item, &self.scratch.as_slice()[..n]))
    }

    fn lend_slot(&mut self, slot: u32) -> ControlFlow<()> {
        self.work.free.push(slot);
        let Some(flight) = self.work.flights[slot as usize].take() else {
            return ControlFlow::Continue(());
        };
        let bytes = flight.bytes(self.queue.bytes(slot).unwrap_or(&[]));
        self.misses.ops.add(flight.item.count as u64);
        self.misses.bytes.add(bytes.len() as u64);
        self.sink.hand_over(&flight.item, bytes)
    }
}

impl Workspace {
    fn reset(&mut self, depth: usize) {
        self.flights.clear();
        self.flights.resize(depth, None);
        self.free.clear();
        self.free.extend((0..depth as u32).rev());
        self.waiting.clear();
        self.completions.clear();
    }

    fn has_landed(&self, slot: u32) -> bool {
        self.flights.get(slot as usize).and_then(Option::as_ref).is_some_and(|f| f.landed)
    }
}

/// A failure of the queue as a whole.
fn nowhere(errno: Errno) -> Failed {
    Failed { errno, offset: 0, len: 0 }
}
