//! What this host can do; each ability is tested by a real operation, not by a version number.
//!
//! Every probe ends in well under a second, leaves no descriptor and no thread behind, and
//! runs with the rights that the caller has: a refusal is part of the answer.

use crate::Errno;

pub mod block;
pub mod cpu;
pub mod file;
pub mod limits;
pub mod memory;
pub mod mount;
pub mod ring;

/// The host's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The operation was done.
    Works,
    /// The kernel refused with this error.
    Refused(Errno),
    /// The kernel does not list it.
    Absent,
    /// Not tried, and why.
    Untried(&'static str),
}

/// Why a test was left out that needs one more descriptor than the limit allows.
pub const NO_DESCRIPTOR: &str = "the limit on descriptors is reached";

impl Answer {
    /// Whether the operation was done.
    #[must_use]
    pub fn works(self) -> bool {
        self == Self::Works
    }
}

impl<T> From<crate::Result<T>> for Answer {
    fn from(result: crate::Result<T>) -> Self {
        match result {
            Ok(_) => Self::Works,
            // The limit says nothing about the ability.
            Err(Errno::MFILE | Errno::NFILE) => Self::Untried(NO_DESCRIPTOR),
            Err(errno) => Self::Refused(errno),
        }
    }
}

/// One ability and the host's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Check {
    /// The kernel's name of it.
    pub name: &'static str,
    /// The answer.
    pub answer: Answer,
}

impl Check {
    fn new(name: &'static str, answer: impl Into<Answer>) -> Self {
        Self { name, answer: answer.into() }
    }
}

/// The answer to `name` in `checks`.
#[must_use]
pub fn answer(checks: &[Check], name: &str) -> Answer {
    checks.iter().find(|c| c.name == name).map_or(Answer::Absent, |c| c.answer)
}

/// The trimmed text of a small file of `/proc` or `/sys`.
fn small_text(path: impl AsRef<std::path::Path>) -> Option<String> {
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

/// The number in a small file of `/proc` or `/sys`.
fn small_number<T: std::str::FromStr>(path: impl AsRef<std::path::Path>) -> Option<T> {
    small_text(path)?.parse().ok()
}

/// The kernel's release and the machine's architecture (`uname(2)`), such as `6.12.0` and
/// `x86_64`.
#[must_use]
pub fn kernel() -> (String, String) {
    let name = rustix::system::uname();
    let text = |s: &core::ffi::CStr| s.to_string_lossy().into_owned();
    (text(name.release()), text(name.machine()))
}
