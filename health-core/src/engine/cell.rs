//! One check: its last observation, and at most one run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::log;
use super::observation::{Beginning, Observation};
use super::round::Waiter;
use super::signal::Signal;
use crate::Status;
use crate::assembly::Check;

/// One check of a running engine.
pub(super) struct Cell {
    pub(super) check: Arc<Check>,
    state: Mutex<State>,
    /// Told when the status of the check has changed.
    changed: Arc<Signal>,
}

#[derive(Default)]
struct State {
    last: Option<Arc<Observation>>,
    /// When the status became what it is, and when the check was last well.
    since: Option<SystemTime>,
    last_success: Option<SystemTime>,
    /// The run that is in flight.
    run: Option<Run>,
    runs_begun: u64,
    waiters: Vec<Arc<Waiter>>,
}

struct Run {
    id: RunId,
    /// `None` while it is queued: its timeout counts from its start.
    beginning: Option<Beginning>,
    /// Its observation has been made: it is past its timeout, and its late end will be discarded.
    overstayed: bool,
    abort: Option<AbortHandle>,
}

/// Tells the runs of one check apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RunId(u64);

/// What a poll finds that wants a new observation.
pub(super) enum Joined {
    /// No run was in flight: the poll has to begin this one, and waits for it.
    Begin(RunId),
    /// It waits for the run in flight.
    Waits,
    /// The run in flight is past its timeout; what is known already says so.
    Known,
}

/// What is known about a check at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knowledge {
    pub(crate) last: Option<Arc<Observation>>,
    pub(crate) since: Option<SystemTime>,
    pub(crate) last_success: Option<SystemTime>,
    /// The last observation is of a run that is still in flight, past its timeout.
    pub(crate) overstayed: bool,
}

impl Knowledge {
    /// Whether the last observation may still be used.
    pub(crate) fn is_usable(&self, now: Instant, max_age: Duration) -> bool {
        // Stamped with its beginning; a run that took longer than that would else be too old when it ends.
        let age = |last: &Arc<Observation>| now.saturating_duration_since(last.began);
        let is_fresh = |last: &Arc<Observation>| {
            age(last) <= max_age || (last.duration > max_age && age(last) <= max_age + last.duration)
        };
        // While the run that was observed as timed out goes on, "timed out" is the newest thing there is to know.
        self.overstayed || self.last.as_ref().is_some_and(is_fresh)
    }
}

impl Cell {
    pub(super) fn new(check: Arc<Check>, changed: Arc<Signal>) -> Self {
        Self { check, state: Mutex::default(), changed }
    }

    /// Nothing that can panic runs under the lock, so what it guards is whole even if it were poisoned.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn knowledge(&self) -> Knowledge {
        let state = self.state();
        Knowledge {
            last: state.last.clone(),
            since: state.since,
            last_success: state.last_success,
            overstayed: state.run.as_ref().is_some_and(|run| run.overstayed),
        }
    }

    /// Joins the run in flight, or claims the next one, with or without somebody who waits for its end.
    pub(super) fn join(&self, waiter: Option<&Arc<Waiter>>) -> Joined {
        let mut state = self.state();
        let joined = match &state.run {
            Some(run) if run.overstayed => return Joined::Known,
            Some(run) if run.is_overdue(self.limit()) => {
                let id = run.id;
                drop(state);
                self.overstays(id);
                return Joined::Known;
            }
            Some(_) => Joined::Waits,
            None => {
                state.runs_begun += 1;
                let id = RunId(state.runs_begun);
                state.run = Some(Run { id, beginning: None, overstayed: false, abort: None });
                Joined::Begin(id)
            }
        };
        if let Some(waiter) = waiter {
            waiter.expect_one();
            state.waiters.push(Arc::clone(waiter));
        }
        joined
    }

    /// The poll is over; whatever it still waited for is no business of its any more.
    pub(super) fn leave(&self, waiter: &Arc<Waiter>) {
        self.state().waiters.retain(|other| !Arc::ptr_eq(other, waiter));
    }

    pub(super) fn set_abort(&self, id: RunId, abort: AbortHandle) {
        if let Some(run) = self.state().run.as_mut().filter(|run| run.id == id) {
            run.abort = Some(abort);
        }
    }

    pub(super) fn begins(&self, id: RunId) -> Beginning {
        let beginning = Beginning::now();
        if let Some(run) = self.state().run.as_mut().filter(|run| run.id == id) {
            run.beginning = Some(beginning);
        }
        beginning
    }

    /// The run has ended and says this; discarded if its timeout was observed before.
    pub(super) fn ends(&self, id: RunId, observation: Observation) {
        let mut state = self.state();
        match state.run.take_if(|run| run.id == id) {
            // A run that never yielded could not be cut off; that it came to an end makes it no better.
            Some(Run { overstayed: false, beginning: Some(beginning), .. })
                if observation.duration > self.limit() =>
            {
                self.record(state, beginning.timed_out(self.limit()));
            }
            Some(run) if !run.overstayed => self.record(state, observation),
            _ => {}
        }
    }

    /// The run is past its timeout and may still be going on.
    pub(super) fn overstays(&self, id: RunId) {
        let mut state = self.state();
        let Some(run) = state.run.as_mut().filter(|run| run.id == id && !run.overstayed) else { return };
        let Some(beginning) = run.beginning else { return };
        run.overstayed = true;
        self.record(state, beginning.timed_out(self.limit()));
    }

    /// The run was dropped before it could say anything, as when its runtime shuts down.
    pub(super) fn is_lost(&self, id: RunId) {
        let mut state = self.state();
        if state.run.take_if(|run| run.id == id).is_some() {
            let wakes = Wakes(std::mem::take(&mut state.waiters));
            drop(state);
            drop(wakes);
        }
    }

    /// A run that blocks its thread cannot notice its own timeout; whoever asks notices it instead.
    pub(super) fn settle_overdue(&self) {
        let overdue = self.state().run.as_ref().filter(|run| run.is_overdue(self.limit())).map(|run| run.id);
        if let Some(id) = overdue {
            self.overstays(id);
        }
    }

    /// Whether the engine has stopped, so that nothing may begin any more.
    pub(super) fn is_stopped(&self) -> bool {
        self.changed.is_stopped()
    }

    pub(super) fn abort(&self) {
        if let Some(abort) = self.state().run.as_ref().and_then(|run| run.abort.as_ref()) {
            abort.abort();
        }
    }

    fn limit(&self) -> Duration {
        self.check.spec.limit()
    }

    fn record(&self, mut state: MutexGuard<'_, State>, observation: Observation) {
        let was = state.last.as_ref().map(|before| before.status);
        if observation.status.is_healthy() {
            state.last_success = Some(observation.at);
        }
        if was == Some(Status::Healthy) && observation.status.is_healthy() {
            // The steady case: nobody to tell but those who wait, and nothing is allocated unless a report still
            // shows the observation before.
            match state.last.as_mut().and_then(Arc::get_mut) {
                Some(before) => *before = observation,
                None => state.last = Some(Arc::new(observation)),
            }
            let wakes = Wakes(std::mem::take(&mut state.waiters));
            drop(state);
            return drop(wakes);
        }
        let observation = Arc::new(observation);
        let before = state.last.replace(Arc::clone(&observation));
        let has_changed = was != Some(observation.status);
        if has_changed {
            state.since = Some(observation.at);
        }
        // Dropped last, so that whoever waited finds the line in the log; dropped also when a subscriber panics.
        let _wakes = Wakes(std::mem::take(&mut state.waiters));
        drop(state);
        if has_changed {
            self.changed.raise();
        }
        match before {
            Some(before) if !has_changed => log::cause_changed(&self.check.spec, &before, &observation),
            _ => {
                log::check_changed(&self.check.spec, was, &observation);
            }
        }
    }
}

/// Those who waited for a run, told of its end when this is dropped: never under the lock, since a waker is foreign code.
struct Wakes(Vec<Arc<Waiter>>);

impl Drop for Wakes {
    fn drop(&mut self) {
        self.0.iter().for_each(|waiter| waiter.one_ended());
    }
}

impl Run {
    fn is_overdue(&self, limit: Duration) -> bool {
        !self.overstayed && self.beginning.is_some_and(|beginning| beginning.began.elapsed() > limit)
    }
}
