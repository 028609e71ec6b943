//! Numbers that were measured several times.

/// Measurements of one thing.
#[derive(Clone, Debug)]
pub(super) struct Sample(Vec<f64>);

impl Sample {
    /// Of these measurements.
    ///
    /// # Panics
    /// If there are none.
    pub(super) fn new(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "nothing was measured");
        values.sort_unstable_by(f64::total_cmp);
        Self(values)
    }

    /// The value that so many percent are not above.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        self.0[((self.0.len() - 1) * percent).div_ceil(100)]
    }

    /// The middle one.
    pub(super) fn median(&self) -> f64 {
        self.percentile(50)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_care_for_an_outlier() {
        let sample = Sample::new(vec![3.0, 1.0, 2.0, 1e9, 2.5]);
        assert_eq!(
            (sample.median(), sample.percentile(0), sample.percentile(100)),
            (2.5, 1.0, 1e9)
        );
    }
}
