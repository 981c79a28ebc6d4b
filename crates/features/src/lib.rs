//! No code: `Cargo.toml` is the purpose of this crate, and explains it.
#![forbid(unsafe_code)]
