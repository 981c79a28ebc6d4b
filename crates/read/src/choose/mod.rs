//! The chooser: facts -> plan and reason.
//!
//! - [`facts`]: what is looked at and what is answered.
//! - [`rule`]: the pure function between the two.
//! - [`belief`]: what was learnt of the page cache and of the pattern, with hysteresis.
//! - [`calibrate`]: what copying costs on this host, timed once; its memory.

pub(crate) mod belief;
pub(crate) mod calibrate;
pub(crate) mod facts;
pub(crate) mod rule;
#[cfg(test)]
mod table;
