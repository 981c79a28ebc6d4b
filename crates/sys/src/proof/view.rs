//! `&T` over a map, as cheap as a pointer.
//!
//! # Safety
//! A [`View`] keeps a reference into a map next to the map itself, as a pointer. It rests on:
//! - the pointer was made from a `&T` that `zerocopy` gave over the map's bytes, so length
//!   and alignment were checked, and any bits are a valid `T` (`FromBytes`);
//! - the bytes have no interior mutability (`Immutable`) and nothing changes them: the seals
//!   of a [`SealedMap`], the promise behind a [`PromisedMap`];
//! - a map's bytes stay at their address until it is dropped, also when the map is moved, and
//!   the view owns the map and never hands it out.
#![allow(unsafe_code)]

use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;

use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::promised::PromisedMap;
use crate::sealed::SealedMap;

/// A value in a map; it dereferences to that value.
pub struct View<T: ?Sized> {
    value: NonNull<T>,
    map: Backing,
}

enum Backing {
    Sealed(SealedMap),
    Promised(PromisedMap),
}

/// The bytes are too many or too few for a value of the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotThisType {
    /// How many bytes there are.
    pub len: usize,
}

impl fmt::Display for NotThisType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes are not a value of the expected type", self.len)
    }
}

impl std::error::Error for NotThisType {}

// SAFETY: a view is shared access to a `T` that nothing changes; sending it sends `&T` and
// the maps, which may be sent.
unsafe impl<T: ?Sized + Send + Sync> Send for View<T> {}
// SAFETY: all a shared view gives is `&T`.
unsafe impl<T: ?Sized + Sync> Sync for View<T> {}

impl<T: ?Sized + FromBytes + KnownLayout + Immutable> View<T> {
    /// The bytes of a sealed anonymous file as a `T`.
    ///
    /// # Errors
    /// When no `T` has that many bytes.
    pub fn sealed(map: SealedMap) -> Result<Self, NotThisType> {
        Self::new(Backing::Sealed(map))
    }

    /// The bytes of a file that was promised not to change, as a `T`.
    ///
    /// # Errors
    /// When no `T` has that many bytes.
    pub fn promised(map: PromisedMap) -> Result<Self, NotThisType> {
        Self::new(Backing::Promised(map))
    }

    fn new(map: Backing) -> Result<Self, NotThisType> {
        let bytes = map.bytes();
        // A map begins on a page, so usually only the length can be wrong.
        let value = T::ref_from_bytes(bytes).map_err(|_| NotThisType { len: bytes.len() })?;
        Ok(Self { value: NonNull::from(value), map })
    }
}

impl<T: ?Sized> View<T> {
    /// Length of the value, bytes.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.map.bytes().len()
    }

    /// Unmaps; `munmap(2)`. Dropping does the same and cannot report.
    ///
    /// # Errors
    /// `ENOMEM` when the process has as many maps as it may.
    pub fn close(self) -> crate::Result<()> {
        match self.map {
            Backing::Sealed(map) => map.close(),
            Backing::Promised(map) => map.close(),
        }
    }
}

impl Backing {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Sealed(map) => map.bytes(),
            Self::Promised(map) => map.bytes(),
        }
    }
}

impl<T: ?Sized> Deref for View<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: made from a `&T` into `self.map`, which is still there, unmoved and unchanged.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for View<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use crate::memfd;

    fn map(bytes: &[u8]) -> SealedMap {
        let fd = memfd::sealed("view", &[bytes]).unwrap();
        SealedMap::new(fd.as_fd(), None).unwrap()
    }

    #[test]
    fn a_value_reads_as_written_after_the_view_moved() {
        let words = [1u64, 2, 3];
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_ne_bytes()).collect();
        let view = Box::new(View::<[u64]>::sealed(map(&bytes)).unwrap());
        let moved = std::thread::spawn(move || *view).join().unwrap();
        assert_eq!((&*moved, moved.len_bytes()), (&words[..], 24));
        moved.close().unwrap();
    }

    #[test]
    fn bytes_of_another_length_are_refused() {
        assert_eq!(View::<u64>::sealed(map(&[0; 7])).err(), Some(NotThisType { len: 7 }));
        assert_eq!(View::<[u64]>::sealed(map(&[0; 12])).err(), Some(NotThisType { len: 12 }));
        assert!(View::<u64>::sealed(map(&[])).is_err());
    }

    #[test]
    fn no_bytes_are_a_slice_of_nothing() {
        assert_eq!(&*View::<[u64]>::sealed(map(&[])).unwrap(), &[0u64; 0]);
    }
}
