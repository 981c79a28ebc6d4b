//! The kernels for AVX2 and AVX-512BW.
//!
//! # Safety
//! Two facts carry this file. A [`super::Level`] other than scalar is only made after the
//! CPU was asked for its instructions, and the functions here are only called by the dispatch
//! on such a level. Every load reads exactly the array that it is given a reference to.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256i, __m512i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_max_epu8, _mm256_movemask_epi8,
    _mm256_or_si256, _mm256_set1_epi8, _mm512_add_epi32, _mm512_castsi512_si128,
    _mm512_cmpeq_epi8_mask, _mm512_cmplt_epu8_mask, _mm512_cvtepu8_epi32, _mm512_loadu_si512,
    _mm512_maskz_compress_epi8, _mm512_movepi8_mask, _mm512_set1_epi8, _mm512_set1_epi32,
    _mm512_storeu_si512,
};

use super::stops::{BlockStops, GROUP, write_each};
use super::{BLOCK_BYTES, JsonStops};

pub(super) fn count_byte_avx512(bytes: &[u8], needle: u8) -> u64 {
    // SAFETY: a level of AVX-512 is only made after avx512f, avx512bw and popcnt were detected.
    unsafe { count_avx512(bytes, needle) }
}

pub(super) fn count_byte_avx2(bytes: &[u8], needle: u8) -> u64 {
    // SAFETY: a level of AVX2 is only made after avx2 and popcnt were detected.
    unsafe { count_avx2(bytes, needle) }
}

pub(super) fn json_stops_avx2(bytes: &[u8], high: bool, out: &mut JsonStops) -> bool {
    // SAFETY: a level of AVX2 is only made after avx2, bmi1 and popcnt were detected.
    unsafe { stops_avx2(bytes, high, out) }
}

pub(super) fn json_stops_avx512(bytes: &[u8], high: bool, out: &mut JsonStops) -> bool {
    // SAFETY: a level of AVX-512 is only made after avx512f, avx512bw, bmi1 and popcnt were
    // detected.
    unsafe { stops_avx512(bytes, high, out) }
}

pub(super) fn json_stops_vbmi2(bytes: &[u8], high: bool, out: &mut JsonStops) -> bool {
    // SAFETY: this level is only made after avx512vbmi2 was detected, besides what a level of
    // AVX-512 needs.
    unsafe { stops_vbmi2(bytes, high, out) }
}

#[target_feature(enable = "avx2,bmi1,popcnt")]
fn stops_avx2(bytes: &[u8], high: bool, out: &mut JsonStops) -> bool {
    let quote = _mm256_set1_epi8(b'"'.cast_signed());
    let backslash = _mm256_set1_epi8(b'\\'.cast_signed());
    let unit = _mm256_set1_epi8(0x1f);
    let compare = |block: &[u8; 64]| {
        let (halves, _) = block.as_chunks::<32>();
        let mut found = BlockStops { plain: 0, high: 0 };
        for (at, half) in halves.iter().enumerate() {
            let v = load_256(half);
            // There is no unsigned comparison: the larger of v and 0x1f is 0x1f where v <= 0x1f.
            let control = _mm256_cmpeq_epi8(_mm256_max_epu8(v, unit), unit);
            let marks =
                _mm256_or_si256(_mm256_cmpeq_epi8(v, quote), _mm256_cmpeq_epi8(v, backslash));
            found.plain |= mask_256(_mm256_or_si256(control, marks)) << (at * 32);
            found.high |= mask_256(v) << (at * 32);
        }
        found
    };
    out.scan(bytes, high, compare, write_each)
}

#[target_feature(enable = "avx512f,avx512bw,bmi1,popcnt")]
fn stops_avx512(bytes: &[u8], high: bool, out: &mut JsonStops) -> bool {
    let quote = _mm512_set1_epi8(b'"'.cast_signed());
    let backslash = _mm512_set1_epi8(b'\\'.cast_signed());
    let space = _mm512_set1_epi8(b' '.cast_signed());
    let compare = |block: &[u8; 64]| found_512(load_512(block), quote, backslash, space);
    out.scan(bytes, high, compare, write_each)
}

/// One instruction moves the offsets of all bits to the front of one register.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,bmi1,popcnt")]
fn stops_vbmi2(bytes: &[u8], high: bool, out: &mut JsonStops) -> bool {
    let quote = _mm512_set1_epi8(b'"'.cast_signed());
    let backslash = _mm512_set1_epi8(b'\\'.cast_signed());
    let space = _mm512_set1_epi8(b' '.cast_signed());
    let places = load_512(&std::array::from_fn(|place| place as u8));
    let compare = |block: &[u8; 64]| found_512(load_512(block), quote, backslash, space);
    let write = |base: u32, mut bits: u64, group: &mut [u32; GROUP]| {
        let first = _mm512_castsi512_si128(_mm512_maskz_compress_epi8(bits, places));
        let base = _mm512_set1_epi32(base.cast_signed());
        store_512(group, _mm512_add_epi32(_mm512_cvtepu8_epi32(first), base));
        if bits.count_ones() as usize <= GROUP {
            return 0;
        }
        for _ in 0..GROUP {
            bits &= bits.wrapping_sub(1);
        }
        bits
    };
    out.scan(bytes, high, compare, write)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn found_512(v: __m512i, quote: __m512i, backslash: __m512i, space: __m512i) -> BlockStops {
    let marks = _mm512_cmpeq_epi8_mask(v, quote) | _mm512_cmpeq_epi8_mask(v, backslash);
    BlockStops { plain: marks | _mm512_cmplt_epu8_mask(v, space), high: _mm512_movepi8_mask(v) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_512(group: &mut [u32; GROUP], v: __m512i) {
    // SAFETY: the reference is to 64 writable bytes, which is what the store writes, and this
    // store has no alignment to keep.
    unsafe { _mm512_storeu_si512(group.as_mut_ptr().cast(), v) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load_512(block: &[u8; 64]) -> __m512i {
    // SAFETY: the reference is to 64 readable bytes, which is what the load reads, and this
    // load has no alignment to keep.
    unsafe { _mm512_loadu_si512(block.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_256(half: &[u8; 32]) -> __m256i {
    // SAFETY: the reference is to 32 readable bytes, which is what the load reads, and this
    // load has no alignment to keep.
    unsafe { _mm256_loadu_si256(half.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f,avx512bw,popcnt")]
fn count_avx512(bytes: &[u8], needle: u8) -> u64 {
    let wanted = _mm512_set1_epi8(needle.cast_signed());
    let (quads, rest) = bytes.as_chunks::<{ 4 * BLOCK_BYTES }>();
    let mut counts = [0u64; 4];
    for quad in quads {
        let (blocks, _) = quad.as_chunks::<BLOCK_BYTES>();
        for (block, count) in blocks.iter().zip(&mut counts) {
            *count += u64::from(_mm512_cmpeq_epi8_mask(load_512(block), wanted).count_ones());
        }
    }
    counts.iter().sum::<u64>() + super::scalar::count_byte(rest, needle)
}

#[target_feature(enable = "avx2,popcnt")]
fn count_avx2(bytes: &[u8], needle: u8) -> u64 {
    let wanted = _mm256_set1_epi8(needle.cast_signed());
    let (quads, rest) = bytes.as_chunks::<128>();
    let mut counts = [0u64; 4];
    for quad in quads {
        let (halves, _) = quad.as_chunks::<32>();
        for (half, count) in halves.iter().zip(&mut counts) {
            let equal = _mm256_cmpeq_epi8(load_256(half), wanted);
            *count += u64::from(_mm256_movemask_epi8(equal).count_ones());
        }
    }
    counts.iter().sum::<u64>() + super::scalar::count_byte(rest, needle)
}

#[inline]
#[target_feature(enable = "avx2")]
fn mask_256(v: __m256i) -> u64 {
    u64::from(_mm256_movemask_epi8(v).cast_unsigned())
}
