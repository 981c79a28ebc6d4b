//! The tests of the crate's public interface, in one binary.

#[cfg(feature = "arrow")]
mod columns;
mod compressed;
mod conditions;
mod conservation;
mod data_formats;
mod envelopes;
mod follow;
mod follow_model;
mod formats;
mod kinds;
mod real_logs;
mod records;
mod samples;
mod seek;
mod times;
