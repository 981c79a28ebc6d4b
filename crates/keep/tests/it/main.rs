//! The tests of what this crate does from outside, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot be set up fails, and prints how to repeat it"
)]

mod append_log;
mod errors;
mod hot_files;
mod scratch;
mod shared_config;
mod strangers;
