//! What several test binaries share; none uses all of it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "each test binary uses a part; a test that cannot be set up fails or says so"
)]

pub(crate) mod checks;
pub(crate) mod passes;
pub(crate) mod places;
