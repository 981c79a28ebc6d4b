//! The bytes of a log: header, published length, records. All numbers are little-endian.

use crate::append_log::length::{ALIGN, HEADER_BYTES, check_of, is_length};
use crate::append_log::published::{LINE_BYTES, Line};

/// Where the line with the published length begins.
pub(super) const LINE_AT: u64 = 128;
/// Where the sequence number of the publication is: the last word of the line.
pub(super) const SEQUENCE_AT: usize = LINE_AT as usize + LINE_BYTES - 8;
/// Where the durable length and its check are.
pub(super) const DURABLE_AT: u64 = 80;
/// Where the identity of the machine's boot is.
pub(super) const BOOT_AT: u64 = 64;
/// Bytes before a record's payload: length and checksum.
pub(super) const RECORD_HEADER_BYTES: usize = 8;
/// The payload of one record at most.
pub const RECORD_LEN_MAX: usize = 16 << 20;

/// Spoiled by any program that translates line ends or stops at a zero.
const MAGIC: [u8; 8] = *b"\x89CWLOG\r\n";
const VERSION: u32 = 1;
/// Set in the length of every record, so that zeros are never one.
const MARK: u32 = 1 << 31;
const FIXED_BYTES: usize = 32;

/// What the header says besides lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Random, a part of every checksum: no record of another log is one of this.
    pub(super) id: u64,
    /// The boot in which the last writer opened the log; none where it cannot be known.
    pub(super) boot: Option<[u8; 16]>,
    /// All records below it are on the device. `None` if this word is damaged.
    pub(super) durable: Option<u64>,
    pub(super) line: Line,
}

impl Header {
    /// The header of a log without records.
    pub(super) fn new(id: u64) -> Self {
        Self { id, boot: None, durable: Some(HEADER_BYTES), line: Line::new(id, HEADER_BYTES) }
    }

    pub(super) fn encode(&self) -> [u8; HEADER_BYTES as usize] {
        let mut bytes = [0; HEADER_BYTES as usize];
        put(&mut bytes, 0, &MAGIC);
        put(&mut bytes, 8, &VERSION.to_le_bytes());
        put(&mut bytes, 12, &(HEADER_BYTES as u32).to_le_bytes());
        put(&mut bytes, 16, &self.id.to_le_bytes());
        put(&mut bytes, 24, &(RECORD_LEN_MAX as u32).to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..FIXED_BYTES]);
        put(&mut bytes, FIXED_BYTES, &crc.to_le_bytes());
        put(&mut bytes, BOOT_AT as usize, &self.boot.unwrap_or_default());
        let durable = self.durable.unwrap_or(HEADER_BYTES);
        put(&mut bytes, DURABLE_AT as usize, &durable.to_le_bytes());
        let check = check_of(self.id, durable);
        put(&mut bytes, DURABLE_AT as usize + 8, &check.to_le_bytes());
        put(&mut bytes, LINE_AT as usize, &self.line.encode());
        bytes
    }

    /// Reads a header, or says what is wrong with it. The caller judges the line.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let Some(bytes) = bytes.first_chunk::<{ HEADER_BYTES as usize }>() else {
            return Err("it is too short for the header of a log");
        };
        if bytes[..8] != MAGIC {
            return Err("it does not begin like a log");
        }
        if u32_at(bytes, FIXED_BYTES) != crc32c::crc32c(&bytes[..FIXED_BYTES]) {
            return Err("the checksum of its header is wrong");
        }
        if u32_at(bytes, 8) != VERSION {
            return Err("it is a log of another version");
        }
        if u32_at(bytes, 12) != HEADER_BYTES as u32 || u32_at(bytes, 24) != RECORD_LEN_MAX as u32 {
            return Err("it is a log of other dimensions");
        }
        let id = u64_at(bytes, 16);
        let durable = u64_at(bytes, DURABLE_AT as usize);
        let sound = check_of(id, durable) == u64_at(bytes, DURABLE_AT as usize + 8);
        let mut boot = [0; 16];
        boot.copy_from_slice(&bytes[BOOT_AT as usize..BOOT_AT as usize + 16]);
        let mut line = [0; LINE_BYTES];
        line.copy_from_slice(&bytes[LINE_AT as usize..LINE_AT as usize + LINE_BYTES]);
        Ok(Self {
            id,
            boot: (boot != [0; 16]).then_some(boot),
            durable: (sound && is_length(durable)).then_some(durable),
            line: Line::decode(&line),
        })
    }
}

/// Length and checksum of a record at `at`.
pub(super) fn record_header(id: u64, at: u64, payload: &[u8]) -> [u8; RECORD_HEADER_BYTES] {
    let len = MARK | payload.len() as u32;
    let crc = record_crc(id, at, len, payload);
    (u64::from(len) | u64::from(crc) << 32).to_le_bytes()
}

/// The length of the payload that a header announces, if it is the header of a record.
pub(super) fn payload_len(header: [u8; RECORD_HEADER_BYTES]) -> Option<usize> {
    let len = u64::from_le_bytes(header) as u32;
    let payload = (len & !MARK) as usize;
    (len & MARK != 0 && payload <= RECORD_LEN_MAX).then_some(payload)
}

/// Whether the payload is the one that was written there.
pub(super) fn is_sound(
    id: u64,
    at: u64,
    header: [u8; RECORD_HEADER_BYTES],
    payload: &[u8],
) -> bool {
    let word = u64::from_le_bytes(header);
    record_crc(id, at, word as u32, payload) == (word >> 32) as u32
}

/// Bytes from the begin of a record to the begin of the next.
pub(super) fn record_bytes(payload_len: usize) -> u64 {
    (RECORD_HEADER_BYTES as u64 + payload_len as u64).next_multiple_of(ALIGN)
}

fn record_crc(id: u64, at: u64, len: u32, payload: &[u8]) -> u32 {
    let mut place = [0; 20];
    put(&mut place, 0, &id.to_le_bytes());
    put(&mut place, 8, &at.to_le_bytes());
    put(&mut place, 16, &len.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c(&place), payload)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn u32_at(bytes: &[u8; HEADER_BYTES as usize], at: usize) -> u32 {
    u64_at(bytes, at) as u32
}

fn u64_at(bytes: &[u8; HEADER_BYTES as usize], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_the_file() {
        let header = Header { boot: Some([7; 16]), durable: Some(8192), ..Header::new(0xfeed) };
        assert_eq!(Header::decode(&header.encode()), Ok(header));
        assert_eq!(Header::new(1).line.published(1), Some(HEADER_BYTES));
    }

    #[test]
    fn another_file_is_no_log() {
        let good = Header::new(3).encode();
        assert!(Header::decode(&good[..4095]).is_err());
        for at in 0..36 {
            let mut bad = good;
            bad[at] ^= 1;
            assert!(Header::decode(&bad).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_record_is_sound_at_its_place_in_its_log_only() {
        let header = record_header(1, 4096, b"payload");
        assert_eq!(payload_len(header), Some(7));
        assert!(is_sound(1, 4096, header, b"payload"));
        assert!(!is_sound(2, 4096, header, b"payload"));
        assert!(!is_sound(1, 4104, header, b"payload"));
        assert!(!is_sound(1, 4096, header, b"qayload"));
        assert_eq!(payload_len([0; 8]), None);
        assert_eq!(payload_len([0xff; 8]), None);
        assert_eq!((record_bytes(0), record_bytes(1), record_bytes(100)), (8, 16, 112));
    }
}
