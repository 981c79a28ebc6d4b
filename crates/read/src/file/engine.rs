//! What a thread keeps for its reads: rings, a buffer, vectors, beliefs, counters.

use std::cell::RefCell;
use std::sync::Arc;

use cutwater_sys::Errno;
use cutwater_sys::buffer::{Buffer, HUGE_PAGE_BYTES, PAGE_BYTES};
use cutwater_sys::pio::Vectors;
use cutwater_sys::ring::ReadRing;

use crate::counting::refused;
use crate::counting::threads::ThreadCounters;
use crate::counting::timing::Timing;
use crate::file::view::Views;
use crate::pass::roll::Workspace;
use crate::ring_options::{RingOptions, RingReport};

/// Bytes of the longest single read; longer ranges come in pieces.
pub(crate) const PIECE_BYTES_MAX: usize = 1 << 20;

/// Bytes of the buffer for inline reads: a piece, and the grid cells at both ends of a direct
/// one. A whole huge page, because a device takes one contiguous megabyte far faster than 256
/// scattered pages: 3.0 against 1.1 GiB/s on a virtio disk.
const SCRATCH_BYTES: usize = HUGE_PAGE_BYTES;
const _: () = assert!(SCRATCH_BYTES >= PIECE_BYTES_MAX + 2 * PAGE_BYTES);

/// Engines that a thread keeps: two, for a callback that reads while it is lent bytes.
const ENGINES_KEPT: usize = 2;

/// Rings that an engine keeps, one for each set of options; the oldest makes room.
const RINGS_MAX: usize = 4;

/// Calls without a ring after which a ring that was refused for lack of memory or descriptors is
/// tried again.
const RETRY_RING_EVERY: u32 = 64;

/// A thread's means to read.
pub(crate) struct Engine {
    rings: Vec<(RingOptions, Result<ReadRing, Errno>)>,
    /// Calls since a ring was refused for a reason that may have passed.
    calls_without_ring: u32,
    pub(crate) scratch: Buffer,
    pub(crate) vectors: Vectors,
    work: Workspace,
    pub(crate) counters: Arc<ThreadCounters>,
    pub(crate) views: Views,
    pub(crate) timing: Timing,
}

/// The parts of an engine that a rolling pass needs at once.
pub(crate) struct Parts<'a> {
    pub(crate) ring: &'a mut ReadRing,
    pub(crate) scratch: &'a mut Buffer,
    pub(crate) work: &'a mut Workspace,
    pub(crate) counters: &'a ThreadCounters,
    pub(crate) views: &'a mut Views,
}

#[expect(
    clippy::vec_box,
    reason = "an engine is taken out and put back at every call: a move of one word"
)]
mod kept {
    use super::{Engine, RefCell};
    thread_local! {
        pub(super) static ENGINES: RefCell<Vec<Box<Engine>>> = const { RefCell::new(Vec::new()) };
    }
}
use kept::ENGINES;

/// Runs `f` with an engine of this thread.
///
/// # Errors
/// When there is no memory for a new one.
pub(crate) fn with<T>(f: impl FnOnce(&mut Engine) -> T) -> Result<T, Errno> {
    // Absent while the thread ends (its locals may be gone): then a new one for this call.
    let kept = ENGINES.try_with(|e| e.try_borrow_mut().ok().and_then(|mut e| e.pop()));
    let mut engine = match kept.ok().flatten() {
        Some(engine) => engine,
        None => Box::new(Engine::new()?),
    };
    let result = f(&mut engine);
    let _ = ENGINES.try_with(|e| {
        if let Ok(mut kept) = e.try_borrow_mut()
            && kept.len() < ENGINES_KEPT
        {
            kept.push(engine);
        }
    });
    Ok(result)
}

impl Engine {
    fn new() -> Result<Self, Errno> {
        Ok(Self {
            rings: Vec::new(),
            calls_without_ring: 0,
            scratch: Buffer::new(SCRATCH_BYTES)?,
            vectors: Vectors::new(),
            work: Workspace::default(),
            counters: ThreadCounters::registered(),
            views: Views::default(),
            timing: Timing::default(),
        })
    }

    /// The ring with these options, set up at the first call and idle; or the kernel's refusal.
    pub(crate) fn ring(&mut self, options: RingOptions) -> Result<&mut ReadRing, Errno> {
        // A forked child must not use the rings of its parent.
        self.rings.retain(|(_, ring)| !ring.as_ref().is_ok_and(ReadRing::is_inherited));
        if !self.rings.iter().any(|(o, _)| *o == options) {
            if self.rings.len() == RINGS_MAX {
                drop(self.rings.remove(0));
            }
            let ring = ReadRing::new(&options.config()).inspect_err(|e| refused::note(*e));
            self.rings.push((options, ring));
        }
        let found = self.rings.iter_mut().find(|(o, _)| *o == options);
        let ring = found.ok_or(Errno::NOSYS)?.1.as_mut().map_err(|e| *e)?;
        // A callback that panicked has left reads behind.
        if ring.in_flight() > 0 {
            ring.quiesce()?;
        }
        Ok(ring)
    }

    pub(crate) fn parts(&mut self, options: RingOptions) -> Result<Parts<'_>, Errno> {
        self.ring(options)?;
        let Self { rings, scratch, work, counters, views, .. } = self;
        match rings.iter_mut().find(|(o, _)| *o == options) {
            Some((_, Ok(ring))) => Ok(Parts { ring, scratch, work, counters, views }),
            Some((_, Err(errno))) => Err(*errno),
            None => Err(Errno::NOSYS),
        }
    }

    /// Bytes of a ring's arena.
    pub(crate) fn arena_bytes(&self) -> usize {
        RingOptions::default().config().arena_bytes
    }

    /// Whether a ring with these options exists or may be had. A ring that was refused for lack of
    /// descriptors or memory is tried again now and then.
    pub(crate) fn may_have_ring(&mut self, options: RingOptions) -> bool {
        let refused =
            |(o, ring): &(RingOptions, Result<ReadRing, Errno>)| *o == options && ring.is_err();
        let Some(at) = self.rings.iter().position(refused) else { return true };
        let passing = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN];
        let may_pass = self.rings[at].1.as_ref().is_err_and(|e| passing.contains(e));
        self.calls_without_ring += u32::from(may_pass);
        if !may_pass || !self.calls_without_ring.is_multiple_of(RETRY_RING_EVERY) {
            return false;
        }
        drop(self.rings.remove(at));
        true
    }

    /// Lets the next call of [`Engine::ring`] try again where it was refused, because the caller
    /// named this path.
    pub(crate) fn forget_refusal(&mut self, options: RingOptions) {
        self.rings.retain(|(o, ring)| *o != options || ring.is_ok());
    }

    /// What became of the ring with these options; none before it was set up.
    pub(crate) fn ring_report(
        &self,
        options: RingOptions,
        iopoll: Option<Errno>,
    ) -> Option<RingReport> {
        let (_, ring) = self.rings.iter().find(|(o, _)| *o == options)?;
        Some(RingReport::new(ring.as_ref().map(ReadRing::setup).map_err(|e| *e), iopoll))
    }
}
