//! When the watchdog of systemd is fed: a decision, with the time handed in.

use std::time::{Duration, Instant};

/// A watchdog that bites when it is not fed.
pub(super) struct Dog {
    limit: Duration,
    fed: Instant,
    is_hungry: bool,
}

impl Dog {
    /// Hungry at once.
    pub(super) fn new(limit: Duration, now: Instant) -> Self {
        Self { limit, fed: now, is_hungry: true }
    }

    /// How often it is fed.
    pub(super) fn period(&self) -> Duration {
        self.limit / 2
    }

    /// How recently there must have been progress.
    pub(super) fn freshness(&self) -> Duration {
        self.limit / 4
    }

    /// Whether it wants its food, within one `tick` of those that look.
    pub(super) fn is_due(&self, tick: Duration, now: Instant) -> bool {
        self.is_hungry || now.saturating_duration_since(self.fed) + tick >= self.period()
    }

    pub(super) fn is_fed(&mut self, now: Instant) {
        (self.fed, self.is_hungry) = (now, false);
    }

    /// Whether it has gone without for so long that somebody should know.
    pub(super) fn is_starving(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.fed) > self.limit / 4 * 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const TICK: Duration = Duration::from_millis(100);

    #[test]
    fn it_is_fed_before_half_of_its_limit_is_over() {
        let start = Instant::now();
        let mut dog = Dog::new(30 * SECOND, start);
        let mut fed = Vec::new();
        for tick in 0..600 {
            let now = start + tick * TICK;
            if dog.is_due(TICK, now) {
                dog.is_fed(now);
                fed.push(now);
            }
        }
        assert_eq!(fed.len(), 5);
        let gaps = fed.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.max().is_some_and(|longest| longest <= 15 * SECOND));
    }

    #[test]
    fn one_that_goes_without_is_noticed_in_time() {
        let start = Instant::now();
        let dog = Dog::new(8 * SECOND, start);
        assert!(dog.is_due(TICK, start + 30 * SECOND));
        assert!(!dog.is_starving(start + 6 * SECOND));
        assert!(dog.is_starving(start + 7 * SECOND));
    }
}
