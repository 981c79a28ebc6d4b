//! The `cutwater` command.
#![forbid(unsafe_code)]
fn main() {}
