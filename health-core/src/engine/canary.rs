//! A check with both: real traffic that reports, and a run for when there is none.

use std::time::Duration;

use tokio::time::Instant;

use super::observation::{Evidence, Observation};
use crate::Status;
use crate::spec::Timing;

/// What the engine remembers of a canary.
#[derive(Debug, Default)]
pub(super) struct Canary {
    last_active: Option<Instant>,
    /// How long to wait for traffic this time.
    patience: Duration,
    last_good: Option<Instant>,
    /// The last active run was unhealthy: only another active run restores it.
    has_failed: bool,
    /// A success that was reported while an active run was in flight. If that run fails, it is not heard.
    waiting: Option<Observation>,
}

/// What is to be done with what traffic reported.
pub(super) enum Heard {
    Now(Observation),
    /// After the active run, or not at all.
    Later,
}

impl Canary {
    /// When the last active run began.
    pub(super) fn last_active(&self) -> Option<Instant> {
        self.last_active
    }

    /// When the next active run is due.
    pub(super) fn due(&self, timing: &Timing) -> Option<Instant> {
        let active = self.last_active?;
        let good = self.last_good.filter(|_| !self.has_failed);
        let patient = good.map_or(active, |good| good.max(active)) + self.patience;
        Some(patient.min(self.latest(timing)?))
    }

    /// Until when the next active run is put off at most, whatever is reported.
    pub(super) fn latest(&self, timing: &Timing) -> Option<Instant> {
        Some(self.last_active? + timing.max_age)
    }

    /// What was reported while an active run is under way.
    pub(super) fn waiting(&self) -> Option<&Observation> {
        self.waiting.as_ref()
    }

    pub(super) fn reported(&mut self, observation: Observation, is_running: bool) -> Heard {
        if observation.status == Status::Unhealthy {
            // What was reported before it is not heard after it.
            self.waiting = None;
            return Heard::Now(observation);
        }
        if self.has_failed {
            return Heard::Later;
        }
        if observation.evidence == Evidence::Work {
            self.last_good = self.last_good.max(Some(observation.began));
        }
        if is_running {
            if self.waiting.as_ref().is_none_or(|waiting| waiting.said <= observation.said) {
                self.waiting = Some(observation);
            }
            return Heard::Later;
        }
        Heard::Now(observation)
    }

    /// An active run that began then has ended so; what traffic reported meanwhile, if that may still be heard.
    pub(super) fn ran(&mut self, began: Instant, status: Status, timing: &Timing) -> Option<Observation> {
        let idle = timing.idle.unwrap_or_default();
        // Instances that were started together do not stay together.
        self.patience = match self.last_active.replace(began) {
            None => idle.mul_f64(1.0 - fastrand::f64()),
            Some(_) => idle.mul_f64(0.9 + 0.2 * fastrand::f64()),
        };
        // The run has to be over before what it follows is stale.
        self.patience = self.patience.min(timing.max_age.saturating_sub(timing.timeout));
        self.has_failed = status == Status::Unhealthy;
        self.waiting.take().filter(|_| !self.has_failed)
    }
}
