//! Proofs that the bytes of a file cannot change, and the `&[u8]` and `&T` that rest on them.

pub mod lease;
pub mod memfd;
pub mod promised;
pub mod sealed;
pub mod view;
