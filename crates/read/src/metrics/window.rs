//! How fast a value grew over a sliding window.

use std::collections::VecDeque;
use std::time::Duration;

/// Readings kept at most, whatever the window and the interval.
const READINGS_MAX: usize = 3600;

/// Readings of the last `length`.
#[derive(Debug)]
pub(super) struct Window {
    readings: VecDeque<(Duration, u64)>,
    length: Duration,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        Self { readings: VecDeque::new(), length }
    }

    /// Adds what was read `at` a time, and forgets what has left the window.
    pub(super) fn add(&mut self, at: Duration, value: u64) {
        self.readings.push_back((at, value));
        // One reading at or before the window's begin stays: growth is over all of it.
        while let Some((second, _)) = self.readings.get(1)
            && (at.saturating_sub(*second) >= self.length || self.readings.len() > READINGS_MAX)
        {
            self.readings.pop_front();
        }
    }

    /// Growth per second over the window; none until a tenth of it has passed, because the
    /// growth of a moment says nothing.
    pub(super) fn growth_per_second(&self) -> Option<f64> {
        let (first_at, first) = self.readings.front()?;
        let (last_at, last) = self.readings.back()?;
        let passed = last_at.checked_sub(*first_at)?;
        let enough = passed * 10 >= self.length && !passed.is_zero();
        enough.then(|| (*last as f64 - *first as f64) / passed.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window_of(readings: &[(u64, u64)]) -> Window {
        let mut window = Window::new(Duration::from_secs(60));
        readings.iter().for_each(|(at, value)| window.add(Duration::from_secs(*at), *value));
        window
    }

    #[test]
    fn growth_is_over_the_window_and_not_over_all_time() {
        let steady: Vec<_> = (0..=60).map(|s| (s, s * 20_000_000)).collect();
        assert_eq!(window_of(&steady).growth_per_second(), Some(20e6));
        let grew_before: Vec<_> = (0..200).map(|s| (s, s.min(100) * 1000)).collect();
        assert_eq!(window_of(&grew_before).growth_per_second(), Some(0.0));
        let shrinks = window_of(&[(0, 600), (60, 0)]);
        assert_eq!(shrinks.growth_per_second(), Some(-10.0));
    }

    #[test]
    fn a_window_that_has_just_begun_says_nothing() {
        assert_eq!(window_of(&[]).growth_per_second(), None);
        assert_eq!(window_of(&[(1, 1)]).growth_per_second(), None);
        assert_eq!(window_of(&[(0, 1), (5, 9)]).growth_per_second(), None);
        assert_eq!(window_of(&[(0, 0), (6, 12)]).growth_per_second(), Some(2.0));
    }

    #[test]
    fn the_number_of_readings_is_bounded() {
        let mut window = Window::new(Duration::from_secs(60));
        (0..2 * READINGS_MAX as u64).for_each(|ms| window.add(Duration::from_millis(ms), 0));
        assert!(window.readings.len() <= READINGS_MAX);
    }
}
