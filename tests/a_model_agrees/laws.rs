//! When runs may begin and must have begun, judged by the log alone.

use health_core::Status;

use crate::declared::{Rules, Word};
use crate::model::Known;

/// What happened to time and who asked, beside the log of a check.
#[derive(Debug, Default)]
pub struct Course {
    /// From when to when the engine was not running.
    pub jumps: Vec<(u64, u64)>,
    /// Which words of each check are beginnings of runs that a poll asked for.
    pub asked: Vec<(usize, usize)>,
}

impl Course {
    /// Whether the engine was running all the time.
    fn was_steady(&self, from: u64, to: u64) -> bool {
        self.jumps.iter().all(|(start, end)| to < *start || *end < from)
    }
}

/// What the log has come to, as far as the next run depends on it.
#[derive(Default)]
struct Past {
    known: Known,
    runs: usize,
    /// When the last run began, and whether a poll asked for it.
    last: Option<(u64, bool)>,
    /// When the last run began that the engine began because it was time.
    regular: Option<u64>,
    /// When traffic last reported something good.
    good: Option<u64>,
    /// When anything was last recorded.
    recorded: u64,
    /// Since when it has not settled, or has not settled by its last run.
    unsettled: Option<u64>,
}

/// What is wrong with the runs of one check, up to now.
pub fn broken(
    check: usize,
    rules: &Rules,
    words: &[(u64, Word)],
    course: &Course,
    now: u64,
) -> Option<String> {
    let mut past = Past::default();
    for (index, (at, word)) in words.iter().enumerate() {
        match word {
            Word::Begun => {
                let is_asked = course.asked.contains(&(check, index));
                let mut fault = past.too_late(rules, *at, course);
                if !is_asked {
                    fault = fault.or(past.too_early(rules, *at, course));
                }
                if fault.is_some() {
                    return fault;
                }
                past.runs += 1;
                past.last = Some((*at, is_asked));
            }
            Word::Ran(_) | Word::Late => {
                let began = past.known.running.unwrap_or(*at);
                if *at - began > rules.timeout && course.was_steady(began, *at) {
                    return Some(format!("the run of {began} ms was cut off at {at} ms only"));
                }
                past.recorded = *at;
            }
            Word::Pushed(status) => {
                past.good = if *status < Status::Unhealthy { Some(*at) } else { past.good };
                past.recorded = *at;
            }
            Word::Beat | Word::Idle => past.recorded = *at,
        }
        past.known.hear(rules, *at, *word);
        let has_run = matches!(word, Word::Ran(_) | Word::Late);
        past.unsettled = match past.unsettled {
            _ if !past.is_settling(rules) => None,
            Some(since) if !has_run => Some(since),
            _ => Some(*at),
        };
    }
    past.too_late(rules, now, course)
}

impl Past {
    /// Whether the engine should have begun a run before.
    fn too_late(&self, rules: &Rules, at: u64, course: &Course) -> Option<String> {
        let (began, was_asked) = self.last?;
        // Work that a poll has done just before is not done again.
        let regular = rules.interval * if was_asked { 17 } else { 12 } / 10;
        let most = match self.good > Some(began) {
            true => rules.max_age + 1,
            false => regular.max(rules.backoff * 11 / 10) + rules.timeout + 1,
        };
        let is_late = rules.is_kept && at - began > most && course.was_steady(began, at);
        is_late.then(|| format!("nothing was begun from {began} ms to {at} ms: more than {most} ms"))
    }

    fn is_settling(&self, rules: &Rules) -> bool {
        self.known.raw.is_some_and(|(_, raw)| self.known.status(rules, self.recorded) != Ok(raw))
    }

    /// Whether the engine had no reason of its own to begin a run.
    fn too_early(&mut self, rules: &Rules, at: u64, course: &Course) -> Option<String> {
        let (began, _) = self.last?;
        let raw = self.known.raw;
        let is_last_chance = raw.is_some_and(|(stamp, _)| at + rules.timeout >= stamp + rules.max_age);
        if self.unsettled.is_some_and(|since| at - since >= 899) || is_last_chance {
            return None;
        }
        if !rules.is_kept {
            return Some(format!("begun at {at} ms although nobody asked"));
        }
        // The first regular run falls anywhere, and what fails has a pace of its own.
        let before = self.regular.replace(at);
        let has_failed = raw.is_some_and(|(_, raw)| raw == Status::Unhealthy);
        let (since, least) = if !rules.is_canary {
            (before?, rules.interval * 8 / 10)
        } else if has_failed || (before.is_none() && self.runs == 1) || at + 1 >= began + rules.max_age {
            return None;
        } else {
            (began.max(self.good.unwrap_or(0)), rules.interval * 9 / 10)
        };
        // Whether traffic or the engine was first at one and the same moment, the log does not know.
        let is_early = at > since && at - since + 1 < least && course.was_steady(since, at);
        (is_early && (rules.is_canary || rules.backoff == rules.interval))
            .then(|| format!("begun at {at} ms, {} ms after {since} ms: less than {least} ms", at - since))
    }
}

impl Known {
    /// Whether a poll asks anew: what it finds is missing, stale or older than `cache`.
    pub fn is_asked(&self, rules: &Rules, now: u64) -> bool {
        let is_fresh = |(stamp, _)| now - stamp <= rules.cache.min(rules.max_age);
        rules.is_run && !self.is_stuck && !self.raw.is_some_and(is_fresh)
    }
}
