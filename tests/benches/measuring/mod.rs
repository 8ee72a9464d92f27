//! What the benchmarks share: values that were measured, sorted, and the words to print them in.

// Every benchmark is a binary of its own and takes what it needs.
#![allow(dead_code)]

use std::time::Duration;

/// Everything that was measured of one thing.
pub struct Measured(Vec<f64>);

impl Measured {
    pub fn of(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "nothing was measured");
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The value below which this share of all values lies.
    pub fn quantile(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share).round() as usize]
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The smallest and the largest.
    pub fn spread(&self) -> String {
        let (least, most) = (self.0[0], self.0[self.0.len() - 1]);
        let digits = if most < 10.0 { 2 } else { usize::from(most < 100.0) };
        format!("{least:.digits$}-{most:.digits$}")
    }
}

/// Milliseconds, with their fraction.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Whether a bar is held, in a word.
pub fn verdict(held: bool) -> &'static str {
    if held { "held" } else { "MISSED" }
}
