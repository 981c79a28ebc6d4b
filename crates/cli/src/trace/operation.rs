//! What is counted and timed.

use serde::Serialize;

/// What is counted and timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Operation {
    /// A page fault that waited for the device.
    Major,
    /// A page fault that did not wait.
    Minor,
    /// A system call that reads.
    Read,
}

impl Operation {
    pub(super) const ALL: [Self; 3] = [Self::Major, Self::Minor, Self::Read];
}
