//! What a thread keeps for its reads: a ring, a buffer, vectors, beliefs, counters.

use std::cell::RefCell;
use std::sync::Arc;

use cutwater_sys::Errno;
use cutwater_sys::buffer::{Buffer, HUGE_PAGE_BYTES, PAGE_BYTES};
use cutwater_sys::pio::Vectors;
use cutwater_sys::ring::{ReadRing, RingConfig};

use crate::counting::ThreadCounters;
use crate::pass::roll::Workspace;
use crate::view::Views;

/// Bytes of the longest single read; longer ranges come in pieces.
pub(crate) const PIECE_BYTES_MAX: usize = 1 << 20;

/// Bytes of the buffer for inline reads: a piece, and the grid cells at both ends of a direct
/// one. A whole huge page, because a device takes one contiguous megabyte far faster than 256
/// scattered pages: 3.0 against 1.1 GiB/s on a virtio disk.
const SCRATCH_BYTES: usize = HUGE_PAGE_BYTES;
const _: () = assert!(SCRATCH_BYTES >= PIECE_BYTES_MAX + 2 * PAGE_BYTES);

/// Engines that a thread keeps: two, for a callback that reads while it is lent bytes.
const ENGINES_KEPT: usize = 2;

/// A thread's means to read.
pub(crate) struct Engine {
    ring: Option<Result<ReadRing, Errno>>,
    pub(crate) scratch: Buffer,
    pub(crate) vectors: Vectors,
    work: Workspace,
    pub(crate) counters: Arc<ThreadCounters>,
    pub(crate) views: Views,
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
            ring: None,
            scratch: Buffer::new(SCRATCH_BYTES)?,
            vectors: Vectors::new(),
            work: Workspace::default(),
            counters: ThreadCounters::registered(),
            views: Views::default(),
        })
    }

    /// The ring, set up at the first call and idle; or the kernel's refusal.
    pub(crate) fn ring(&mut self) -> Result<&mut ReadRing, Errno> {
        let ring = self.ring.get_or_insert_with(|| ReadRing::new(&config()));
        let ring = ring.as_mut().map_err(|e| *e)?;
        // A callback that panicked has left reads behind.
        if ring.in_flight() > 0 {
            ring.quiesce()?;
        }
        Ok(ring)
    }

    pub(crate) fn parts(&mut self) -> Result<Parts<'_>, Errno> {
        self.ring()?;
        let Self { ring, scratch, work, counters, views, .. } = self;
        match ring {
            Some(Ok(ring)) => Ok(Parts { ring, scratch, work, counters, views }),
            Some(Err(errno)) => Err(*errno),
            None => Err(Errno::NOSYS),
        }
    }

    /// Bytes of the ring's arena.
    pub(crate) fn arena_bytes(&self) -> usize {
        config().arena_bytes
    }

    /// Whether a ring is there or may be.
    pub(crate) fn may_have_ring(&self) -> bool {
        !matches!(self.ring, Some(Err(_)))
    }
}

fn config() -> RingConfig {
    RingConfig { entries: 256, ..RingConfig::default() }
}
