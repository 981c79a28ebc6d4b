//! Every level against the scalar twin, from seeds that failures print.

use super::{JsonMasks, Level, count_byte, json_masks};

/// Bytes of an alphabet rich in what the kernels look for, by xorshift.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    const RICH: &[u8] = b"\\\\\\\"\"\n\r\t\0 a{}[]:,0\x1f\x20\x7f\x80\xff\xc3\xa9";
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..len)
        .map(|_| match next() % 4 {
            0 => (next() % 256) as u8,
            1 => b'\\',
            _ => RICH[(next() % RICH.len() as u64) as usize],
        })
        .collect()
}

#[test]
fn every_level_counts_like_scalar() {
    for level in Level::available() {
        for seed in 0..400u64 {
            let text = bytes(seed, (seed * 7) as usize % 1500);
            for needle in [b'\n', b'"', 0, 0xff] {
                let want = text.iter().filter(|&&b| b == needle).count() as u64;
                assert_eq!(count_byte(level, &text, needle), want, "{level} seed {seed}");
            }
        }
    }
}

#[test]
fn every_level_gives_the_masks_of_scalar() {
    let (mut want, mut got) = (Vec::new(), Vec::new());
    for seed in 0..600u64 {
        let text = bytes(seed, (seed * 13) as usize % 1100);
        json_masks(Level::SCALAR, &text, &mut want);
        for level in Level::available() {
            json_masks(level, &text, &mut got);
            assert_eq!(got, want, "{level} seed {seed}");
        }
    }
}

#[test]
fn a_quotation_mark_after_an_odd_run_of_backslashes_is_escaped() {
    for level in Level::available() {
        for run in 0..200usize {
            for lead in 0..70usize {
                let mut text = vec![b'a'; lead];
                text.extend(std::iter::repeat_n(b'\\', run));
                text.push(b'"');
                let mut out = Vec::new();
                json_masks(level, &text, &mut out);
                let at = lead + run;
                let seen = out[at / 64].quote >> (at % 64) & 1 == 1;
                assert_eq!(seen, run % 2 == 0, "{level} lead {lead} run {run}");
            }
        }
    }
}

#[test]
fn nothing_is_marked_past_the_end() {
    for level in Level::available() {
        let mut out = vec![JsonMasks { newline: !0, quote: !0, check: !0 }; 9];
        json_masks(level, b"", &mut out);
        assert!(out.is_empty(), "{level}");
        json_masks(level, &[b'\n'; 65], &mut out);
        assert_eq!(out.len(), 2, "{level}");
        assert_eq!(out[1], JsonMasks { newline: 1, quote: 0, check: 0 }, "{level}");
    }
}
