//! One check: what is known about it, and at most one run.

use std::sync::Arc;
use std::time::Duration;

use futures::future::AbortHandle;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::canary::Canary;
use super::counts::Runs;
use super::knowledge::Knowledge;
use super::observation::{Beginning, Observation};
use super::pace::Pace;
use super::pulse::LATE;
use super::queue::Permit;
use super::round::Waiter;
use super::shared::Shared;
use super::thresholds::Held;
use super::vigil::Stamp;
use crate::Status;
use crate::Unknown;
use crate::assembly::Check;
use crate::spec::Timing;
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// One check of a running engine.
pub(crate) struct Cell {
    pub(super) check: Arc<Check>,
    /// Its place in the plan.
    pub(super) index: usize,
    pub(super) shared: Arc<Shared>,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) known: Knowledge,
    pub(super) held: Held,
    /// What the journal was last told.
    pub(super) told: Option<Result<Status, Unknown>>,
    pub(super) run: Option<Run>,
    runs_begun: u64,
    pub(super) runs: Runs,
    /// The last run was begun by a poll.
    pub(super) was_asked: bool,
    /// One poller is the rule.
    pub(super) waiters: SmallVec<[Arc<Waiter>; 1]>,
    pub(super) pace: Pace,
    /// How many runs in a row were unhealthy.
    pub(super) failures: u32,
    pub(super) canary: Option<Box<Canary>>,
    /// When the agenda comes to its next run; other items for it are out of date.
    pub(super) noted_run: Option<Instant>,
    /// The agenda has an item that looks whether what is known has expired.
    pub(super) expiry_is_noted: bool,
}

pub(super) struct Run {
    pub(super) id: RunId,
    claimed: Instant,
    /// `None` while it is queued: its timeout counts from its start.
    beginning: Option<(Beginning, Stamp)>,
    /// The process was paused during it, and its time has begun again since: what it says will not be heard.
    is_spoilt: bool,
    /// Its observation has been made: it is past its timeout, and its late end will be discarded.
    pub(super) overstayed: bool,
    /// Given back when the run ends or overstays.
    permit: Option<Permit>,
    abort: Option<AbortHandle>,
}

impl Run {
    /// It has begun and has not been observed.
    pub(super) fn is_under_way(&self) -> bool {
        self.beginning.is_some() && !self.overstayed
    }
}

/// Tells the runs of one check apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RunId(u64);

/// Who wants a run.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// A poll, if what is known is older than the cache of the check allows and not of the last `floor`.
    ByPoll {
        waiter: &'a Arc<Waiter>,
        floor: Duration,
    },
    ByEngine,
}

/// What somebody who wants a new observation finds.
pub(super) enum Joined {
    /// No run was in flight: this one has to be begun.
    Begin(RunId),
    /// There is a run in flight to wait for.
    Waits,
    /// There is nothing to wait for: what is known already says all.
    Known,
}

/// When what has changed is said. Whoever logs and observes is foreign code and may take its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saying {
    Now,
    /// By somebody else.
    Later,
}

/// What becomes of a run that has come to an end.
pub(super) enum Verdict {
    /// It was heard, or it was past its timeout before. The permit is free, if it was not given back before.
    Done(Option<Permit>),
    /// The process was paused during it: nothing was observed, and it is to be begun anew.
    Again,
}

impl Cell {
    pub(super) fn new(check: Arc<Check>, index: usize, shared: Arc<Shared>) -> Self {
        let state = State {
            known: Knowledge { unasked: check.timing.interval.is_none(), ..Knowledge::default() },
            held: Held::default(),
            told: None,
            run: None,
            runs_begun: 0,
            runs: Runs::default(),
            was_asked: false,
            waiters: SmallVec::new(),
            pace: Pace::starting(Instant::now(), &check.timing),
            failures: 0,
            canary: check.timing.idle.map(|_| Box::default()),
            noted_run: None,
            expiry_is_noted: false,
        };
        Self { check, index, shared, state: Mutex::new(state) }
    }

    /// Nothing that can panic runs under the lock, so what it guards is whole even if it were poisoned.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn timing(&self) -> &Timing {
        &self.check.timing
    }

    pub(crate) fn knowledge(&self) -> Knowledge {
        let state = self.state();
        let run = state.run.as_ref();
        let mut known = state.known.clone();
        known.overstayed = run.is_some_and(|run| run.overstayed);
        known.unasked &= run.is_none();
        known
    }

    /// How its runs have ended so far.
    pub(crate) fn runs(&self) -> Runs {
        self.state().runs
    }

    /// Joins the run in flight, or claims the next one.
    pub(super) fn join(&self, wanted: Wanted<'_>, now: Instant) -> Joined {
        if self.check.runner.is_none() {
            return Joined::Known;
        }
        let mut state = self.state();
        let is_fresh =
            |floor| state.known.fresh_until(self.timing(), floor).is_some_and(|until| now <= until);
        if matches!(wanted, Wanted::ByPoll { floor, .. } if is_fresh(floor)) {
            return Joined::Known;
        }
        let joined = match &state.run {
            Some(run) if run.overstayed => return Joined::Known,
            Some(run) if self.is_overdue(run) => {
                let id = run.id;
                drop(state);
                return match self.overstays(id) {
                    Verdict::Done(_) => Joined::Known,
                    // It has its time again.
                    Verdict::Again => self.join(wanted, now),
                };
            }
            Some(_) => Joined::Waits,
            None => {
                let begins = Joined::Begin(state.claim(matches!(wanted, Wanted::ByPoll { .. }), now));
                if state.known.unasked && !state.known.is_usable(now, self.timing()) {
                    // It has expired and was asked for just now: those who only look let it weigh until here.
                    self.shared.signal.outdate();
                }
                begins
            }
        };
        if let Wanted::ByPoll { waiter, .. } = wanted {
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

    /// The run begins, with the permit if it is not begun anew; says when. The clock of its turn may have been read before
    /// it was claimed, but nothing that is known by now is stamped later than it.
    pub(super) fn begins(
        &self,
        id: RunId,
        (beginning, stamp): (Beginning, Stamp),
        permit: Option<Permit>,
    ) -> Beginning {
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(run) = state.run.as_mut().filter(|run| run.id == id) else { return beginning };
        let known = state.known.last.as_ref().map_or(run.claimed, |last| last.began.max(run.claimed));
        let beginning = beginning.later(known.max(beginning.began));
        let queued = (beginning.began.saturating_duration_since(run.claimed), run.beginning.is_none());
        run.beginning = Some((beginning, stamp));
        run.is_spoilt = false;
        run.permit = permit.or(run.permit.take());
        if let (queued, true) = queued {
            let queued = Some(queued).filter(|queued| *queued > self.timing().timeout);
            if queued.is_some() {
                self.shared.signal.queued_too_long();
            }
            if std::mem::replace(&mut state.known.queued, queued) != queued {
                self.shared.signal.outdate();
            }
        }
        beginning
    }

    /// The run has ended and says this; discarded if its timeout was observed before.
    pub(super) fn ends(&self, id: RunId, observation: Observation) -> Verdict {
        let mut state = self.state();
        let Some(run) = state.run.as_ref().filter(|run| run.id == id) else { return Verdict::Done(None) };
        if run.overstayed {
            state.run = None;
            self.grows_old(&mut state);
            drop(state);
            // Its timeout was the newest there was to know.
            self.shared.signal.outdate();
            return Verdict::Done(None);
        }
        // Nothing that took less can have been paused for so long.
        if observation.duration >= LATE && self.was_paused(run) {
            return Verdict::Again;
        }
        let beginning = run.beginning.map(|(beginning, _)| beginning);
        let ended = state.run.take();
        let limit = self.timing().timeout;
        match beginning {
            // A run that never yielded could not be cut off; that it came to an end makes it no better.
            Some(beginning) if observation.duration > limit => {
                self.record_run(state, beginning.timed_out(limit));
            }
            _ => self.record_run(state, observation),
        }
        Verdict::Done(ended.and_then(|run| run.permit))
    }

    /// The run is past its timeout and may still be going on. After a pause it has its whole time again, as one that
    /// blocks cannot be begun anew.
    pub(super) fn overstays(&self, id: RunId) -> Verdict {
        let mut state = self.state();
        let limit = self.timing().timeout;
        let Some(run) = state.run.as_mut().filter(|run| run.id == id && !run.overstayed) else {
            return Verdict::Done(None);
        };
        let Some((beginning, stamp)) = run.beginning else { return Verdict::Done(None) };
        if self.was_paused_since(stamp) {
            run.beginning = Some((Beginning::now(), self.shared.vigil.stamp()));
            run.is_spoilt = true;
            return Verdict::Again;
        }
        if beginning.began.elapsed() < limit {
            // Its time has begun again since whoever watches it looked at the clock.
            return Verdict::Again;
        }
        run.overstayed = true;
        let permit = run.permit.take();
        self.record_run(state, beginning.timed_out(limit));
        Verdict::Done(permit)
    }

    /// The run was dropped before it could say anything, as when its runtime shuts down.
    pub(super) fn is_lost(&self, id: RunId) {
        let mut state = self.state();
        if let Some(run) = state.run.take_if(|run| run.id == id) {
            let wakes = Wakes(std::mem::take(&mut state.waiters));
            self.grows_old(&mut state);
            drop(state);
            self.shared.signal.outdate();
            drop((wakes, run));
        }
    }

    /// The run that is past its timeout and has not been observed to be. One that blocks its thread cannot notice it.
    pub(super) fn overdue(&self) -> Option<RunId> {
        self.state().run.as_ref().filter(|run| self.is_overdue(run)).map(|run| run.id)
    }

    /// Whoever looks notices in place of a run that it is past its timeout.
    pub(super) fn settle_overdue(&self) {
        if let Some(id) = self.overdue() {
            self.overstays(id);
        }
    }

    /// To be taken when a run begins, for the vigil to tell whether the process was paused since.
    pub(super) fn stamp(&self) -> Stamp {
        self.shared.vigil.arm();
        self.shared.vigil.stamp()
    }

    /// Whether the engine has stopped, so that nothing may begin any more.
    pub(super) fn is_stopped(&self) -> bool {
        self.shared.signal.is_stopped()
    }

    pub(super) fn abort(&self) {
        // Not under the lock: it wakes a task.
        let abort = self.state().run.as_ref().and_then(|run| run.abort.clone());
        if let Some(abort) = abort {
            abort.abort();
        }
    }

    fn is_overdue(&self, run: &Run) -> bool {
        let limit = self.timing().timeout;
        let is_past = |(beginning, _): (Beginning, Stamp)| beginning.began.elapsed() > limit;
        !run.overstayed && run.beginning.is_some_and(is_past)
    }

    fn was_paused(&self, run: &Run) -> bool {
        let is_since = |(_, stamp): (Beginning, Stamp)| self.was_paused_since(stamp);
        (run.is_spoilt && !self.is_stopped()) || run.beginning.is_some_and(is_since)
    }

    fn was_paused_since(&self, stamp: Stamp) -> bool {
        // Nobody keeps time for an engine that has stopped.
        !self.is_stopped() && self.shared.vigil.was_paused_since(stamp)
    }
}

impl State {
    fn claim(&mut self, by_poll: bool, now: Instant) -> RunId {
        self.runs_begun += 1;
        let id = RunId(self.runs_begun);
        self.was_asked = by_poll;
        self.run = Some(Run {
            id,
            claimed: now,
            beginning: None,
            is_spoilt: false,
            overstayed: false,
            permit: None,
            abort: None,
        });
        id
    }
}

/// Those who waited for a run, told of its end when this is dropped: never under the lock, since a waker is foreign code.
pub(super) struct Wakes(pub(super) SmallVec<[Arc<Waiter>; 1]>);

impl Drop for Wakes {
    fn drop(&mut self) {
        self.0.iter().for_each(|waiter| waiter.one_ended());
    }
}
