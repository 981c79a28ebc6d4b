//! How sure a median is.

use cutwater_lab::stats::median;

/// Chance that the middle of what is measured lies outside of the range that is told.
const OUTSIDE: f64 = 0.05;

/// Distance between the ends of the range in which the median lies with 95 %, as a share of the
/// median. Up to 8 values that is from the least to the greatest; with more of them the outermost
/// are left out, so that more rounds tell more, as the range itself would only grow.
pub(super) fn spread(values: &[f64]) -> f64 {
    let middle = median(values).unwrap_or(0.0);
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let skipped = skipped(sorted.len());
    let ends = (sorted.get(skipped), sorted.iter().nth_back(skipped));
    match ends {
        (Some(least), Some(greatest)) if middle > 0.0 => (greatest - least) / middle,
        _ => 0.0,
    }
}

/// How many of `n` values may be left out at either end: each lies under the middle of what is
/// measured as often as over it, so how many do is as heads in `n` throws of a coin.
fn skipped(n: usize) -> usize {
    let mut chance = 0.5f64.powi(n.min(i32::MAX as usize) as i32);
    let (mut within, mut skipped) = (chance, 0);
    for k in 1..n / 2 {
        chance *= (n - k + 1) as f64 / k as f64;
        within += chance;
        if 2.0 * within > OUTSIDE {
            break;
        }
        skipped = k;
    }
    skipped
}

#[cfg(test)]
mod tests {
    use super::{skipped, spread};

    #[test]
    fn as_many_are_left_out_as_tables_of_the_sign_test_say() {
        for (n, expected) in [
            (0, 0),
            (1, 0),
            (3, 0),
            (7, 0),
            (8, 0),
            (9, 1),
            (11, 1),
            (12, 2),
            (15, 3),
            (20, 5),
            (40, 13),
        ] {
            assert_eq!(skipped(n), expected, "of {n}");
        }
    }

    #[test]
    fn few_values_spread_from_the_least_to_the_greatest_and_many_by_their_middle() {
        assert_eq!(spread(&[10.0, 8.0, 11.0]), 0.3);
        assert_eq!((spread(&[]), spread(&[1.0]), spread(&[0.0, 0.0])), (0.0, 0.0, 0.0));
        // One wild round of nine is left out, and so is the least.
        let calm = [10.0, 10.0, 9.0, 10.0, 10.0, 11.0, 10.0, 10.0, 50.0];
        assert!((spread(&calm) - 0.1).abs() < 1e-12, "{}", spread(&calm));
        assert_eq!(spread(&calm[1..]), 4.1);
    }

    #[test]
    fn more_rounds_of_the_same_kind_spread_less() {
        let rounds =
            |n: usize| -> Vec<f64> { (0..n).map(|k| 100.0 + (k * 7 % 10) as f64).collect() };
        let spreads = [7, 20, 40].map(|n| spread(&rounds(n)));
        assert!(spreads[0] > spreads[1] && spreads[1] > spreads[2], "{spreads:?}");
    }
}
