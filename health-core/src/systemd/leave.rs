//! When systemd is asked for more time to start: a decision, with the time handed in.

use std::time::{Duration, Instant};

/// For how long it is asked to wait on, and how often.
const PATIENCE: Duration = Duration::from_secs(30);
pub(super) const RENEWAL: Duration = Duration::from_secs(10);

/// How long a start may take.
pub(super) struct Leave {
    began: Instant,
    budget: Duration,
    asked: Option<Instant>,
}

impl Leave {
    pub(super) fn new(budget: Duration, now: Instant) -> Self {
        Self { began: now, budget, asked: None }
    }

    pub(super) fn is_used_up(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.began) >= self.budget
    }

    /// How much more time is to be asked for now, if it is time to ask. What only a gate holds has no limit.
    pub(super) fn due(&self, has_limit: bool, now: Instant) -> Option<Duration> {
        let is_asked = self.asked.is_some_and(|asked| now.saturating_duration_since(asked) < RENEWAL);
        let left = self.budget.saturating_sub(now.saturating_duration_since(self.began));
        let more = if has_limit { PATIENCE.min(left) } else { PATIENCE };
        (!is_asked && !more.is_zero()).then_some(more)
    }

    pub(super) fn is_asked(&mut self, now: Instant) {
        self.asked = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Until when systemd waits, if it is asked whenever that is due.
    fn waits(budget: Duration, has_limit: bool, until: Duration) -> Duration {
        let start = Instant::now();
        let mut leave = Leave::new(budget, start);
        let mut end = Duration::ZERO;
        let mut now = Duration::ZERO;
        while now < until {
            if let Some(more) = leave.due(has_limit, start + now) {
                leave.is_asked(start + now);
                end = end.max(now + more);
            }
            now += SECOND;
        }
        end
    }

    #[test]
    fn more_time_is_asked_for_up_to_the_budget_and_not_beyond() {
        assert_eq!(waits(300 * SECOND, true, 3600 * SECOND), 300 * SECOND);
        assert_eq!(waits(5 * SECOND, true, 3600 * SECOND), 5 * SECOND);
        assert_eq!(waits(300 * SECOND, true, 100 * SECOND), 120 * SECOND);
    }

    #[test]
    fn what_only_a_gate_holds_has_no_limit() {
        assert_eq!(waits(300 * SECOND, false, 3600 * SECOND), 3620 * SECOND);
    }
}
