//! Cutwater against its peers.
#![forbid(unsafe_code)]
fn main() {}
