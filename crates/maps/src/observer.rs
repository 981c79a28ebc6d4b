//! Lets another crate count the reads of a map.

use std::fmt::Debug;

/// Is called for each read of an [`ObservedMap`](crate::ObservedMap). `()` ignores all calls.
///
/// `cutwater` implements it for its classes of files, under which its metrics count reads.
pub trait Observer: Copy + Default + Debug {
    /// What [`start`](Self::start) hands to [`done`](Self::done), such as the time.
    type Started;

    /// A read begins.
    fn start(self) -> Self::Started;

    /// The read that began with `started` has copied `bytes`. Not called for a read that fails.
    fn done(self, started: Self::Started, bytes: usize);

    /// `pread(2)` is called.
    fn called(self);

    /// A read that could not be copied from the map goes on by `pread(2)`.
    fn fell_back(self);

    /// A window was mapped, of a file longer than its budget.
    fn window_mapped(self);
}

impl Observer for () {
    type Started = ();

    fn start(self) {}

    fn done(self, (): (), _: usize) {}

    fn called(self) {}

    fn fell_back(self) {}

    fn window_mapped(self) {}
}
