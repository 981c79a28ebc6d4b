//! Where a log ends when a writer opens it.
//!
//! After a crash of the writer alone, the page cache still has all that it stored, so the
//! published length is right. After a crash of the machine, pages reached the device in any
//! order: the checksums decide, from the length that a `sync` made durable. The identity of
//! the boot in the header distinguishes the two, and with them damage and loss.

use std::fs::File;
use std::io;

use crate::append_log::format::Header;
use crate::append_log::length::HEADER_BYTES;
use crate::append_log::published::Damage;
use crate::append_log::records::{RecordAt, Records};

/// What a writer found when it opened a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Recovery {
    /// Where the log ends now, in bytes from the beginning of the file.
    pub end: u64,
    /// The published length that was found; none if it could not be read.
    pub published: Option<u64>,
    /// The machine went down since the last writer opened the log (or that cannot be known),
    /// so that checksums decided where the log ends.
    pub rebooted: bool,
    /// Records whose checksums were looked at.
    pub records_checked: u64,
    /// A length in the header was damaged and is repaired. No published record was lost by that.
    pub header_damaged: bool,
}

/// The most damaged bits of a boot's identity. Two boots differ in 61 of 122 random bits, and in no
/// more than these once in 10^15.
const BOOT_BITS_DAMAGED_MAX: u32 = 16;

impl Recovery {
    /// Published bytes that are lost, where it is known how many were published.
    #[must_use]
    pub fn bytes_lost(&self) -> u64 {
        self.published.map_or(0, |published| published.saturating_sub(self.end))
    }
}

/// Why a log cannot be opened for writing without loss.
#[derive(Debug)]
pub(super) enum Refused {
    Os(io::Error),
    Truncated { at: u64 },
    Spoiled { at: u64, what: &'static str },
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Os(error)
    }
}

/// Decides where the log ends. With `salvage`, the last sound record is the end whatever
/// comes after it. Without it, nothing that may have been synced is given up.
pub(super) fn recover(
    file: &File,
    header: &Header,
    boot: Option<[u8; 16]>,
    file_len: u64,
    salvage: bool,
) -> Result<Recovery, Refused> {
    let published = header.line.published(header.id);
    let rebooted = !is_same_boot(boot, header.boot);
    let damage = header.line.damage(header.id, file_len);
    // A line that is not whole hides a publication; what was stored is still there.
    let announced = if header.line.is_whole(header.id) { published } else { None };
    let limit = announced.unwrap_or(file_len).min(file_len);
    let header_damaged = damage.is_some() || published.is_none() || header.durable.is_none();
    let mut found =
        Recovery { end: HEADER_BYTES, published, rebooted, records_checked: 0, header_damaged };
    if salvage {
        scan(file, header.id, HEADER_BYTES, limit, &mut found)?;
        return Ok(found);
    }
    let (from, least) = match (published, header.durable) {
        // The page cache has all of it.
        (Some(published), _) if !rebooted => match damage {
            Some(Damage::Hides(Some(more))) => (published, more),
            _ => (published, published),
        },
        (_, Some(durable)) => (durable, durable),
        // What was synced is not known: all that was published may have been.
        (Some(published), None) => (HEADER_BYTES, published),
        (None, None) => (HEADER_BYTES, limit),
    };
    if from > file_len {
        return Err(Refused::Truncated { at: file_len });
    }
    match scan(file, header.id, from, limit, &mut found)? {
        _ if found.end >= least => Ok(found),
        Some((at, what)) => Err(Refused::Spoiled { at, what }),
        None => Err(Refused::Truncated { at: file_len }),
    }
}

/// Whether the header names this boot, even with some bits damaged; false if this boot is unknown.
fn is_same_boot(now: Option<[u8; 16]>, header: Option<[u8; 16]>) -> bool {
    let (Some(now), Some(header)) = (now, header) else { return false };
    (u128::from_ne_bytes(now) ^ u128::from_ne_bytes(header)).count_ones() <= BOOT_BITS_DAMAGED_MAX
}

/// Goes over sound records; says where and why it stopped before `limit`.
fn scan(
    file: &File,
    id: u64,
    from: u64,
    limit: u64,
    found: &mut Recovery,
) -> io::Result<Option<(u64, &'static str)>> {
    let mut records = Records::default();
    found.end = from;
    while found.end < limit {
        match records.find(file, id, found.end, limit)? {
            RecordAt::Record { next, .. } => {
                found.end = next;
                found.records_checked += 1;
            }
            RecordAt::Bad(what) => return Ok(Some((found.end, what))),
            RecordAt::Short { .. } => return Ok(Some((found.end, "the file ends"))),
        }
    }
    Ok(None)
}

/// The identity of this boot; none where `/proc` does not say.
pub(super) fn boot() -> Option<[u8; 16]> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let mut digits = text.chars().filter_map(|c| c.to_digit(16));
    let mut id = [0u8; 16];
    for byte in &mut id {
        *byte = (digits.next()? << 4 | digits.next()?) as u8;
    }
    (id != [0; 16]).then_some(id)
}
