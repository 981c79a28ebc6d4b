//! The order in which sides are measured.

use crate::random::SplitMix;

/// The orders of rounds, without end.
///
/// A round goes through all sides and back again: `A B C C B A`. Whatever drifts in a straight
/// line over a round costs every side the same. The way out is a row of a Latin square in which
/// every side also follows every other one equally often (Williams, "Experimental designs
/// balanced for the estimation of residual effects", 1949); its labels are drawn anew for each
/// square. With two sides, rounds are `A B B A` and `B A A B`.
#[derive(Debug, Clone)]
pub struct Order {
    sides: usize,
    random: SplitMix,
    labels: Vec<usize>,
    /// Rows of the square that are left.
    rows: Vec<Vec<usize>>,
}

impl Order {
    /// Orders for `sides` sides, decided by `seed`.
    pub fn new(sides: usize, seed: u64) -> Self {
        let (random, labels) = (SplitMix(seed), (0..sides).collect());
        Self { sides, random, labels, rows: Vec::new() }
    }

    /// The places of the sides on the next way out.
    fn way_out(&mut self) -> Vec<usize> {
        if self.rows.is_empty() {
            self.random.shuffle(&mut self.labels);
            self.rows = (0..self.sides).map(|row| williams_row(self.sides, row)).collect();
            self.random.shuffle(&mut self.rows);
        }
        let row = self.rows.pop().unwrap_or_default();
        row.into_iter().map(|place| self.labels[place]).collect()
    }
}

impl Iterator for Order {
    type Item = Vec<usize>;

    /// The next round: every side twice, by its index.
    fn next(&mut self) -> Option<Vec<usize>> {
        let mut round = self.way_out();
        round.extend(round.clone().into_iter().rev());
        Some(round)
    }
}

/// Row `row` of the square: 0, n-1, 1, n-2, ... with `row` added to each, modulo n. The way back
/// is what balances an odd number of sides.
fn williams_row(n: usize, row: usize) -> Vec<usize> {
    let zigzag = (0..n).map(|i| if i % 2 == 0 { i / 2 } else { n - 1 - i / 2 });
    zigzag.map(|place| (place + row) % n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_goes_out_and_back_and_has_every_side_twice() {
        for sides in 1..8 {
            for round in Order::new(sides, 3).take(20) {
                let back: Vec<_> = round.iter().rev().copied().collect();
                assert_eq!(round, back);
                let mut out = round[..sides].to_vec();
                out.sort_unstable();
                assert!(out.into_iter().eq(0..sides));
            }
        }
    }

    #[test]
    fn over_a_square_each_side_stands_in_each_place_and_follows_each_other_side() {
        for sides in 2..8 {
            let mut places = vec![vec![0; sides]; sides];
            let mut follows = vec![vec![0; sides]; sides];
            for round in Order::new(sides, 11).take(sides) {
                for (place, side) in round[..sides].iter().enumerate() {
                    places[*side][place] += 1;
                }
                for (a, b) in round.iter().zip(&round[1..]).filter(|(a, b)| a != b) {
                    follows[*a][*b] += 1;
                }
            }
            assert!(places.iter().flatten().all(|n| *n == 1), "{sides}: {places:?}");
            for (a, row) in follows.iter().enumerate() {
                assert!(row.iter().enumerate().all(|(b, n)| *n == 2 * i32::from(a != b)));
            }
        }
    }

    #[test]
    fn a_seed_repeats_the_order_and_another_one_does_not() {
        let order = |seed| Order::new(6, seed).take(12).collect::<Vec<_>>();
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }
}
