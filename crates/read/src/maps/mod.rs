//! Maps that cannot kill the process.
//!
//! | type | gives | when the file is truncated |
//! |---|---|---|
//! | [`Mapped`] | copies | an error with the bytes copied before it |
//! | [`Frozen`] | `&[u8]` | the slice stays as it was |
//! | [`poison::Slice`] | `&[u8]`, `unsafe` | zeros, and the scope's result is thrown away |

mod fault;
mod frozen;
mod mapped;
mod options;
mod value;
mod windows;

pub use cutwater_sys::poison;
pub use fault::Fault;
pub use frozen::{Frozen, FrozenBy, LeaseCounters, LeaseOptions, LeaseState, lease_counts};
pub use mapped::{Mapped, MappedCounts};
pub use options::MappedOptions;
pub use value::ReadValue;
