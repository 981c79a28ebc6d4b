//! What the programs `cutwater` and `cutwater-query` have in common.
//!
//! Both parse their command line and end through [`run_command`], say why they failed with a [`Failure`],
//! print notes through [`note`], and escape what comes from their input with [`printable`] or
//! [`escaped`]. [`output_file`] makes the files that commands write, [`logs`] holds the options about logs,
//! [`formats`] reads files of formats, [`metrics`] serves and pushes metrics,
//! [`stop`] handles Ctrl-C, [`progress`] draws bars, and [`workdir`] keeps temporary files.
#![forbid(unsafe_code)]

mod command;
mod failure;
pub mod formats;
pub mod left_out;
pub mod logs;
pub mod metrics;
mod note;
pub mod output;
pub mod output_file;
mod program;
pub mod progress;
pub mod stop;
pub mod words;
pub mod workdir;

pub use command::{Outcome, run_command, run_command_with};
pub use failure::Failure;
pub use note::{note, print_error};
pub use program::own_path;
pub use words::{escaped, printable};
