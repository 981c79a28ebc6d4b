//! The order of values of all kinds.

use std::cmp::Ordering;

use super::{Quantity, Unit, parse_number, parse_quantity};

/// Where a value stands among others: absent ones, then numbers, durations and sizes, each by value, then
/// all other texts. Texts of equal rank are in the order of their bytes.
#[derive(Debug, Clone, Copy)]
pub struct Rank {
    class: u8,
    amount: f64,
}

impl Rank {
    /// The rank of a text; `None` is a value that is absent.
    #[must_use]
    pub fn of(text: Option<&[u8]>) -> Self {
        let Some(text) = text else { return Self { class: 0, amount: 0.0 } };
        let (class, amount) = match (parse_number(text), parse_quantity(text)) {
            (Some(number), _) => (1, number),
            (None, Some(Quantity { amount, unit: Unit::Duration })) => (2, amount),
            (None, Some(Quantity { amount, unit: Unit::Size })) => (3, amount),
            (None, None) => (4, 0.0),
        };
        Self { class, amount }
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        self.class.cmp(&other.class).then(self.amount.total_cmp(&other.amount))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Rank {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_ordered_by_what_they_stand_for() {
        let texts =
            ["b", "1.5s", "10", "120ms", "9", "2KiB", "1KB", "a"].map(|t| Some(t.as_bytes()));
        let mut values: Vec<_> = texts.into_iter().chain([None]).collect();
        values.sort_by_key(|value| (Rank::of(*value), *value));
        let expected =
            ["9", "10", "120ms", "1.5s", "1KB", "2KiB", "a", "b"].map(|t| Some(t.as_bytes()));
        assert_eq!((values[0], &values[1..]), (None, &expected[..]));
    }
}
