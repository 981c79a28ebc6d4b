//! Sums.

/// A sum of doubles that keeps what additions round away (Neumaier), so it hardly depends on the
/// order.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    /// Adds a number.
    #[inline]
    pub fn add(&mut self, value: f64) {
        let next = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - next) + value
        } else {
            (value - next) + self.sum
        };
        self.sum = next;
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: Self) {
        self.add(other.sum);
        if other.sum.is_finite() {
            self.add(other.lost);
        }
    }

    /// The sum.
    #[must_use]
    pub fn total(self) -> f64 {
        // Past what a double holds, what was lost is not a number.
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }
}

#[cfg(test)]
mod tests {
    use super::Sum;

    #[test]
    fn a_sum_keeps_small_parts_beside_large_ones() {
        let mut sum = Sum::default();
        [1e16, 1.0, -1e16, 1.0].into_iter().for_each(|v| sum.add(v));
        assert_eq!(sum.total(), 2.0);
    }

    #[test]
    fn a_sum_past_what_a_double_holds_is_infinite() {
        let sum_of = |values: &[f64]| {
            let mut sum = Sum::default();
            values.iter().for_each(|&v| sum.add(v));
            sum
        };
        let large = sum_of(&[1e308, 1e308, 1.0]);
        assert_eq!(large.total(), f64::INFINITY);
        let mut merged = sum_of(&[1.0]);
        merged.merge(large);
        merged.merge(sum_of(&[5.0]));
        assert_eq!(merged.total(), f64::INFINITY);
        assert_eq!(sum_of(&[-1e308, -1e308]).total(), f64::NEG_INFINITY);
    }
}
