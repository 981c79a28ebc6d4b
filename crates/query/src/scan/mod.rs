//! From lines to batches: the part of a query that reads.

mod batches;
pub(crate) mod counters;
pub(crate) mod exec;
pub(crate) mod known;
pub(crate) mod pushdown;
pub(crate) mod rows;
pub(crate) mod seek;
pub(crate) mod stream;
