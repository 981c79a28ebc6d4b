//! Every level against the scalar twin, from seeds that a failure prints.

use cutwater_testing::Dice;

use super::{JsonStops, Level, count_byte};

/// Bytes of an alphabet with many stops.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    const RICH: &[u8] = b"\\\\\\\"\"\n\r\t\0 a{}[]:,0\x1f\x20\x7f\x80\xff\xc3\xa9";
    let mut dice = Dice::new(seed);
    (0..len)
        .map(|_| match dice.below(4) {
            0 => dice.below(256) as u8,
            1 => b'\\',
            _ => RICH[dice.below(RICH.len() as u64) as usize],
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
fn every_level_lists_the_stops_in_order_and_says_whether_there_are_high_bytes() {
    let mut got = JsonStops::default();
    for seed in 0..600u64 {
        let mut text = bytes(seed, (seed * 13) as usize % 1100);
        if seed % 3 == 0 {
            text.iter_mut().for_each(|b| *b &= 0x7f);
        }
        let any_high = text.iter().any(|b| *b >= 0x80);
        for high in [false, true] {
            let is_stop = |byte: u8| match byte {
                b'"' | b'\\' | 0..0x20 => true,
                0x80.. => high,
                _ => false,
            };
            let want = (0..text.len()).filter(|&at| is_stop(text[at])).map(|at| at as u32);
            let want: Vec<_> = want.collect();
            for level in Level::available() {
                assert_eq!(got.fill(level, &text, high), any_high, "{level} seed {seed}");
                let (stops, behind) = got.offsets().split_at(want.len());
                assert_eq!(stops, want, "{level} seed {seed} high {high}");
                assert!(behind.len() >= 4, "{level}");
                assert!(behind.iter().all(|&stop| stop == u32::MAX), "{level} seed {seed}");
            }
        }
    }
}

#[test]
fn stops_are_found_in_nothing_and_where_every_byte_is_one() {
    let mut got = JsonStops::default();
    for level in Level::available() {
        got.fill(level, b"", true);
        assert!(got.offsets().iter().all(|&stop| stop == u32::MAX), "{level}");
        let text = vec![b'"'; 20_000];
        got.fill(level, &text, false);
        let want: Vec<_> = (0..20_000).collect();
        assert_eq!(got.offsets()[..20_000], want, "{level}");
    }
}
