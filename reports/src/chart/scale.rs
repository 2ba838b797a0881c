//! A scale whose ticks are chosen by us and not by the plotting library.

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use std::ops::Range;

/// A linear or logarithmic scale with fixed ticks.
pub(super) struct Scale<R> {
    inner: R,
    labelled: Vec<f64>,
    unlabelled: Vec<f64>,
}

impl<R: Ranged<ValueType = f64>> Scale<R> {
    pub(super) fn new(inner: R, labelled: Vec<f64>, unlabelled: Vec<f64>) -> Self {
        Self { inner, labelled, unlabelled }
    }
}

impl<R: Ranged<ValueType = f64>> Ranged for Scale<R> {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.inner.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            self.unlabelled.clone()
        } else {
            self.labelled.clone()
        }
    }

    fn range(&self) -> Range<f64> {
        self.inner.range()
    }
}
