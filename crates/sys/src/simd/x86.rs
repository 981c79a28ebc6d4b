//! The kernels for AVX2 and AVX-512BW.
//!
//! # Safety
//! Two facts carry this file. A [`super::Level`] other than scalar is only made after the
//! CPU was asked for its instructions, and the functions here are only called by the dispatch
//! on such a level. Every load reads exactly the array that it is given a reference to.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256i, __m512i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_max_epu8, _mm256_movemask_epi8,
    _mm256_set1_epi8, _mm512_cmpeq_epi8_mask, _mm512_cmplt_epu8_mask, _mm512_loadu_si512,
    _mm512_movepi8_mask, _mm512_set1_epi8,
};

use super::{BLOCK_BYTES, JsonMasks, Raw, for_blocks};

pub(super) fn count_byte_avx512(bytes: &[u8], needle: u8) -> u64 {
    // SAFETY: a level of AVX-512 is only made after avx512f, avx512bw and popcnt were detected.
    unsafe { count_avx512(bytes, needle) }
}

pub(super) fn count_byte_avx2(bytes: &[u8], needle: u8) -> u64 {
    // SAFETY: a level of AVX2 is only made after avx2 and popcnt were detected.
    unsafe { count_avx2(bytes, needle) }
}

pub(super) fn json_masks_avx512(bytes: &[u8], out: &mut [JsonMasks]) {
    // SAFETY: a level of AVX-512 is only made after avx512f, avx512bw and popcnt were detected.
    unsafe { json_avx512(bytes, out) }
}

pub(super) fn json_masks_avx2(bytes: &[u8], out: &mut [JsonMasks]) {
    // SAFETY: a level of AVX2 is only made after avx2 and popcnt were detected.
    unsafe { json_avx2(bytes, out) }
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

#[target_feature(enable = "avx512f,avx512bw,popcnt")]
fn json_avx512(bytes: &[u8], out: &mut [JsonMasks]) {
    let newline = _mm512_set1_epi8(b'\n'.cast_signed());
    let quote = _mm512_set1_epi8(b'"'.cast_signed());
    let backslash = _mm512_set1_epi8(b'\\'.cast_signed());
    let space = _mm512_set1_epi8(b' '.cast_signed());
    for_blocks(bytes, out, |block| {
        let v = load_512(block);
        Raw {
            newline: _mm512_cmpeq_epi8_mask(v, newline),
            quote: _mm512_cmpeq_epi8_mask(v, quote),
            backslash: _mm512_cmpeq_epi8_mask(v, backslash),
            control: _mm512_cmplt_epu8_mask(v, space),
            high: _mm512_movepi8_mask(v),
        }
    });
}

#[target_feature(enable = "avx2,popcnt")]
fn json_avx2(bytes: &[u8], out: &mut [JsonMasks]) {
    let newline = _mm256_set1_epi8(b'\n'.cast_signed());
    let quote = _mm256_set1_epi8(b'"'.cast_signed());
    let backslash = _mm256_set1_epi8(b'\\'.cast_signed());
    let unit = _mm256_set1_epi8(0x1f);
    for_blocks(bytes, out, |block| {
        let (halves, _) = block.as_chunks::<32>();
        let mut raw = Raw { newline: 0, quote: 0, backslash: 0, control: 0, high: 0 };
        for (at, half) in halves.iter().enumerate() {
            let v = load_256(half);
            let shift = at * 32;
            raw.newline |= mask_256(_mm256_cmpeq_epi8(v, newline)) << shift;
            raw.quote |= mask_256(_mm256_cmpeq_epi8(v, quote)) << shift;
            raw.backslash |= mask_256(_mm256_cmpeq_epi8(v, backslash)) << shift;
            // There is no unsigned comparison: the larger of v and 0x1f is 0x1f where v <= 0x1f.
            raw.control |= mask_256(_mm256_cmpeq_epi8(_mm256_max_epu8(v, unit), unit)) << shift;
            raw.high |= mask_256(v) << shift;
        }
        raw
    });
}

#[inline]
#[target_feature(enable = "avx2")]
fn mask_256(v: __m256i) -> u64 {
    u64::from(_mm256_movemask_epi8(v).cast_unsigned())
}
