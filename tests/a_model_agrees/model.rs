//! What must be known about a check, by the words of the design: a fold over what was said, and the clock.

use health_core::{Status, Unknown};

use crate::declared::{Rules, Word};

/// What is known: the fold.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The last observation and its stamp.
    pub raw: Option<(u64, Status)>,
    held: Option<Status>,
    /// The stamp of the last observation no worse than what is held.
    supported: u64,
    /// What was observed since there last was nothing usable.
    row: Vec<Status>,
    pub running: Option<u64>,
    /// The run has been observed as timed out and is still in flight.
    pub is_stuck: bool,
    has_failed: bool,
    /// When it was said what the last observation says: a beat renews the observation, and not this.
    said: u64,
    /// What traffic reported while the canary is run: when it was said, its stamp, and what.
    waiting: Option<(u64, u64, Status)>,
}

impl Known {
    pub fn hear(&mut self, rules: &Rules, now: u64, word: Word) {
        match word {
            Word::Begun => self.running = Some(now),
            Word::Ran(_) if self.is_stuck => (self.running, self.is_stuck) = (None, false),
            Word::Late => (self.is_stuck, _) = (true, self.ran(rules, now, Status::Unhealthy)),
            Word::Ran(status) => (self.running, _) = (None, self.ran(rules, now, status)),
            Word::Beat if self.waiting.is_some() => self.waiting.as_mut().unwrap().1 = now,
            Word::Beat => self.push(rules, now, self.said, self.raw.map_or(Status::Healthy, |raw| raw.1)),
            Word::Idle => self.push(rules, now, now, Status::Healthy),
            Word::Pushed(status) => self.push(rules, now, now, status),
        }
    }

    fn push(&mut self, rules: &Rules, now: u64, said: u64, status: Status) {
        match rules.is_canary && status < Status::Unhealthy {
            true if self.has_failed || self.waiting.is_some_and(|waiting| waiting.0 > said) => {}
            true if self.running.is_some() => self.waiting = Some((said, now, status)),
            _ => (self.waiting, _) = (None, self.observe(rules, now, (said, now), status)),
        }
    }

    fn ran(&mut self, rules: &Rules, now: u64, status: Status) {
        let status = if self.is_overdue(rules, now) { Status::Unhealthy } else { status };
        self.has_failed = status == Status::Unhealthy;
        self.observe(rules, now, (self.running.unwrap_or(now), self.running.unwrap_or(now)), status);
        if let Some((said, stamp, status)) = self.waiting.take().filter(|_| !self.has_failed) {
            self.observe(rules, now, (said, stamp), status);
        }
    }

    fn observe(&mut self, rules: &Rules, now: u64, (said, stamp): (u64, u64), status: Status) {
        match self.status(rules, now) {
            _ if self.raw.is_some() && self.said > said => return,
            Err(_) => (self.row, self.held) = (Vec::new(), Some(status)),
            Ok(lapsed) if self.held != Some(lapsed) => {
                (self.row, self.held, self.supported) = (vec![lapsed], Some(lapsed), self.raw.unwrap().0);
            }
            Ok(_) => {}
        }
        self.row.push(status);
        let held = self.held.unwrap();
        let last = |count: usize| self.row.len().checked_sub(count).map_or(&[][..], |from| &self.row[from..]);
        let worse = last(rules.failure).iter().min().filter(|mildest| **mildest > held);
        let better = last(rules.success).iter().max().filter(|worst| **worst < held);
        let held = *worse.or(better).unwrap_or(&held);
        self.supported = if status <= held { stamp } else { self.supported };
        (self.held, self.raw, self.said) = (Some(held), Some((stamp, status)), said);
    }

    /// As thresholds hold it, for no longer than what supports it is usable.
    pub fn status(&self, rules: &Rules, now: u64) -> Result<Status, Unknown> {
        let is_old = |stamp: u64| now - stamp > rules.max_age;
        match self.held.zip(self.raw).ok_or(Unknown::Pending)? {
            (_, (stamp, _)) if is_old(stamp) && !self.is_stuck => Err(Unknown::Stale),
            (held, (_, raw)) if held < raw && is_old(self.supported) => Ok(raw),
            (held, _) => Ok(held),
        }
    }

    /// What it weighs in live or elsewhere, for a poll or for whoever just looks.
    pub fn weight(&self, rules: &Rules, now: u64, in_live: bool, is_poll: bool, is_muted: bool) -> Status {
        let is_unasked = !rules.is_kept && rules.is_run && !is_poll && self.running.is_none();
        let own = match self.status(rules, now) {
            Err(Unknown::Pending) if in_live && now <= rules.max_age => Status::Healthy,
            Err(Unknown::Stale) if is_unasked => self.held.unwrap(),
            known => known.unwrap_or(Status::Unhealthy),
        };
        if is_muted || !rules.critical { own.min(Status::Degraded) } else { own }
    }

    pub fn is_overdue(&self, rules: &Rules, now: u64) -> bool {
        !self.is_stuck && self.running.is_some_and(|began| now - began > rules.timeout)
    }
}
