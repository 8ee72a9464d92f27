//! How long answers took: any number of them, in little memory.

use std::time::Duration;

/// How many steps there are from a time to its double: what is read is at most 5 % too long.
const STEPS: f64 = 16.0;

/// Counts of times, by their logarithm.
#[derive(Default)]
pub(crate) struct Times {
    counts: Vec<u64>,
    longest: Duration,
}

impl Times {
    pub(crate) fn push(&mut self, time: Duration) {
        let step = ((time.as_nanos().max(1) as f64).log2() * STEPS) as usize;
        if self.counts.len() <= step {
            self.counts.resize(step + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(step) {
            *count += 1;
        }
        self.longest = self.longest.max(time);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, others)| *mine += others);
        self.longest = self.longest.max(other.longest);
    }

    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The time that this share of all did not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (step, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                let end = Duration::from_nanos(((step + 1) as f64 / STEPS).exp2() as u64);
                return end.min(self.longest);
            }
        }
        self.longest
    }
}
