//! Medians, quantiles and means.

/// The median of `values`; of two middle values their mean. `None` if there are none.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The quantile `q` (0 to 1) with linear interpolation between neighbours; `None` if there are no values.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile_of_sorted(&sorted, q)
}

/// The same of values in ascending order.
pub(crate) fn quantile_of_sorted(sorted: &[f64], q: f64) -> Option<f64> {
    let at = sorted.len().checked_sub(1)? as f64 * q.clamp(0.0, 1.0);
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    // Equal ends need no arithmetic, which infinities would not survive.
    Some(if low == high { low } else { low + (high - low) * at.fract() })
}

/// Half of the values lie within this share of the median: the interquartile range over the
/// median. `None` without values, and if the median is not above 0.
pub fn spread(values: &[f64]) -> Option<f64> {
    let middle = median(values).filter(|m| *m > 0.0)?;
    Some((quantile(values, 0.75)? - quantile(values, 0.25)?) / middle)
}

/// The geometric mean of values above 0; `None` if there are none.
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    (!values.is_empty()).then(|| (values.iter().map(|v| v.ln()).sum::<f64>() / n).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middles_quantiles_and_means() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
        assert_eq!(quantile(&[3.0, 1.0, 2.0, 5.0, 4.0], 0.25), Some(2.0));
        assert_eq!(spread(&[8.0, 10.0, 12.0]), Some(0.2));
        assert_eq!((spread(&[]), spread(&[0.0])), (None, None));
        assert!((geometric_mean(&[0.5, 2.0]).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(geometric_mean(&[]), None);
    }
}
