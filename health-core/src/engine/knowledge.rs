//! What is known about a check at one moment, and how long it may be used.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::observation::Observation;
use crate::spec::Timing;
use crate::{Status, Unknown};

/// What is known about a check at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knowledge {
    pub(crate) last: Option<Arc<Observation>>,
    /// What thresholds make of the last observations.
    pub(crate) held: Option<Status>,
    /// The stamp of the last observation that was no worse than what is held.
    pub(crate) supported: Option<Instant>,
    pub(crate) since: Option<SystemTime>,
    pub(crate) last_success: Option<SystemTime>,
    pub(crate) last_failure: Option<SystemTime>,
    /// The last observation is of a run that is still in flight, past its timeout.
    pub(crate) overstayed: bool,
    /// Nobody refreshes it and nobody has asked: what has expired keeps its weight for whoever just looks.
    pub(crate) unasked: bool,
    /// How long the last run was queued, if that was longer than its timeout.
    pub(crate) queued: Option<Duration>,
    pub(crate) muted: Option<Arc<Mute>>,
}

/// A mute that somebody ordered.
#[derive(Debug)]
pub(crate) struct Mute {
    pub(crate) until: Instant,
    /// The same moment for people.
    pub(crate) until_at: SystemTime,
    pub(crate) reason: Arc<str>,
}

impl Knowledge {
    /// The status as it is held, thresholds applied; or why there is none.
    pub(crate) fn status(&self, now: Instant, timing: &Timing) -> Result<Status, Unknown> {
        let Some(last) = &self.last else { return Err(Unknown::Pending) };
        if !self.is_usable(now, timing) {
            return Err(Unknown::Stale);
        }
        let held = self.held.unwrap_or(last.status);
        // A threshold holds the milder status for a bounded time: no longer than what supports it is usable.
        let has_support = self.supported.is_some_and(|stamp| is_within(stamp, now, timing.max_age));
        Ok(if held < last.status && !has_support { last.status } else { held })
    }

    /// Whether the last observation may still be used.
    pub(crate) fn is_usable(&self, now: Instant, timing: &Timing) -> bool {
        // While the run that was observed as timed out goes on, "timed out" is the newest thing there is to know.
        self.overstayed || self.last.as_ref().is_some_and(|last| is_within(last.began, now, timing.max_age))
    }

    /// Whether thresholds hold what the last observation said.
    pub(crate) fn is_settled(&self) -> bool {
        self.held == self.last.as_ref().map(|last| last.status)
    }

    /// Until when the status stays what it is if nothing more is observed; `None` for as long as it takes.
    pub(crate) fn valid_until(&self, timing: &Timing) -> Option<Instant> {
        self.ends(timing).min()
    }

    /// The same of what nobody can ask for: once it has expired it stays what it is until something is reported.
    pub(crate) fn stands_until(&self, now: Instant, timing: &Timing) -> Option<Instant> {
        self.ends(timing).filter(|end| now <= *end).min()
    }

    /// When the last observation can be used no longer, and when nothing supports what is held any more.
    fn ends(&self, timing: &Timing) -> impl Iterator<Item = Instant> + use<> {
        let last = self.last.as_ref();
        let is_held_up = last.is_some_and(|last| self.held.is_some_and(|held| held < last.status));
        let support = self.supported.filter(|_| is_held_up);
        let own = last.map(|last| last.began).filter(|_| !self.overstayed);
        let max_age = timing.max_age;
        support.into_iter().chain(own).map(move |stamp| stamp + max_age)
    }

    /// Until when a poll takes it as it is, which is at least `floor` after the end of the last run; `None` if there is
    /// nothing to take.
    pub(crate) fn fresh_until(&self, timing: &Timing, floor: Duration) -> Option<Instant> {
        let last = self.last.as_ref()?;
        // From the end, so that even a slow check has a rest between two runs that are asked for.
        let rested = if floor.is_zero() { Duration::ZERO } else { last.duration.saturating_add(floor) };
        Some(last.began + timing.cache.max(rested).min(timing.max_age))
    }

    pub(crate) fn is_muted(&self, now: Instant) -> bool {
        self.muted.as_ref().is_some_and(|mute| now < mute.until)
    }
}

fn is_within(stamp: Instant, now: Instant, max_age: Duration) -> bool {
    now.saturating_duration_since(stamp) <= max_age
}
