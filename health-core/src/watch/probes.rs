//! One probe over time: how long it was in each status, and when it is time to remind somebody of it.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::flapping::next;
use super::history::Entered;
use crate::Status;

/// Between two lines about a probe that is not healthy.
const PAUSE: Duration = Duration::from_secs(5 * 60);

/// How long a probe was in each status since the start, by the monotonic clock, and how often it came to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeIn {
    healthy: Duration,
    degraded: Duration,
    unhealthy: Duration,
    entered: Entered,
}

impl TimeIn {
    /// The time spent in a status until now.
    #[must_use]
    pub fn spent(&self, status: Status) -> Duration {
        match status {
            Status::Healthy => self.healthy,
            Status::Degraded => self.degraded,
            Status::Unhealthy => self.unhealthy,
        }
    }

    /// How often the probe came to a status since the start; the status it started with does not count.
    #[must_use]
    pub fn times_entered(&self, status: Status) -> u64 {
        self.entered.of(Ok(status))
    }

    fn add(&mut self, status: Status, time: Duration) {
        let spent = match status {
            Status::Healthy => &mut self.healthy,
            Status::Degraded => &mut self.degraded,
            Status::Unhealthy => &mut self.unhealthy,
        };
        *spent = spent.saturating_add(time);
    }
}

/// A probe, fed with its changes. Time is handed in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// Until `changed`.
    time_in: TimeIn,
    status: Status,
    changed: Instant,
    trouble: Option<Trouble>,
}

#[derive(Clone, Copy, Debug)]
struct Trouble {
    since: SystemTime,
    remind: Instant,
}

impl Course {
    pub(super) fn begins(status: Status, now: Instant, at: SystemTime) -> Self {
        let mut course = Self { time_in: TimeIn::default(), status, changed: now, trouble: None };
        course.settle(now, at);
        course
    }

    pub(super) fn changes(&mut self, to: Status, now: Instant, at: SystemTime) {
        self.time_in = self.time_in(now);
        self.time_in.entered.count(Ok(to));
        (self.status, self.changed) = (to, self.changed.max(now));
        self.settle(now, at);
    }

    fn settle(&mut self, now: Instant, at: SystemTime) {
        let begins = || Trouble { since: at, remind: now + PAUSE };
        // From bad to worse is the same trouble.
        self.trouble = (!self.status.is_healthy()).then(|| self.trouble.unwrap_or_else(begins));
    }

    pub(super) fn time_in(&self, now: Instant) -> TimeIn {
        let mut time_in = self.time_in;
        time_in.add(self.status, now.saturating_duration_since(self.changed));
        time_in
    }

    /// Whether it is time to remind somebody, which is then done.
    pub(super) fn take_due(&mut self, now: Instant) -> bool {
        let due = self.trouble.as_mut().filter(|trouble| trouble.remind <= now);
        due.map(|trouble| trouble.remind = next(trouble.remind, PAUSE, now)).is_some()
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.trouble.map(|trouble| trouble.remind)
    }

    /// Since when it is not healthy.
    pub(super) fn in_trouble_since(&self) -> Option<SystemTime> {
        self.trouble.map(|trouble| trouble.since)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn from_bad_to_worse_is_the_same_trouble() {
        let (start, at) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let mut probe = Course::begins(Status::Healthy, start, at);
        assert_eq!(probe.next_due(), None);
        probe.changes(Status::Degraded, start + MINUTE, at + MINUTE);
        probe.changes(Status::Unhealthy, start + 3 * MINUTE, at + 3 * MINUTE);
        assert_eq!(probe.in_trouble_since(), Some(at + MINUTE));
        assert!(!probe.take_due(start + 6 * MINUTE - Duration::from_nanos(1)));
        assert!(probe.take_due(start + 6 * MINUTE) && !probe.take_due(start + 6 * MINUTE));
        // Late by a bit, and on the same beat again.
        assert!(probe.take_due(start + 12 * MINUTE));
        assert_eq!(probe.next_due(), Some(start + 16 * MINUTE));
        // Away for hours, and one line.
        assert!(probe.take_due(start + 500 * MINUTE) && !probe.take_due(start + 504 * MINUTE));
        probe.changes(Status::Healthy, start + 504 * MINUTE, at);
        assert_eq!((probe.next_due(), probe.take_due(start + 999 * MINUTE)), (None, false));
        probe.changes(Status::Degraded, start + 999 * MINUTE, at + 999 * MINUTE);
        assert_eq!(probe.in_trouble_since(), Some(at + 999 * MINUTE));
    }

    proptest! {
        #[test]
        fn the_times_add_up_to_all_of_it(steps in prop::collection::vec((0_u64..1000, 0_usize..3), 0..40)) {
            let start = Instant::now();
            let mut now = start;
            let mut spent = [Duration::ZERO; 3];
            let mut entered = [0; 3];
            let mut status = Status::Unhealthy;
            let mut probe = Course::begins(status, now, SystemTime::now());
            for (seconds, to) in steps {
                now += Duration::from_secs(seconds);
                spent[status as usize] += Duration::from_secs(seconds);
                // Reading changes nothing.
                prop_assert_eq!(probe.time_in(now).spent(status), spent[status as usize]);
                status = Status::ALL[to];
                entered[to] += 1;
                probe.changes(status, now, SystemTime::now());
            }
            let read = probe.time_in(now);
            prop_assert_eq!(Status::ALL.map(|status| read.spent(status)), spent);
            prop_assert_eq!(Status::ALL.map(|status| read.times_entered(status)), entered);
            prop_assert_eq!(spent.iter().sum::<Duration>(), now - start);
        }
    }
}
