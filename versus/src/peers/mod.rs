//! The adapters: one file per peer, each giving the same ranges of the same file to one
//! library and hashing what comes back in the same way.

#[cfg(feature = "peer-compio")]
mod compio;
mod cutwater;
mod error;
#[cfg(feature = "peer-glommio")]
mod glommio;
mod job;
#[cfg(feature = "peer-memmap2")]
mod memmap2;
#[cfg(feature = "peer-monoio")]
mod monoio;
#[cfg(any(
    feature = "peer-compio",
    feature = "peer-glommio",
    feature = "peer-monoio",
    feature = "peer-tokio-uring"
))]
mod ring;
mod roster;
mod rt;
mod stdlib;
#[cfg(test)]
mod tests;
#[cfg(feature = "peer-tokio")]
mod tokio;
#[cfg(feature = "peer-tokio-uring")]
mod tokio_uring;
mod workers;

pub(crate) use cutwater::Cutwater;
pub(crate) use error::PeerError;
pub(crate) use job::{Job, Outcome, Span, Tally};
#[cfg(test)]
pub(crate) use roster::OURS;
pub(crate) use roster::Roster;

/// One way to read a file, ours among them.
pub(crate) trait Peer {
    /// The name in reports and on the command line.
    fn name(&self) -> &'static str;

    /// The package whose version reports give, or `None` for the standard library.
    fn package(&self) -> Option<&'static str>;

    /// Reads all of `job` once.
    ///
    /// The time starts when every thread has its runtime and has opened the file, and ends
    /// with the last byte: setting up and tearing down is not what is compared.
    fn run(&self, job: &Job) -> Result<Outcome, PeerError>;
}
