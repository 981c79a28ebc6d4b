//! SQL over raw logs: Apache DataFusion on the scan of `cutwater-logs`.
//!
//! A [`LogTable`] is a table of one or more logs. There is no import and no index: every query reads
//! the lines. But only the fields that it names become columns, conditions are decided on bytes where
//! they mean the same there, and a time range on a sorted log is sought.
//! A [`Session`] holds tables and answers statements; [`output`] writes the answers; a [`Failure`] says
//! what is wrong with a query, and where. The command `cutwater-query` is made of these.
#![forbid(unsafe_code)]

mod arguments;
mod at_names;
mod bounds;
mod coercion;
mod column;
mod copy;
mod engine_error;
mod file_type;
mod functions;
mod joins;
mod names;
mod other_files;
pub mod output;
mod scan;
mod session;
mod spill;
mod table;
mod threads;
mod time_texts;
mod written;

pub use column::{Column, ON_DEMAND, Source};
pub use cutwater_shell::Failure;
pub use cutwater_shell::logs::{Opener, expand};
pub use engine_error::engine_failure;
pub use functions::HELP as FUNCTIONS;
pub use scan::counters::{Counters, Snapshot};
pub use session::{Limits, Session};
pub use spill::Spill;
pub use table::LogTable;
pub use threads::check_thread;
