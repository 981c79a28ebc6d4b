//! What several tests share.

pub(crate) mod checks;
pub(crate) mod passes;
pub(crate) mod places;
