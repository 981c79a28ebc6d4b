//! What to ask of the ring beyond the defaults, and what came of it.

use cutwater_sys::Errno;
use cutwater_sys::ring::{Feature, RingConfig, Setup, SqPoll};

/// Options of the rings that a file is read through, one ring per thread and set of options.
///
/// The defaults suit a thread that queues reads in batches: `IORING_SETUP_SINGLE_ISSUER`,
/// `DEFER_TASKRUN`, `NO_SQARRAY` and `SUBMIT_ALL`, each given up alone where the kernel refuses
/// it. What was granted and what was refused is in [`Explanation::ring`](crate::report::Explanation::ring).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RingOptions {
    sqpoll: Option<SqPoll>,
    iopoll: bool,
}

impl RingOptions {
    /// Asks for a kernel thread that submits (`IORING_SETUP_SQPOLL`), so that a busy ring needs
    /// no system call to submit. The thread spins on a core of its own, `cpu` where one is
    /// named, and sleeps after `idle_ms` milliseconds without work.
    #[must_use]
    pub fn sqpoll(mut self, idle_ms: u32, cpu: Option<u32>) -> Self {
        self.sqpoll = Some(SqPoll { idle_ms, cpu });
        self
    }

    /// Asks for completions by polling the device instead of by its interrupts
    /// (`IORING_SETUP_IOPOLL`): only for reads past the page cache, from a device that has poll
    /// queues. Whether this file's has them is tried with a read when the file is opened.
    #[must_use]
    pub fn iopoll(mut self) -> Self {
        self.iopoll = true;
        self
    }

    pub(crate) fn asks_iopoll(self) -> bool {
        self.iopoll
    }

    pub(crate) fn without_iopoll(self) -> Self {
        Self { iopoll: false, ..self }
    }

    pub(crate) fn config(self) -> RingConfig {
        /// Reads in flight at most, of all passes of a thread.
        const ENTRIES: u32 = 256;
        let Self { sqpoll, iopoll } = self;
        RingConfig { entries: ENTRIES, sqpoll, iopoll, ..RingConfig::default() }
    }
}

/// What a thread's ring has and what it goes without.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RingReport {
    /// Features that the kernel granted, by its names.
    pub granted: Vec<&'static str>,
    /// Features that were asked for and refused, and why.
    pub refused: Vec<(&'static str, String)>,
}

impl RingReport {
    pub(crate) fn new(setup: Result<&Setup, Errno>, iopoll: Option<Errno>) -> Self {
        let mut report = match setup {
            Ok(setup) => Self {
                granted: setup.granted.iter().map(|f| f.name()).collect(),
                refused: setup
                    .refused
                    .iter()
                    .map(|r| (r.feature.name(), r.errno.to_string()))
                    .collect(),
            },
            Err(errno) => {
                Self { granted: Vec::new(), refused: vec![("io_uring", errno.to_string())] }
            }
        };
        if let Some(errno) = iopoll {
            report.refused.push((Feature::IoPoll.name(), refused_polling(errno)));
        }
        report
    }
}

fn refused_polling(errno: Errno) -> String {
    match errno {
        Errno::OPNOTSUPP => format!("{errno}: the device has no poll queues"),
        Errno::INVAL => format!("{errno}: the file takes no direct reads, which polling needs"),
        errno => errno.to_string(),
    }
}
