//! What thresholds make of the last observations.

use crate::Status;

/// The held status, and how many observations in a row were at least as bad, or at most as bad, as each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    status: Option<Status>,
    /// Observations in a row that were degraded or worse, and unhealthy.
    at_least: [u32; 2],
    /// Observations in a row that were healthy, and degraded or better.
    at_most: [u32; 2],
}

/// How many observations in a row it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thresholds {
    pub(super) failure: u32,
    pub(super) success: u32,
}

impl Held {
    pub(super) fn status(self) -> Option<Status> {
        self.status
    }

    /// Takes one more observation. The first counts at once.
    pub(super) fn observe(&mut self, raw: Status, thresholds: Thresholds) {
        let count =
            |counter: &mut u32, goes_on: bool| *counter = if goes_on { counter.saturating_add(1) } else { 0 };
        let [degraded_or_worse, unhealthy] = &mut self.at_least;
        count(degraded_or_worse, raw >= Status::Degraded);
        count(unhealthy, raw >= Status::Unhealthy);
        let [healthy, degraded_or_better] = &mut self.at_most;
        count(healthy, raw <= Status::Healthy);
        count(degraded_or_better, raw <= Status::Degraded);
        self.status = Some(match self.status {
            None => raw,
            Some(held) if raw > held => {
                self.worse(thresholds.failure).map_or(held, |mildest| mildest.max(held))
            }
            Some(held) if raw < held => self.better(thresholds.success).map_or(held, |worst| worst.min(held)),
            Some(held) => held,
        });
    }

    /// The mildest of the last `needed` observations, if none of them was healthy.
    fn worse(&self, needed: u32) -> Option<Status> {
        let [degraded_or_worse, unhealthy] = self.at_least;
        match needed {
            needed if unhealthy >= needed => Some(Status::Unhealthy),
            needed if degraded_or_worse >= needed => Some(Status::Degraded),
            _ => None,
        }
    }

    /// The worst of the last `needed` observations, if none of them was unhealthy.
    fn better(&self, needed: u32) -> Option<Status> {
        let [healthy, degraded_or_better] = self.at_most;
        match needed {
            needed if healthy >= needed => Some(Status::Healthy),
            needed if degraded_or_better >= needed => Some(Status::Degraded),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Status::{Degraded, Healthy, Unhealthy};

    fn held(failure: u32, success: u32, observed: &[Status]) -> Vec<Status> {
        let mut held = Held::default();
        let observe = |raw: &Status| {
            held.observe(*raw, Thresholds { failure, success });
            held.status().unwrap()
        };
        observed.iter().map(observe).collect()
    }

    #[test]
    fn the_first_counts_at_once_and_others_when_there_are_enough_in_a_row() {
        let (h, d, u) = (Healthy, Degraded, Unhealthy);
        assert_eq!(held(3, 2, &[u, h, h]), [u, u, h]);
        assert_eq!(held(3, 2, &[h, u, u, h, u, u, u, u]), [h, h, h, h, h, h, u, u]);
        assert_eq!(
            held(3, 1, &[h, d, u, u, u]),
            [h, h, h, d, u],
            "the mildest, then the next three in a row"
        );
        assert_eq!(
            held(1, 3, &[u, h, d, h, h, h]),
            [u, u, u, d, d, h],
            "the worst, then the next three in a row"
        );
        assert_eq!(held(2, 2, &[h, u, h, u, h, u, h]), [h; 7], "alternating keeps still");
        assert_eq!(held(1, 1, &[h, d, u, d, h]), [h, d, u, d, h]);
    }

    proptest! {
        /// The rule in its own words: look at the last `n` observations, if they are all worse (or better).
        #[test]
        fn it_does_what_the_rule_says(
            observed in proptest::collection::vec(prop_oneof![Just(Healthy), Just(Degraded), Just(Unhealthy)], 1..60),
            failure in 1..5_u32,
            success in 1..5_u32,
        ) {
            let mut expected = observed[0];
            for (index, now) in held(failure, success, &observed).into_iter().enumerate().skip(1) {
                let last = |n: u32| observed[..=index].iter().rev().take(n as usize).copied().collect::<Vec<_>>();
                let (worse, better) = (last(failure), last(success));
                if worse.len() == failure as usize && worse.iter().all(|raw| *raw > expected) {
                    expected = *worse.iter().min().unwrap();
                } else if better.len() == success as usize && better.iter().all(|raw| *raw < expected) {
                    expected = *better.iter().max().unwrap();
                }
                prop_assert_eq!(now, expected);
            }
        }
    }
}
