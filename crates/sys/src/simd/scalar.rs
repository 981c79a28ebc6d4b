//! The plain twin of every kernel, written byte by byte so that it can be seen to be right.

use super::{BLOCK_BYTES, JsonMasks};

pub(super) fn count_byte(bytes: &[u8], needle: u8) -> u64 {
    bytes.iter().map(|&b| u64::from(b == needle)).sum()
}

pub(super) fn json_masks(bytes: &[u8], out: &mut [JsonMasks]) {
    let mut escaped = false;
    for (block, masks) in bytes.chunks(BLOCK_BYTES).zip(out) {
        for (at, &byte) in block.iter().enumerate() {
            let bit = 1u64 << at;
            match byte {
                b'\n' => masks.newline |= bit,
                b'"' if !escaped => masks.quote |= bit,
                b'\\' | 0..0x20 | 0x80.. => masks.check |= bit,
                _ => {}
            }
            escaped = byte == b'\\' && !escaped;
        }
    }
}
