//! Which peers there are, and why others are not.

use super::Peer;
use crate::harness::report::Missing;

/// The name of ours in reports of the blocking library.
pub(crate) const OURS: &str = "cutwater";

/// The name of ours in reports of the runtime.
pub(crate) const OUR_RUNTIME: &str = "cutwater-rt";

/// The peers of a build.
pub(crate) struct Roster {
    /// Ready to run.
    pub peers: Vec<Box<dyn Peer>>,
    /// Left out of this build.
    pub missing: Vec<Missing>,
    /// The one that the others are compared with.
    pub ours: &'static str,
}

impl Roster {
    /// Everything this build has, ours last.
    pub(crate) fn of_this_build() -> Self {
        let mut roster = Self { peers: Vec::new(), missing: Vec::new(), ours: OURS };
        roster.peers.push(Box::new(super::stdlib::Loop));
        roster.peers.push(Box::new(super::stdlib::Threads));
        roster.add_maps();
        roster.add_tokio();
        roster.add_rings();
        roster.peers.push(Box::new(super::cutwater::Cutwater));
        roster
    }

    /// Everything this build has, with our runtime beside: it is the one compared.
    pub(crate) fn of_runtimes() -> Self {
        let mut roster = Self { ours: OUR_RUNTIME, ..Self::of_this_build() };
        #[cfg(feature = "peer-tokio")]
        roster.peers.push(Box::new(super::rt::Bridged));
        roster.peers.push(Box::new(super::rt::Native));
        roster
    }

    /// Keeps the peers that `wanted` names, and ours; all of them when it names none.
    ///
    /// Errors with the names there are when one is not known.
    pub(crate) fn keep(&mut self, wanted: &[String]) -> Result<(), String> {
        let known = |name: &str| {
            self.peers.iter().any(|p| p.name() == name)
                || self.missing.iter().any(|m| m.peer == name)
        };
        if let Some(stranger) = wanted.iter().find(|name| !known(name)) {
            let names: Vec<_> = self.peers.iter().map(|p| p.name()).collect();
            return Err(format!("no peer `{stranger}`; there are {}", names.join(", ")));
        }
        if !wanted.is_empty() {
            let ours = self.ours;
            let keep = |name: &str| name == ours || wanted.iter().any(|w| w == name);
            self.peers.retain(|p| keep(p.name()));
            self.missing.retain(|m| keep(&m.peer));
        }
        Ok(())
    }

    fn add_maps(&mut self) {
        #[cfg(feature = "peer-memmap2")]
        self.peers.push(Box::new(super::memmap2::Map));
        #[cfg(not(feature = "peer-memmap2"))]
        self.not_built(&["memmap2"], "peer-memmap2");
    }

    fn add_tokio(&mut self) {
        #[cfg(feature = "peer-tokio")]
        {
            self.peers.push(Box::new(super::tokio::Fs));
            self.peers.push(Box::new(super::tokio::SpawnBlocking));
        }
        #[cfg(not(feature = "peer-tokio"))]
        self.not_built(&["tokio-fs", "tokio-spawn-blocking"], "peer-tokio");
    }

    fn add_rings(&mut self) {
        #[cfg(feature = "peer-tokio-uring")]
        self.peers.push(Box::new(super::tokio_uring::TokioUring));
        #[cfg(not(feature = "peer-tokio-uring"))]
        self.not_built(&["tokio-uring"], "peer-tokio-uring");

        #[cfg(feature = "peer-monoio")]
        self.peers.push(Box::new(super::monoio::Monoio));
        #[cfg(not(feature = "peer-monoio"))]
        self.not_built(&["monoio"], "peer-monoio");

        #[cfg(feature = "peer-compio")]
        self.peers.push(Box::new(super::compio::Compio));
        #[cfg(not(feature = "peer-compio"))]
        self.not_built(&["compio"], "peer-compio");

        #[cfg(feature = "peer-glommio")]
        {
            self.peers.push(Box::new(super::glommio::Glommio::Buffered));
            self.peers.push(Box::new(super::glommio::Glommio::Dma));
        }
        #[cfg(not(feature = "peer-glommio"))]
        self.not_built(&["glommio", "glommio-dma"], "peer-glommio");
    }

    #[cfg(not(all(
        feature = "peer-compio",
        feature = "peer-glommio",
        feature = "peer-memmap2",
        feature = "peer-monoio",
        feature = "peer-tokio",
        feature = "peer-tokio-uring"
    )))]
    fn not_built(&mut self, names: &[&str], feature: &str) {
        let why = format!("not built: the feature `{feature}` is off");
        self.missing.extend(names.iter().map(|name| Missing::new(name, &why)));
    }
}
