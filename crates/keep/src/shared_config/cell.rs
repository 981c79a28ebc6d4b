//! The generation in force, and readers of it at the cost of a load.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cutwater_sys::view::View;

/// One generation of a configuration; dereferences to it, and keeps it mapped.
pub struct Generation<T: ?Sized> {
    number: u64,
    view: View<T>,
}

impl<T: ?Sized> Generation<T> {
    pub(super) fn new(number: u64, view: View<T>) -> Self {
        Self { number, view }
    }

    /// Its number; later ones are greater.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Bytes it takes, once for all processes.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.view.len_bytes()
    }
}

impl<T: ?Sized> Deref for Generation<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.view
    }
}

impl<T: ?Sized> fmt::Debug for Generation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation")
            .field("number", &self.number)
            .field("len_bytes", &self.len_bytes())
            .finish()
    }
}

/// Holds the generation in force. A plain lock, as readers take it once per generation.
pub(super) struct Cell<T: ?Sized> {
    number: AtomicU64,
    current: Mutex<Arc<Generation<T>>>,
    swapped: Condvar,
}

impl<T: ?Sized> Cell<T> {
    pub(super) fn new(first: Generation<T>) -> Self {
        Self {
            number: AtomicU64::new(first.number),
            current: Mutex::new(Arc::new(first)),
            swapped: Condvar::new(),
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    pub(super) fn load(&self) -> Arc<Generation<T>> {
        Arc::clone(&self.lock())
    }

    /// Puts `next` in force; the one before is unmapped once nobody reads it.
    pub(super) fn swap(&self, next: Generation<T>) {
        let next = Arc::new(next);
        let mut current = self.lock();
        let before = std::mem::replace(&mut *current, next);
        self.number.store(current.number, Ordering::Release);
        self.swapped.notify_all();
        drop(current);
        // Unmapping may take long; nobody waits for it.
        drop(before);
    }

    /// Waits until `number` or a later one is in force. Returns whether it came in time.
    pub(super) fn wait_for(&self, number: u64, timeout: Duration) -> bool {
        let waited =
            self.swapped.wait_timeout_while(self.lock(), timeout, |now| now.number < number);
        waited.unwrap_or_else(PoisonError::into_inner).0.number >= number
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Generation<T>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread's own handle: [`get`](Self::get) costs one atomic load while nothing changes.
pub struct Reader<T: ?Sized> {
    cell: Arc<Cell<T>>,
    current: Arc<Generation<T>>,
}

impl<T: ?Sized> Reader<T> {
    pub(super) fn new(cell: Arc<Cell<T>>) -> Self {
        let current = cell.load();
        Self { cell, current }
    }

    /// The configuration in force.
    ///
    /// The one before stays mapped until each reader has asked again, or is dropped.
    #[inline]
    pub fn get(&mut self) -> &T {
        if self.cell.number() != self.current.number {
            self.renew();
        }
        &self.current.view
    }

    /// Number of the generation that [`get`](Self::get) returned last.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.current.number
    }

    #[cold]
    fn renew(&mut self) {
        self.current = self.cell.load();
    }
}

impl<T: ?Sized> Clone for Reader<T> {
    fn clone(&self) -> Self {
        Self { cell: Arc::clone(&self.cell), current: Arc::clone(&self.current) }
    }
}

impl<T: ?Sized> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reader").field(&self.current).finish()
    }
}
