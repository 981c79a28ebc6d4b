//! Logs as a table.

mod function;
mod provider;
mod sampled;

pub(crate) use function::{Demanded, LogFunction};
pub use provider::LogTable;
