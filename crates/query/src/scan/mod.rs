//! From lines to batches: the part of a query that reads.

mod batches;
pub(crate) mod cond;
pub(crate) mod exec;
pub(crate) mod known;
pub(crate) mod numbers;
pub(crate) mod pushdown;
pub(crate) mod rows;
pub(crate) mod stream;
pub(crate) mod tally;
pub(crate) mod times;
mod values;
