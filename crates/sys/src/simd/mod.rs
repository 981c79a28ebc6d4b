//! Vector kernels over bytes: slices in, counts and bit masks out.
//!
//! Every kernel exists once per [`Level`]; the level is found at run time, and
//! [`Level::SCALAR`] is the twin that defines what the others must return.

mod scalar;
mod stops;

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::fmt;
use std::sync::OnceLock;

pub use stops::JsonStops;

/// An instruction set that the kernels are written for.
///
/// Only [`Level::available`] and [`Level::best`] give a value other than [`Level::SCALAR`], so
/// holding one proves that this CPU has the instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(Set);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx512Vbmi2,
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
            if is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("popcnt")
                && is_x86_feature_detected!("bmi1")
            {
                levels.push(Self(Set::Avx2));
            }
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("popcnt")
                && is_x86_feature_detected!("bmi1")
            {
                levels.push(Self(Set::Avx512));
                if is_x86_feature_detected!("avx512vbmi2") {
                    levels.push(Self(Set::Avx512Vbmi2));
                }
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
            #[cfg(target_arch = "x86_64")]
            Set::Avx512Vbmi2 => "avx512vbmi2",
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
        Set::Avx512 | Set::Avx512Vbmi2 => x86::count_byte_avx512(bytes, needle),
        #[cfg(target_arch = "aarch64")]
        Set::Neon => neon::count_byte(bytes, needle),
    }
}

fn json_stops(level: Level, bytes: &[u8], high: bool, out: &mut JsonStops) -> bool {
    match level.0 {
        Set::Scalar => scalar::json_stops(bytes, high, out),
        #[cfg(target_arch = "x86_64")]
        Set::Avx2 => x86::json_stops_avx2(bytes, high, out),
        #[cfg(target_arch = "x86_64")]
        Set::Avx512 => x86::json_stops_avx512(bytes, high, out),
        #[cfg(target_arch = "x86_64")]
        Set::Avx512Vbmi2 => x86::json_stops_vbmi2(bytes, high, out),
        #[cfg(target_arch = "aarch64")]
        Set::Neon => neon::json_stops(bytes, high, out),
    }
}

/// Bytes that are compared together.
const BLOCK_BYTES: usize = 64;

#[cfg(test)]
mod tests;
