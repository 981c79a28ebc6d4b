//! What the reads of this process cost.
//!
//! - [`threads`]: one set of counters for each thread, added up on request.
//! - [`timing`]: times one read in 509.
//! - [`alone`]: reads without an engine, and reads of maps.
//! - [`refused`]: rings that the kernel refused.

pub(crate) mod alone;
pub(crate) mod refused;
pub(crate) mod threads;
pub(crate) mod timing;
