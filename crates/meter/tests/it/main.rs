//! Tests of what the crate does outside of its process.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[cfg(feature = "otlp")]
mod otlp;
