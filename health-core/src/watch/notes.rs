//! What the journal knows: what was noted and of whom, what is not said yet, and who listens. Used under its lock
//! alone, so nothing here runs foreign code.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::SystemTime;

use tokio::time::Instant;

use super::flapping::{Due, Flapping, Saying};
use super::history::{Entered, Flip, Ring};
use super::line::{Episode, Line, Stand, Unsaid};
use super::probes::Course;
use super::subscription::Mailbox;
use super::transition::Topic;
use super::{Change, Transition};
use crate::engine::Observation;
use crate::probe::PerProbe;
use crate::{Status, Unknown};

#[derive(Default)]
pub(super) struct Notes {
    pub(super) sequence: u64,
    pub(super) checks: Vec<Noted>,
    /// `None` until the first look.
    pub(super) probes: PerProbe<Option<Course>>,
    /// When to look at which flapping check again: one entry for each.
    pub(super) looks: BTreeSet<(Instant, usize)>,
    pub(super) unsaid: Unsaid,
    pub(super) is_saying: bool,
    pub(super) readers: Vec<Weak<Mailbox>>,
    pub(super) has_news_for_readers: bool,
    pub(super) is_closed: bool,
}

/// What is noted of one check: little, until it flips.
#[derive(Default)]
pub(super) struct Noted {
    pub(super) ring: Ring,
    pub(super) entered: Entered,
    pub(super) wobble: Option<Box<Wobble>>,
}

#[derive(Default)]
pub(super) struct Wobble {
    pub(super) flapping: Flapping,
    /// How it stands, while no line of its own says so.
    pub(super) stand: Option<Stand>,
}

impl Notes {
    pub(super) fn remember(
        &mut self,
        check: usize,
        from: Result<Status, Unknown>,
        stand: &Stand,
        at: SystemTime,
    ) -> Option<Flip> {
        let noted = self.checks.get_mut(check)?;
        self.sequence += 1;
        // What was said when it was last seen says nothing about a check that is unknown now.
        let seen = stand.observation.as_ref().filter(|_| stand.status.is_ok());
        let summary = seen.and_then(|seen| seen.summary.as_deref()).map(Arc::from);
        let flip = Flip { sequence: self.sequence, at, from, to: stand.status, summary };
        noted.entered.count(flip.to);
        noted.ring.push(flip.clone());
        Some(flip)
    }

    /// Decides which line a flip is worth.
    pub(super) fn weigh_flip(
        &mut self,
        check: usize,
        from: Result<Status, Unknown>,
        stand: Stand,
        now: Instant,
    ) {
        // It may have become calm since anybody looked.
        self.look_at_flapping(now);
        let Some(noted) = self.checks.get_mut(check) else { return };
        if from == Err(Unknown::Pending) {
            // Nothing has flipped: it is seen for the first time.
            return self.unsaid.push(Line::Check { check, from, stand });
        }
        let wobble = noted.wobble.get_or_insert_default();
        match wobble.flapping.flips(now) {
            Saying::TheFlip => self.unsaid.push(Line::Check { check, from, stand }),
            Saying::Nothing => wobble.stand = Some(stand),
            Saying::Flapping => {
                wobble.stand = Some(stand.clone());
                self.looks.extend(wobble.flapping.next_due().map(|at| (at, check)));
                let (episode, flips) = (Episode::Begins, wobble.flapping.count());
                self.unsaid.push(Line::Flapping { check, episode, flips, stand });
            }
        }
    }

    pub(super) fn note_cause(&mut self, check: usize, before: Arc<Observation>, now: Arc<Observation>) {
        let wobble = self.checks.get_mut(check).and_then(|noted| noted.wobble.as_mut());
        match wobble.and_then(|wobble| wobble.stand.as_mut()) {
            Some(stand) => stand.observation = Some(now),
            None => self.unsaid.push(Line::Cause { check, before, now }),
        }
    }

    /// Says what has become due about checks that were flapping when they were last looked at.
    pub(super) fn look_at_flapping(&mut self, now: Instant) {
        while let Some((_, check)) = self.looks.first().copied().filter(|(at, _)| *at <= now) {
            self.looks.pop_first();
            let wobble = self.checks.get_mut(check).and_then(|noted| noted.wobble.as_mut());
            let Some(wobble) = wobble else { continue };
            let flips = wobble.flapping.count();
            let (episode, stand) = match wobble.flapping.due(now) {
                None => (Episode::GoesOn, None),
                Some(Due::StillFlapping) => (Episode::GoesOn, wobble.stand.clone()),
                Some(Due::Calm) => (Episode::Ends, wobble.stand.take()),
            };
            self.looks.extend(wobble.flapping.next_due().map(|at| (at, check)));
            if let Some(stand) = stand {
                self.unsaid.push(Line::Flapping { check, episode, flips, stand });
            }
        }
    }

    pub(super) fn tell_change(&mut self, topic: Topic, at: SystemTime, change: impl FnOnce() -> Change) {
        self.sequence += 1;
        let sequence = self.sequence;
        self.tell(topic, || Transition { sequence, at, missed: 0, change: change() });
    }

    /// Leaves a transition for everybody who listens; they are woken by `say`.
    pub(super) fn tell(&mut self, topic: Topic, transition: impl FnOnce() -> Transition) {
        if self.readers.is_empty() {
            return;
        }
        let transition = transition();
        self.readers.retain(|reader| {
            let Some(reader) = reader.upgrade() else { return false };
            reader.leave(topic, transition.clone());
            true
        });
        self.has_news_for_readers = true;
    }

    pub(super) fn readers_to_wake(&mut self) -> Vec<Waker> {
        if !std::mem::take(&mut self.has_news_for_readers) {
            return Vec::new();
        }
        self.readers.iter().filter_map(|reader| reader.upgrade()?.reader_to_wake()).collect()
    }
}
