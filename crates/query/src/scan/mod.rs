//! From lines to batches: the part of a query that reads.

mod batches;
pub(crate) mod counters;
pub(crate) mod exec;
pub(crate) mod known;
pub(crate) mod pushdown;
mod rows;
pub(crate) mod seek;
pub(crate) mod shape;
pub(crate) mod stream;
