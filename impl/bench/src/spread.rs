//! One figure out of many rounds.

/// A figure of several rounds: the median, and between what it lay.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Spread {
    /// The round in the middle.
    pub median: f64,
    /// The lowest round.
    pub low: f64,
    /// The highest round.
    pub high: f64,
}

/// One figure over another, both of the same rounds.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Ratio {
    /// The median of the one over the median of the other.
    pub of_medians: f64,
    /// The lowest ratio within one round.
    pub low: f64,
    /// The highest ratio within one round.
    pub high: f64,
}

impl Spread {
    /// The spread of these, if there are any.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let (low, high) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        Some(Self { median, low, high })
    }
}

impl Ratio {
    /// The ratio of figures round by round; none where something would be divided by nothing.
    #[must_use]
    pub fn of(upper: &[f64], lower: &[f64]) -> Option<Self> {
        if lower.iter().any(|value| *value <= 0.0) {
            return None;
        }
        let each: Vec<_> = upper.iter().zip(lower).map(|(upper, lower)| upper / lower).collect();
        let rounds = Spread::of(&each)?;
        let of_medians = Spread::of(upper)?.median / Spread::of(lower)?.median;
        Some(Self { of_medians, low: rounds.low, high: rounds.high })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_median_is_in_the_middle_of_odd_and_of_even_numbers() {
        let spread = |median, low, high| Some(Spread { median, low, high });
        assert_eq!(Spread::of(&[3.0, 1.0, 9.0]), spread(3.0, 1.0, 9.0));
        assert_eq!(Spread::of(&[4.0, 1.0, 9.0, 2.0]), spread(3.0, 1.0, 9.0));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn a_ratio_is_of_medians_and_its_range_of_rounds() {
        // In the second round the machine did something else, and both were slower.
        let ratio = Ratio::of(&[30.0, 12.0, 33.0], &[10.0, 6.0, 10.0]);
        assert_eq!(ratio, Some(Ratio { of_medians: 3.0, low: 2.0, high: 3.3 }));
        assert_eq!(Ratio::of(&[1.0], &[0.0]), None);
    }

    proptest! {
        #[test]
        fn a_median_lies_within_its_range(values in prop::collection::vec(-1e9..1e9, 1..20)) {
            let spread = Spread::of(&values).unwrap();
            prop_assert!(spread.low <= spread.median && spread.median <= spread.high);
        }
    }
}
