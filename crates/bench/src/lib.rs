//! The three commands of `cutwater` that measure a host, for the program that offers them:
//!
//! - [`run_bench`] compares the ways to read a file, in every state of the page cache;
//! - [`run_reproduce`] tests published claims about I/O on Linux;
//! - [`run_storm`] reads maps of a file while another process truncates it.
//!
//! Each takes the arguments that clap parsed, prints its report and returns an exit code. It behaves
//! as a program does: it installs handlers for SIGINT, SIGTERM and SIGBUS, and starts threads.
//!
//! This is not a library for measuring: rounds, ratios and intervals are in `cutwater-lab`. It does not
//! parse the command line. The program that runs a command does two things before:
//!
//! - It installs `cutwater_sys::alloc_count::Counting` as the global allocator. Without it, two claims
//!   of `reproduce` count no allocations.
//! - It offers the commands under the names `reproduce` and `storm`, because both start the program
//!   again as a child process.
#![forbid(unsafe_code)]

mod bench;
mod reproduce;
mod storm;

pub use bench::{BenchArgs, run_bench};
pub use reproduce::{ReproduceArgs, run_reproduce};
pub use storm::{StormArgs, run_storm};
