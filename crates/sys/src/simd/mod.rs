//! Vector kernels over bytes: slices in, counts and bit masks out.
//!
//! Every kernel exists once per [`Level`]; the level is found at run time, and
//! [`Level::SCALAR`] is the twin that defines what the others must return.

mod scalar;

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::fmt;
use std::sync::OnceLock;

/// An instruction set that the kernels are written for.
///
/// A value other than [`Level::SCALAR`] can only be had from [`Level::available`] or
/// [`Level::best`], so holding one proves that this CPU has the instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(Set);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Level {
    /// Plain code, on every CPU.
    pub const SCALAR: Self = Self(Set::Scalar);

    /// The levels that this CPU has, slowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut levels = vec![Self::SCALAR];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
                levels.push(Self(Set::Avx2));
            }
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("popcnt")
            {
                levels.push(Self(Set::Avx512));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            levels.push(Self(Set::Neon));
        }
        levels
    }

    /// The fastest level that this CPU has; asked once per process.
    #[must_use]
    pub fn best() -> Self {
        static BEST: OnceLock<Level> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().pop().unwrap_or(Self::SCALAR))
    }

    /// The name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Set::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "avx512bw",
            #[cfg(target_arch = "aarch64")]
            Set::Neon => "neon",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How many of `bytes` equal `needle`.
#[must_use]
pub fn count_byte(level: Level, bytes: &[u8], needle: u8) -> u64 {
    match level.0 {
        Set::Scalar => scalar::count_byte(bytes, needle),
        #[cfg(target_arch = "x86_64")]
        Set::Avx2 => x86::count_byte_avx2(bytes, needle),
        #[cfg(target_arch = "x86_64")]
        Set::Avx512 => x86::count_byte_avx512(bytes, needle),
        #[cfg(target_arch = "aarch64")]
        Set::Neon => neon::count_byte(bytes, needle),
    }
}

/// Where the bytes that matter to JSON lines are in 64 bytes; bit `i` stands for byte `i`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JsonMasks {
    /// Line feeds.
    pub newline: u64,
    /// Quotation marks that no backslash escapes.
    pub quote: u64,
    /// Bytes that make a string worth a look: backslashes, bytes below 0x20 other than
    /// line feeds, and bytes above 0x7F.
    pub check: u64,
}

/// Fills `out` with the masks of `bytes`, 64 bytes to an entry; bits past the end are 0.
/// Whether a quotation mark is escaped is decided by the backslashes since the start of `bytes`.
///
/// `out` is given the length `bytes.len() / 64`, rounded up; its capacity is kept.
pub fn json_masks(level: Level, bytes: &[u8], out: &mut Vec<JsonMasks>) {
    out.clear();
    out.resize(bytes.len().div_ceil(BLOCK_BYTES), JsonMasks::default());
    match level.0 {
        Set::Scalar => scalar::json_masks(bytes, out),
        #[cfg(target_arch = "x86_64")]
        Set::Avx2 => x86::json_masks_avx2(bytes, out),
        #[cfg(target_arch = "x86_64")]
        Set::Avx512 => x86::json_masks_avx512(bytes, out),
        #[cfg(target_arch = "aarch64")]
        Set::Neon => neon::json_masks(bytes, out),
    }
}

/// Bytes per entry of [`JsonMasks`].
pub const BLOCK_BYTES: usize = 64;

/// The raw comparison results of one block, before escapes are resolved.
#[derive(Clone, Copy)]
struct Raw {
    newline: u64,
    quote: u64,
    backslash: u64,
    /// Below 0x20, line feeds among them.
    control: u64,
    high: u64,
}

/// Runs `compare` over every block of `bytes`, the last one padded with spaces, and
/// resolves the escapes.
#[inline(always)]
fn for_blocks(bytes: &[u8], out: &mut [JsonMasks], compare: impl Fn(&[u8; 64]) -> Raw) {
    let mut escape = Escape::default();
    let (blocks, tail) = bytes.as_chunks::<BLOCK_BYTES>();
    for (block, masks) in blocks.iter().zip(out.iter_mut()) {
        *masks = escape.resolve(compare(block));
    }
    if !tail.is_empty()
        && let Some(masks) = out.get_mut(blocks.len())
    {
        let mut padded = [b' '; BLOCK_BYTES];
        padded[..tail.len()].copy_from_slice(tail);
        *masks = escape.resolve(compare(&padded));
    }
}

/// Whether the first byte of the next block is escaped.
#[derive(Default)]
struct Escape {
    carry: u64,
}

impl Escape {
    #[inline(always)]
    fn resolve(&mut self, raw: Raw) -> JsonMasks {
        JsonMasks {
            newline: raw.newline,
            quote: raw.quote & !self.escaped(raw.backslash),
            check: raw.backslash | (raw.control & !raw.newline) | raw.high,
        }
    }

    /// The bytes that follow a run of backslashes of odd length. A run that starts at an odd
    /// bit, added to its start, carries out to an odd or even bit according to its length.
    #[inline(always)]
    fn escaped(&mut self, backslash: u64) -> u64 {
        const EVEN: u64 = 0x5555_5555_5555_5555;
        if backslash == 0 {
            return std::mem::take(&mut self.carry);
        }
        let backslash = backslash & !self.carry;
        let follows = (backslash << 1) | self.carry;
        let odd_starts = backslash & !EVEN & !follows;
        let (ends_on_even, carry) = odd_starts.overflowing_add(backslash);
        self.carry = u64::from(carry);
        (EVEN ^ (ends_on_even << 1)) & follows
    }
}

#[cfg(test)]
mod tests;
