//! What to ask of a ring, what the kernel granted, and what `setup` and `core` need to enter it.

use crate::{Errno, errno_of};

/// The user data of an entry whose completion nobody waits for: no slot has this number.
pub(super) const UNWATCHED: u64 = u64::MAX;

/// The outcome of `io_uring_enter(2)`; an interrupted wait is no error.
pub(super) fn done(result: std::io::Result<usize>) -> crate::Result<()> {
    match result.map_err(errno_of) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// A kernel thread that submits (`IORING_SETUP_SQPOLL`). It takes a core while it is busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqPoll {
    /// Milliseconds without work after which the thread sleeps.
    pub idle_ms: u32,
    /// The CPU to pin it to.
    pub cpu: Option<u32>,
}

/// What to ask for. The defaults suit one thread that submits and reaps in batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingConfig {
    /// Entries of the submission queue, and so the most reads in flight; rounded up to a power
    /// of two by the kernel.
    pub entries: u32,
    /// Entries of the completion queue, a power of two; 0 leaves the kernel's own size, which is
    /// twice that of the submission queue.
    pub completions: u32,
    /// Bytes of the arena that reads go to.
    pub arena_bytes: usize,
    /// Register the arena with the kernel (`IORING_REGISTER_BUFFERS`): counts as locked memory.
    pub register_arena: bool,
    /// Workers of io-wq that may block on files at a time; 0 leaves the kernel's own limit.
    pub workers_max: u32,
    /// Submission by a kernel thread.
    pub sqpoll: Option<SqPoll>,
    /// Completions by polling the device; needs `O_DIRECT` and a device with poll queues.
    pub iopoll: bool,
    /// Makes the kernel refuse `IORING_OP_MSG_RING` on this ring, as kernels before 5.18 do, by
    /// `IORING_REGISTER_RESTRICTIONS`: for tests of the fallback.
    pub refuse_messages: bool,
}

impl Default for RingConfig {
    fn default() -> Self {
        Self {
            entries: 128,
            completions: 0,
            arena_bytes: 8 << 20,
            register_arena: false,
            workers_max: 4,
            sqpoll: None,
            iopoll: false,
            refuse_messages: false,
        }
    }
}

/// A feature that a ring may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feature {
    /// `IORING_SETUP_SINGLE_ISSUER` (Linux 6.0): one thread submits.
    SingleIssuer,
    /// `IORING_SETUP_DEFER_TASKRUN` (6.1): completions run when the thread asks for them.
    DeferTaskrun,
    /// `IORING_SETUP_COOP_TASKRUN` (5.19): no interrupt of the thread for completions.
    CoopTaskrun,
    /// `IORING_SETUP_NO_SQARRAY` (6.6): one indirection less.
    NoSqArray,
    /// `IORING_SETUP_SUBMIT_ALL` (5.18): a bad entry does not end a batch.
    SubmitAll,
    /// `IORING_SETUP_SQPOLL`.
    SqPoll,
    /// `IORING_SETUP_IOPOLL`.
    IoPoll,
    /// `IORING_REGISTER_BUFFERS` of the arena.
    RegisteredArena,
    /// `IORING_REGISTER_FILES2`, sparse (5.13): a table of long-lived files.
    RegisteredFiles,
    /// `IORING_REGISTER_IOWQ_MAX_WORKERS` (5.15): a cap on kernel workers.
    WorkersCap,
    /// `IORING_ENTER_NO_IOWAIT` (6.15): a thread that waits is idle, and does not count as one that
    /// waits for a disk.
    NoIowait,
}

impl Feature {
    /// The kernel's name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SingleIssuer => "IORING_SETUP_SINGLE_ISSUER",
            Self::DeferTaskrun => "IORING_SETUP_DEFER_TASKRUN",
            Self::CoopTaskrun => "IORING_SETUP_COOP_TASKRUN",
            Self::NoSqArray => "IORING_SETUP_NO_SQARRAY",
            Self::SubmitAll => "IORING_SETUP_SUBMIT_ALL",
            Self::SqPoll => "IORING_SETUP_SQPOLL",
            Self::IoPoll => "IORING_SETUP_IOPOLL",
            Self::RegisteredArena => "IORING_REGISTER_BUFFERS",
            Self::RegisteredFiles => "IORING_REGISTER_FILES2",
            Self::WorkersCap => "IORING_REGISTER_IOWQ_MAX_WORKERS",
            Self::NoIowait => "IORING_ENTER_NO_IOWAIT",
        }
    }
}

/// A feature that was asked for and refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// What was asked for.
    pub feature: Feature,
    /// The kernel's answer.
    pub errno: Errno,
}

/// The features that a ring has, and those that it lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setup {
    /// Granted features.
    pub granted: Vec<Feature>,
    /// Refused ones, with the kernel's answer.
    pub refused: Vec<Refused>,
}

impl Setup {
    /// Whether the ring has `feature`.
    #[must_use]
    pub fn has(&self, feature: Feature) -> bool {
        self.granted.contains(&feature)
    }

    /// Why the ring lacks `feature`, where it was asked for.
    pub(super) fn refusal(&self, feature: Feature) -> Option<Errno> {
        self.refused.iter().find(|refused| refused.feature == feature).map(|refused| refused.errno)
    }

    pub(super) fn note(&mut self, feature: Feature, outcome: Result<(), Errno>) {
        match outcome {
            Ok(()) => self.granted.push(feature),
            Err(errno) => self.refused.push(Refused { feature, errno }),
        }
    }
}
