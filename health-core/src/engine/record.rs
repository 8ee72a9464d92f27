//! What an observation changes in a cell, and what the passing of time does.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use super::agenda::Item;
use super::canary::Heard;
use super::cell::{Cell, Joined, Run, RunId, Saying, State, Wakes, Wanted};
use super::knowledge::{Knowledge, Mute};
use super::observation::{Evidence, Observation};
use super::pace::Course;
use super::thresholds::{Held, Thresholds};
use crate::sync::MutexGuard;
use crate::watch::News;
use crate::{Outcome, Probe, ProbeSet, Status, Unknown};

impl Cell {
    /// A run came to this; whoever waited for it is told.
    pub(super) fn record_run(&self, mut state: MutexGuard<'_, State>, observation: Observation) {
        // Dropped last, so that whoever waited finds the line in the log; dropped also when a subscriber panics.
        let _wakes = Wakes(std::mem::take(&mut state.waiters));
        let (began, status) = (observation.began, observation.status);
        state.runs.count(&observation);
        state.failures = if status == Status::Unhealthy { state.failures.saturating_add(1) } else { 0 };
        let waiting = state.canary.as_mut().and_then(|canary| canary.ran(began, status, self.timing()));
        let mut has_news = self.take_in(&mut state, observation);
        if let Some(reported) = waiting {
            has_news |= self.take_in(&mut state, reported);
        }
        self.plan_next(&mut state, began, false);
        drop(state);
        self.tell(has_news, Saying::Now);
    }

    /// The application reports this; whether there is something to say.
    pub(crate) fn report(&self, observation: Observation, saying: Saying) -> bool {
        let mut state = self.state();
        let is_running = state.run.as_ref().is_some_and(Run::is_under_way);
        let heard = match state.canary.as_mut() {
            Some(canary) => canary.reported(observation, is_running),
            None => Heard::Now(observation),
        };
        let Heard::Now(observation) = heard else { return false };
        let began = observation.began;
        let has_news = self.take_in(&mut state, observation);
        if let Some(canary) = &state.canary {
            // However often failures are reported, they do not put off the run that could restore it.
            let ran = canary.last_active().unwrap_or(began);
            self.plan_next(&mut state, ran, true);
        }
        drop(state);
        self.tell(has_news, saying);
        has_news
    }

    /// Renews what was last said: its author says that it is still so.
    pub(crate) fn beat(&self) {
        let state = self.state();
        // What was said while a run is under way is newer than what was observed before.
        let waiting = state.canary.as_ref().and_then(|canary| canary.waiting());
        let last = waiting.or(state.known.last.as_deref()).cloned();
        drop(state);
        let alive = || Observation::reported(Ok(Outcome::healthy()), Evidence::Life);
        self.report(last.map_or_else(alive, Observation::renewed), Saying::Now);
    }

    /// Puts its second run and the first look at its age on the agenda.
    pub(super) fn is_scheduled(&self, started: Instant) {
        let mut state = self.state();
        state.expiry_is_noted = true;
        self.shared.agenda.add(started + self.timing().max_age + super::A_MOMENT, Item::Expiry(self.index));
        if let Some(due) = state.pace.due().filter(|_| self.check.runner.is_some() && self.goes_on()) {
            self.note_run(&mut state, due);
        }
    }

    /// Whether it is run after startup has passed.
    fn goes_on(&self) -> bool {
        self.check.spec.probes != ProbeSet::of(&[Probe::Startup])
    }

    /// The agenda has come to its run: claims it if it is due, and notes the next.
    pub(super) fn come_round(&self, at: Instant, now: Instant) -> Option<RunId> {
        let timing = self.timing();
        let mut state = self.state();
        if state.noted_run != Some(at) {
            return None;
        }
        state.noted_run = None;
        let due = self.next_due(&state)?;
        if due > now {
            self.note_run(&mut state, due);
            return None;
        }
        state.pace.comes_round(now, timing);
        if let Some(next) = state.pace.due() {
            self.note_run(&mut state, next);
        }
        // A poll that came just before has done the work already; a canary counts from its last run anyhow.
        let is_recent = |last: &Arc<Observation>| {
            let half = timing.interval.unwrap_or_default() / 2;
            now.saturating_duration_since(last.began) < half
        };
        let was_just_asked = state.canary.is_none()
            && state.was_asked
            && state.known.is_settled()
            && state.known.last.as_ref().is_some_and(is_recent);
        if was_just_asked {
            if let Some(next) = state.pace.due() {
                let next = self.in_time(&state, next);
                self.note_run(&mut state, next);
            }
            return None;
        }
        drop(state);
        match self.join(Wanted::ByEngine, now) {
            Joined::Begin(id) => Some(id),
            Joined::Waits | Joined::Known => None,
        }
    }

    /// Looks whether what is known has expired, or what supports the held status; when to look again.
    pub(super) fn expire(&self, now: Instant) -> Option<Instant> {
        let timing = self.timing();
        let mut state = self.state();
        let overstayed = state.run.as_ref().is_some_and(|run| run.overstayed);
        let mut known = state.known.clone();
        known.overstayed = overstayed;
        if let Some(until) = known.valid_until(timing).filter(|until| now <= *until) {
            return Some(until);
        }
        let has_news = match (known.status(now, timing), known.last) {
            (Err(Unknown::Stale), _) if self.is_kept_fresh() && state.told != Some(Err(Unknown::Stale)) => {
                state.known.since = Some(SystemTime::now());
                self.note(&mut state, Err(Unknown::Stale), None);
                true
            }
            (Ok(raw), Some(last)) if state.known.held.is_some_and(|held| held < raw) => {
                self.holds_only(&mut state, raw, last.began);
                state.known.since = Some(SystemTime::now());
                self.note(&mut state, Ok(raw), Some(last));
                true
            }
            _ => false,
        };
        // What is not held up any more may be usable for a while yet.
        known = Knowledge { overstayed, ..state.known.clone() };
        let next = known.valid_until(timing).filter(|until| now <= *until);
        state.expiry_is_noted = next.is_some();
        drop(state);
        // Also when there is nothing to tell: what is not observed yet may have a say from now on.
        self.shared.signal.raise();
        if has_news {
            self.shared.journal.say();
        }
        next
    }

    /// Nothing milder than the last observation is held any more.
    fn holds_only(&self, state: &mut State, raw: Status, began: Instant) {
        state.held = Held::default();
        state.held.observe(raw, self.thresholds());
        state.known.held = Some(raw);
        state.known.supported = Some(began);
    }

    /// There is no run in flight any more that would keep its timeout the newest thing to know: from here on that ages.
    pub(super) fn grows_old(&self, state: &mut State) {
        if state.expiry_is_noted || state.known.unasked {
            return;
        }
        if let Some(until) = state.known.valid_until(self.timing()) {
            state.expiry_is_noted = true;
            self.shared.agenda.add(until + super::A_MOMENT, Item::Expiry(self.index));
        }
    }

    /// Whether somebody sees to it that it does not grow old. Where nobody does, growing old is no news.
    fn is_kept_fresh(&self) -> bool {
        self.timing().interval.is_some() && self.goes_on()
    }

    /// Whether the application may report about it.
    pub(crate) fn hears_reports(&self) -> bool {
        self.check.runner.is_none() || self.timing().idle.is_some()
    }

    /// Noted under the lock, as its end is: what is told last is what is so.
    pub(super) fn mute(&self, mute: Arc<Mute>) {
        let mut state = self.state();
        let (until, reason) = (mute.until_at, Arc::clone(&mute.reason));
        state.known.muted = Some(mute);
        self.shared.note(News::Muted { check: self.index, until, reason });
    }

    /// Ends the mute if it is one that is meant; whether it was.
    pub(super) fn unmute(&self, is_meant: impl FnOnce(&Mute) -> bool) -> bool {
        let mut state = self.state();
        let ends = state.known.muted.take_if(|mute| is_meant(mute)).is_some();
        if ends {
            self.shared.note(News::Unmuted { check: self.index });
        }
        ends
    }

    /// Takes one observation in; whether there is something to tell.
    fn take_in(&self, state: &mut State, observation: Observation) -> bool {
        // What was stamped earlier never replaces what was stamped later.
        if state.known.last.as_ref().is_some_and(|last| last.said > observation.said) {
            return false;
        }
        let timing = self.timing();
        let raw = observation.status;
        let before = state.known.last.as_ref().map(|last| (last.status, last.began));
        if let Some((last, began)) = before {
            match state.known.status(observation.ended_at(), timing) {
                // The first after an absence counts at once, as the first of all does.
                Err(_) => state.held = Held::default(),
                Ok(status) if Some(status) != state.known.held => self.holds_only(state, last, began),
                Ok(_) => {}
            }
        }
        state.held.observe(raw, self.thresholds());
        let held = state.held.status();
        if held.is_some_and(|held| raw <= held) {
            state.known.supported = Some(observation.began);
        }
        state.known.held = held;
        match raw {
            Status::Healthy if observation.is_success() => state.known.last_success = Some(observation.at),
            Status::Unhealthy => state.known.last_failure = Some(observation.at),
            Status::Healthy | Status::Degraded => {}
        }
        if !std::mem::replace(&mut state.expiry_is_noted, true) && !state.known.unasked {
            self.shared.agenda.add(observation.began + timing.max_age, Item::Expiry(self.index));
        }
        let to = held.unwrap_or(raw);
        if state.told == Some(Ok(to)) && to.is_healthy() && raw.is_healthy() {
            // The steady case: nothing is allocated unless a report still shows the observation before.
            match state.known.last.as_mut().and_then(Arc::get_mut) {
                Some(before) => *before = observation,
                None => state.known.last = Some(Arc::new(observation)),
            }
            return false;
        }
        let observation = Arc::new(observation);
        let before = state.known.last.replace(Arc::clone(&observation));
        if state.told != Some(Ok(to)) {
            state.known.since = Some(observation.at);
            self.note(state, Ok(to), Some(observation));
            return true;
        }
        if let Some(before) = before.filter(|_| !to.is_healthy()) {
            let cause = News::Cause { check: self.index, before, now: observation };
            self.shared.note(cause);
            return true;
        }
        false
    }

    fn thresholds(&self) -> Thresholds {
        Thresholds { failure: self.timing().failure_threshold, success: self.timing().success_threshold }
    }

    fn plan_next(&self, state: &mut State, began: Instant, is_reported: bool) {
        if self.check.runner.is_none() || !self.goes_on() {
            return;
        }
        let timing = self.timing();
        let is_settling = !state.known.is_settled();
        let course = Course { is_settling, failures: state.failures, is_reported };
        if state.canary.is_none() && state.pace.stays(began, course, timing) {
            return;
        }
        state.pace.observed(began, Instant::now(), course, timing);
        if let Some(due) = self.next_due(state) {
            self.note_run(state, due);
        }
    }

    /// When the next run is due: a canary follows its traffic while it is well, and is asked sooner until it settles.
    fn next_due(&self, state: &State) -> Option<Instant> {
        let (canary, timing) = (state.canary.as_ref(), self.timing());
        let (is_well, pace) = (state.failures == 0, state.pace.due());
        let backs_off = state.failures > 1 && timing.backoff.is_some();
        let follows =
            canary.and_then(|canary| if backs_off { canary.latest(timing) } else { canary.due(timing) });
        let due = if is_well && state.known.is_settled() {
            follows.or(pace)
        } else {
            follows.into_iter().chain(pace).min()
        };
        Some(self.in_time(state, due?))
    }

    /// When a run that is due then has to begin at the latest, so that jitter makes nothing stale.
    fn in_time(&self, state: &State, due: Instant) -> Instant {
        let timing = self.timing();
        let spare = timing.max_age.saturating_sub(timing.timeout);
        let last = state.known.last.as_ref().filter(|_| timing.interval.is_some());
        last.map_or(due, |last| due.min(last.began + spare))
    }

    /// Sees to it that the agenda comes to the next run no later than this.
    pub(super) fn note_run(&self, state: &mut State, due: Instant) {
        if state.noted_run.is_none_or(|noted| due < noted) {
            state.noted_run = Some(due);
            self.shared.agenda.add(due, Item::Run(self.index));
        }
    }

    fn note(&self, state: &mut State, to: Result<Status, Unknown>, observation: Option<Arc<Observation>>) {
        let from = state.told.replace(to).unwrap_or(Err(Unknown::Pending));
        self.shared.note(News::Check { check: self.index, from, to, observation });
    }

    fn tell(&self, has_news: bool, saying: Saying) {
        if has_news {
            self.shared.signal.raise();
            if saying == Saying::Now {
                self.shared.journal.say();
            }
        } else {
            self.shared.signal.outdate();
        }
    }
}
