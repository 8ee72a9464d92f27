//! What is remembered of one check.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Change, Transition};
use crate::{Status, Unknown};

/// How many transitions of a check are remembered.
const REMEMBERED: usize = 32;

/// The past of one check.
#[derive(Clone, Debug)]
pub struct History {
    pub(crate) last_success: Option<SystemTime>,
    pub(crate) last_failure: Option<SystemTime>,
    pub(crate) since: Option<SystemTime>,
    pub(crate) flips: Flips,
}

impl History {
    /// When it was last observed healthy by a run, or real work was last reported to have succeeded: to be
    /// [idle](crate::Reporter::idle) is no success.
    #[must_use]
    pub fn last_success(&self) -> Option<SystemTime> {
        self.last_success
    }

    /// When it was last observed unhealthy.
    #[must_use]
    pub fn last_failure(&self) -> Option<SystemTime> {
        self.last_failure
    }

    /// Since when its status is what it is.
    #[must_use]
    pub fn since(&self) -> Option<SystemTime> {
        self.since
    }

    /// Its last 32 transitions, oldest first, none of them merged.
    #[must_use]
    pub fn transitions(&self) -> &[Transition] {
        &self.flips.last
    }

    /// How often it came to a status since the start, its first observation included; for [`Unknown`], how often it
    /// became unknown.
    #[must_use]
    pub fn times_entered(&self, status: Result<Status, Unknown>) -> u64 {
        self.flips.entered.of(status)
    }
}

/// What the journal knows of a check.
#[derive(Clone, Debug)]
pub(crate) struct Flips {
    pub(super) last: Vec<Transition>,
    pub(super) entered: Entered,
}

/// How often each status was entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entered {
    healthy: u64,
    degraded: u64,
    unhealthy: u64,
    unknown: u64,
}

impl Entered {
    pub(super) fn count(&mut self, status: Result<Status, Unknown>) {
        let counter = match status {
            Ok(Status::Healthy) => &mut self.healthy,
            Ok(Status::Degraded) => &mut self.degraded,
            Ok(Status::Unhealthy) => &mut self.unhealthy,
            Err(_) => &mut self.unknown,
        };
        *counter += 1;
    }

    pub(super) fn of(&self, status: Result<Status, Unknown>) -> u64 {
        match status {
            Ok(Status::Healthy) => self.healthy,
            Ok(Status::Degraded) => self.degraded,
            Ok(Status::Unhealthy) => self.unhealthy,
            Err(_) => self.unknown,
        }
    }
}

/// The last transitions of a check, without its name: ten thousand checks that were observed once cost little.
#[derive(Debug, Default)]
pub(super) struct Ring(VecDeque<Flip>);

#[derive(Clone, Debug)]
pub(super) struct Flip {
    pub(super) sequence: u64,
    pub(super) at: SystemTime,
    pub(super) from: Result<Status, Unknown>,
    pub(super) to: Result<Status, Unknown>,
    pub(super) summary: Option<Arc<str>>,
}

impl Flip {
    pub(super) fn of(&self, name: Arc<str>) -> Transition {
        let Self { sequence, at, from, to, ref summary } = *self;
        let change = Change::Check { name, from, to, summary: summary.clone() };
        Transition { sequence, at, missed: 0, change }
    }
}

impl Ring {
    pub(super) fn push(&mut self, flip: Flip) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        if self.0.is_empty() {
            // Most checks are observed healthy once and never flip.
            self.0.reserve_exact(1);
        }
        self.0.push_back(flip);
    }

    pub(super) fn transitions(&self, name: &Arc<str>) -> Vec<Transition> {
        self.0.iter().map(|flip| flip.of(Arc::clone(name))).collect()
    }
}

#[cfg(test)]
impl Ring {
    pub(super) fn heap(&self) -> usize {
        self.0.capacity() * size_of::<Flip>()
    }
}
