//! Maps of parts of a file, for when it is larger than the address budget.

use std::os::fd::BorrowedFd;
use std::sync::{PoisonError, RwLock};

use cutwater_sys::map::{CopyError, Map, MapOptions};

/// A bounded table of windows: window `i` of the file lives in place `i % places`. A reader
/// holds its place while it copies, so never more is mapped than the budget.
#[derive(Debug)]
pub(super) struct Windows {
    bytes: u64,
    places: Box<[RwLock<Option<Window>>]>,
}

#[derive(Debug)]
struct Window {
    index: u64,
    map: Map,
}

/// Most places: as many as the whole registry of protected maps holds.
const PLACES_MAX: u64 = 1024;

/// How a copy from a window ended.
pub(super) enum Copied {
    /// In place of what was there before, a window was mapped for it.
    Done { bytes: usize, mapped: bool },
    /// It could not be mapped, or is not protected.
    NotMapped,
    /// A page could not be had after these bytes.
    Fault { bytes: usize },
}

impl Windows {
    /// `bytes` is a window's length, a multiple of the page size and not 0.
    pub(super) fn new(budget: u64, bytes: u64) -> Self {
        let places = (budget / bytes).clamp(1, PLACES_MAX);
        Self { bytes, places: (0..places).map(|_| RwLock::new(None)).collect() }
    }

    /// Copies from `offset` up to the end of `buf` or of the window.
    pub(super) fn copy(&self, fd: BorrowedFd<'_>, offset: u64, buf: &mut [u8]) -> Copied {
        let (index, inside) = (offset / self.bytes, offset % self.bytes);
        let room = usize::try_from(self.bytes - inside).unwrap_or(usize::MAX);
        let len = room.min(buf.len());
        let buf = &mut buf[..len];
        let place = &self.places[(index % self.places.len() as u64) as usize];
        {
            let place = place.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(window) = place.as_ref().filter(|window| window.index == index) {
                return window.copy(inside, buf, false);
            }
        }
        let mut place = place.write().unwrap_or_else(PoisonError::into_inner);
        if place.as_ref().is_none_or(|window| window.index != index) {
            // Before the new one, for the budget.
            *place = None;
            let Ok(len) = usize::try_from(self.bytes) else { return Copied::NotMapped };
            let map = Map::new(fd, index * self.bytes, len, &MapOptions::default());
            *place = map.ok().map(|map| Window { index, map });
        }
        place.as_ref().map_or(Copied::NotMapped, |window| window.copy(inside, buf, true))
    }
}

impl Window {
    fn copy(&self, inside: u64, buf: &mut [u8], mapped: bool) -> Copied {
        match self.map.copy_to(inside as usize, buf) {
            Ok(bytes) => Copied::Done { bytes, mapped },
            Err(CopyError::Fault { copied }) => Copied::Fault { bytes: copied },
            Err(CopyError::Unprotected | CopyError::OutOfBounds) => Copied::NotMapped,
        }
    }
}
