//! Maps of files that other processes may truncate: `cutwater-maps`, with reads counted in
//! [`metrics`](crate::metrics).

use crate::FileClass;

pub use cutwater_maps::{
    Fault, Frozen, FrozenBy, LeaseCounters, LeaseOptions, LeaseState, MapAdvice, ReadValue,
    Snapshot, lease_counts, poison,
};

/// A file mapped for reading, from which bytes are copied out and never lent; see
/// [`cutwater_maps::Mapped`]. Its reads are counted under a [`FileClass`].
///
/// ```
/// use cutwater::{FileClass, Mapped};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mapped = Mapped::options().observer(FileClass::named("manifests")).open("Cargo.toml")?;
/// let mut head = [0; 9];
/// assert_eq!(mapped.read_at(&mut head, 0)?, 9);
/// # Ok(()) }
/// ```
pub type Mapped = cutwater_maps::ObservedMap<FileClass>;

/// How to map a file as [`Mapped`].
pub type MappedOptions = cutwater_maps::ObservedMapOptions<FileClass>;
