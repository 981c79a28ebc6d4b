//! `PATH.generation`: who publishes, and the last generation.
//!
//! The file is the publisher's lock. Only its user may open it, because a user who may read a file
//! may also lock it. It holds a mark, the last generation and a check, 8 bytes each; earlier
//! versions wrote the generation alone. It is not synced: readers do not outlive the machine
//! either.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use cutwater_sys::Errno;
use cutwater_sys::lock::Outcome;
use rustix::fs::OFlags;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::geteuid;

use super::error::{Taken, Why, io_error};
use super::{ShareError, ShareResult};
use crate::lock::Lock;

const MARK: [u8; 8] = *b"cutwgen2";
const RECORD_BYTES: usize = 24;
/// The permissions: for the publisher's user alone.
const MODE: u32 = 0o600;
/// A file of an earlier version has no check; a greater number there is taken for damage.
const UNCHECKED_MAX: u64 = 1 << 48;

/// The locked file.
pub(super) struct GenerationFile(Lock);

impl GenerationFile {
    /// Opens or creates the file of the socket at `path`, and locks it.
    pub(super) fn lock(path: &Path) -> ShareResult<Self> {
        let failed = |e: io::Error| io_error(path, "open the .generation file of", &e);
        let file = open(&name_of(path)).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        if !found.is_file() {
            return Err(ShareError::new(path, Why::Generation("it is not a regular file")));
        }
        let own = found.uid() == geteuid().as_raw();
        if own && found.mode() & 0o777 != MODE {
            // Made by an earlier version, which let everybody read it.
            file.set_permissions(Permissions::from_mode(MODE)).map_err(failed)?;
        }
        match Lock::try_on(file, 0) {
            Ok((lock, Outcome::Locked)) => Ok(Self(lock)),
            Ok(_) => {
                let other_uid = (!own).then_some(found.uid());
                let taken = Taken { publisher: pid_at(path), other_uid };
                Err(ShareError::new(path, Why::Taken(taken)))
            }
            Err(e) => Err(io_error(path, "lock the .generation file of", &e)),
        }
    }

    /// The last generation; 0 before the first.
    pub(super) fn read(&self, path: &Path) -> ShareResult<u64> {
        let failed = |e: io::Error| io_error(path, "read the last generation of", &e);
        let mut bytes = [0; RECORD_BYTES];
        let len = self.0.metadata().map_err(failed)?.len().min(RECORD_BYTES as u64) as usize;
        self.0.read_exact_at(&mut bytes[..len], 0).map_err(failed)?;
        decode(&bytes[..len]).map_err(|why| ShareError::new(path, Why::Generation(why)))
    }

    /// Keeps `generation` as the last one.
    pub(super) fn write(&self, generation: u64) -> io::Result<()> {
        self.0.write_all_at(&encode(generation), 0)
    }

    /// The same open file, as a child made by `fork(2)` has it.
    #[cfg(test)]
    pub(super) fn inherited(&self) -> Self {
        let (mut lock, _) = Lock::try_on(self.0.try_clone().unwrap(), 0).unwrap();
        lock.inherit();
        Self(lock)
    }
}

fn name_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".generation");
    name.into()
}

fn open(name: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(MODE);
    options.custom_flags(flags.bits().cast_signed()).open(name)
}

/// The process of the publisher that answers at `path`, if one does.
fn pid_at(path: &Path) -> Option<i32> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).ok()?;
    match connect(&socket, &SocketAddrUnix::new(path).ok()?) {
        Ok(()) => {
            Some(rustix::net::sockopt::socket_peercred(&socket).ok()?.pid.as_raw_nonzero().get())
        }
        // It answers, though not at once.
        Err(Errno::AGAIN) => Some(0),
        Err(_) => None,
    }
}

fn encode(generation: u64) -> [u8; RECORD_BYTES] {
    let mut bytes = [0; RECORD_BYTES];
    let words = [u64::from_le_bytes(MARK), generation, check_of(generation)];
    for (eight, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *eight = word.to_le_bytes();
    }
    bytes
}

fn decode(bytes: &[u8]) -> Result<u64, &'static str> {
    let word = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
    match (word(0), word(8), word(16)) {
        _ if bytes.is_empty() => Ok(0),
        (Some(mark), Some(generation), Some(check))
            if mark == u64::from_le_bytes(MARK) && check == check_of(generation) =>
        {
            Ok(generation)
        }
        (Some(generation), None, None) if bytes.len() == 8 && generation <= UNCHECKED_MAX => {
            Ok(generation)
        }
        (Some(_), Some(_), Some(_)) => Err("its check is wrong"),
        _ => Err("it is cut short"),
    }
}

/// Detects damage, not forgery: a user who may write the file may also write the check.
fn check_of(generation: u64) -> u64 {
    let crc = |seed: u32| u64::from(crc32c::crc32c_append(seed, &generation.to_le_bytes()));
    crc(0x6375_7477) << 32 | crc(0x6765_6e32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_changed_bits_give_another_generation() {
        let good = encode(300);
        assert_eq!(decode(&good), Ok(300));
        for first in 0..RECORD_BYTES * 8 {
            for second in 0..RECORD_BYTES * 8 {
                let mut bad = good;
                bad[first / 8] ^= 1 << (first % 8);
                bad[second / 8] ^= 1 << (second % 8);
                assert_eq!(decode(&bad).is_ok(), first == second, "bits {first} and {second}");
            }
        }
    }

    #[test]
    fn a_file_that_was_cut_is_no_older_generation() {
        let good = encode(300);
        assert_eq!(decode(&[]), Ok(0));
        for len in 1..RECORD_BYTES {
            for bit in 0..len * 8 {
                let mut bad = good;
                bad[bit / 8] ^= 1 << (bit % 8);
                assert!(decode(&bad[..len]).is_err(), "cut to {len}, bit {bit}");
            }
            assert!(decode(&good[..len]).is_err(), "cut to {len}");
        }
        assert_eq!(decode(&7u64.to_le_bytes()), Ok(7), "of an earlier version");
    }
}
