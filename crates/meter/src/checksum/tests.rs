//! Pieces in any order, and changes that must show.

use super::*;

fn sample(len: usize, seed: u64) -> Vec<u8> {
    (0..len as u64).map(|i| (mix(i ^ seed) >> 56) as u8).collect()
}

fn whole(offset: u64, bytes: &[u8]) -> Checksum {
    let mut sum = Checksum::new();
    sum.add(offset, bytes);
    sum
}

#[test]
fn pieces_in_any_order_give_the_value_of_the_whole() {
    let bytes = sample(3 * BLOCK + 77, 1);
    for offset in [0, 1, 7, 8, 4095, 4096, 123_457] {
        let expected = whole(offset, &bytes);
        for cut in [1, 3, 8, 63, 64, 65, 511, 4096, 5000] {
            let mut pieces: Vec<_> = bytes.chunks(cut).enumerate().collect();
            pieces.reverse();
            let (mut a, mut b) = (Checksum::new(), Checksum::new());
            for (i, piece) in pieces {
                let side = if i % 2 == 0 { &mut a } else { &mut b };
                side.add(offset + (i * cut) as u64, piece);
            }
            a.merge(b);
            assert_eq!(a, expected, "offset {offset}, pieces of {cut}");
        }
    }
}

#[test]
fn each_byte_counts() {
    let bytes = sample(BLOCK + 200, 2);
    let expected = whole(3, &bytes);
    for i in 0..bytes.len() {
        for change in [1, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[i] ^= change;
            assert_ne!(whole(3, &changed), expected, "byte {i} ^ {change:#x}");
        }
    }
}

#[test]
fn the_offset_counts_even_of_zeros() {
    for bytes in [sample(4096, 3), vec![0; 4096]] {
        let expected = whole(8192, &bytes);
        for offset in [0, 8191, 8193, 8200, 8256, 4096, 12_288] {
            assert_ne!(whole(offset, &bytes), expected, "offset {offset}");
        }
    }
}

#[test]
fn zeros_that_are_missing_or_read_twice_show() {
    let one = whole(0, &[0; 4096]);
    let mut twice = one;
    twice.merge(one);
    assert_ne!(one, Checksum::new());
    assert_ne!(one, twice);
    assert_ne!(one, whole(0, &[0; 4095]));
}

#[test]
fn swapped_words_and_swapped_blocks_show() {
    let bytes = sample(2 * BLOCK, 4);
    let expected = whole(0, &bytes);
    for (a, b) in [(0, 8), (0, 64), (8, 520), (0, 4096)] {
        let mut swapped = bytes.clone();
        for i in 0..8 {
            swapped.swap(a + i, b + i);
        }
        assert_ne!(whole(0, &swapped), expected, "words at {a} and {b}");
    }
}

#[test]
fn the_value_is_the_same_on_every_host_and_in_every_release() {
    assert_eq!(whole(4096 + 5, &sample(10_000, 5)).to_string(), "7a9b1d674c4f3e0a");
}
