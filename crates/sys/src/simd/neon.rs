//! The kernels for NEON.
//!
//! # Safety
//! Two facts carry this file. A [`super::Level`] other than scalar is only made after the
//! CPU was asked for its instructions, and the functions here are only called by the dispatch
//! on such a level. Every load reads exactly the array that it is given a reference to.
#![allow(unsafe_code)]

use std::arch::aarch64::{
    uint8x16_t, vaddlvq_u8, vandq_u8, vceqq_u8, vcgtq_u8, vcltq_u8, vdupq_n_u8, vgetq_lane_u64,
    vld1q_u8, vorrq_u8, vpaddq_u8, vreinterpretq_u64_u8,
};

use super::JsonStops;
use super::stops::{BlockStops, write_each};

pub(super) fn count_byte(bytes: &[u8], needle: u8) -> u64 {
    // SAFETY: a level of NEON is only made after neon was detected.
    unsafe { count(bytes, needle) }
}

pub(super) fn json_stops(bytes: &[u8], high: bool, out: &mut JsonStops) -> bool {
    // SAFETY: a level of NEON is only made after neon was detected.
    unsafe { stops(bytes, high, out) }
}

#[inline]
#[target_feature(enable = "neon")]
fn load(part: &[u8; 16]) -> uint8x16_t {
    // SAFETY: the reference is to 16 readable bytes, which is what the load reads.
    unsafe { vld1q_u8(part.as_ptr()) }
}

#[target_feature(enable = "neon")]
fn count(bytes: &[u8], needle: u8) -> u64 {
    let wanted = vdupq_n_u8(needle);
    let one = vdupq_n_u8(1);
    let (parts, rest) = bytes.as_chunks::<16>();
    let found: u64 = parts
        .iter()
        .map(|part| u64::from(vaddlvq_u8(vandq_u8(vceqq_u8(load(part), wanted), one))))
        .sum();
    found + super::scalar::count_byte(rest, needle)
}

#[target_feature(enable = "neon")]
fn stops(bytes: &[u8], high: bool, out: &mut JsonStops) -> bool {
    let compare = |block: &[u8; 64]| {
        let (parts, _) = block.as_chunks::<16>();
        let v = [load(&parts[0]), load(&parts[1]), load(&parts[2]), load(&parts[3])];
        let plain = |v| {
            let marks = vorrq_u8(vceqq_u8(v, vdupq_n_u8(b'"')), vceqq_u8(v, vdupq_n_u8(b'\\')));
            vorrq_u8(marks, vcltq_u8(v, vdupq_n_u8(b' ')))
        };
        BlockStops {
            plain: mask(v.map(plain)),
            high: mask(v.map(|v| vcgtq_u8(v, vdupq_n_u8(0x7f)))),
        }
    };
    out.scan(bytes, high, compare, write_each)
}

/// One bit per byte of four comparison results: each byte keeps the bit of its place in a
/// group of eight, and three pairwise additions bring the groups together.
#[inline]
#[target_feature(enable = "neon")]
fn mask(equal: [uint8x16_t; 4]) -> u64 {
    const PLACE: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    let place = load(&PLACE);
    let [a, b, c, d] = equal.map(|v| vandq_u8(v, place));
    let sum = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
    vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(sum, sum)))
}
