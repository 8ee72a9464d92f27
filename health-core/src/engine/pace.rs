//! When a check is next run by the engine itself.

use std::time::Duration;

use tokio::time::Instant;

use crate::spec::Timing;

/// How soon a check is asked again while its raw and its held status differ.
const SETTLING: Duration = Duration::from_secs(1);
/// The part of a period by which a run may come early or late.
const JITTER: f64 = 0.1;

/// When a check is next run by the engine itself.
///
/// Regular runs follow a grid that is laid once, so the period is kept on average whatever the jitter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The next point of the grid.
    anchor: Instant,
    due: Option<Instant>,
    /// What is due next is not of the grid: a check that has not settled, or one that backs off.
    is_off_grid: bool,
}

/// What the pace depends on after an observation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// Raw and held differ.
    pub(super) is_settling: bool,
    /// How many runs in a row were unhealthy.
    pub(super) failures: u32,
    /// It was no run that was observed, but what the application reported.
    pub(super) is_reported: bool,
}

impl Pace {
    /// The first run is at the start, the second anywhere within one interval after it.
    pub(super) fn starting(now: Instant, timing: &Timing) -> Self {
        let due = grid(timing).map(|interval| now + interval.mul_f64(1.0 - fastrand::f64()));
        Self { anchor: due.unwrap_or(now), due, is_off_grid: false }
    }

    pub(super) fn due(self) -> Option<Instant> {
        self.due
    }

    /// Whether what was due before stays due after an observation, as it nearly always does.
    pub(super) fn stays(self, began: Instant, course: Course, timing: &Timing) -> bool {
        let is_calm = !self.is_off_grid && !course.is_settling && course.failures == 0;
        is_calm && self.due.is_none_or(|due| due <= latest(began, timing))
    }

    /// A run is due now: from here on it is the next one that is.
    pub(super) fn comes_round(&mut self, now: Instant, timing: &Timing) {
        self.is_off_grid = false;
        let Some(interval) = grid(timing) else {
            self.due = None;
            return;
        };
        // A run that was due for another reason leaves the grid as it is.
        if self.anchor <= now + interval.mul_f64(JITTER) {
            // Points that were slept through are gone.
            let missed = now.saturating_duration_since(self.anchor).as_nanos() / interval.as_nanos().max(1);
            let steps = u32::try_from(missed).unwrap_or(u32::MAX).saturating_add(1);
            self.anchor = self.anchor.checked_add(interval.saturating_mul(steps)).unwrap_or(now + interval);
        }
        self.due = Some(self.on_grid(now, interval));
    }

    /// A run has been observed.
    pub(super) fn observed(&mut self, began: Instant, now: Instant, course: Course, timing: &Timing) {
        // The first pause is the interval, which the grid keeps: what fails everywhere at once is not asked again at once.
        let backoff = timing.interval.zip(timing.backoff).filter(|_| course.failures > 1);
        if course.is_settling {
            let soon = jittered(now + SETTLING, SETTLING);
            let sooner = if course.is_reported {
                // However often something is reported, that does not put off the run that would settle it.
                self.due.filter(|due| *due > now)
            } else {
                grid(timing).map(|interval| self.on_grid(now, interval))
            };
            self.due = Some(sooner.map_or(soon, |due| due.min(soon)));
        } else if let Some((interval, ceiling)) = backoff {
            let doublings = 2_u32.saturating_pow(course.failures - 1);
            let pause = interval.saturating_mul(doublings).min(ceiling);
            self.due = Some(jittered(began + pause, pause).max(now));
        } else if self.is_off_grid {
            self.due = grid(timing).map(|interval| self.on_grid(now, interval));
            self.is_off_grid = false;
            return;
        } else {
            return;
        }
        self.is_off_grid = true;
    }

    fn on_grid(self, now: Instant, interval: Duration) -> Instant {
        let due = jittered(self.anchor, interval);
        if due > now { due } else { self.anchor.max(now) }
    }
}

/// The period of the grid. A canary has none: it follows its traffic.
fn grid(timing: &Timing) -> Option<Duration> {
    timing.interval.filter(|_| timing.idle.is_none())
}

/// When the next run has to begin for its observation to be there before the one of this run is stale.
fn latest(began: Instant, timing: &Timing) -> Instant {
    began + timing.max_age.saturating_sub(timing.timeout)
}

fn jittered(at: Instant, period: Duration) -> Instant {
    let early = period.mul_f64(JITTER);
    // Never before the clock began.
    at.checked_sub(early).unwrap_or(at) + early.mul_f64(2.0 * fastrand::f64())
}
