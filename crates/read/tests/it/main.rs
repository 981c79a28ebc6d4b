//! The tests of what this crate does from outside, in one binary.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot be set up fails, or says that it was skipped"
)]

mod allocations;
mod conformance;
mod errors;
mod memory;
mod options;
mod refusals;
mod storm;
mod support;
