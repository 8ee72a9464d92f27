//! What waits to be logged, in its order: every line, or merged ones while the log cannot keep up.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use crate::engine::Observation;
use crate::{Phase, Probe, Report, ShutdownStep, Status, Unknown};

/// How many lines may wait before they are merged: this many, or as many for each check, so that everything may fail
/// at once.
const AT_LEAST: usize = 1024;
const FOR_EACH_CHECK: usize = 4;

/// One line to be.
#[derive(Debug)]
pub(super) enum Line {
    Check { check: usize, from: Result<Status, Unknown>, stand: Stand },
    Cause { check: usize, before: Arc<Observation>, now: Arc<Observation> },
    Flapping { check: usize, episode: Episode, flips: u64, stand: Stand },
    Probe { probe: Probe, from: Status, to: Status, report: Box<Report> },
    Reminder { probe: Probe, since: SystemTime, report: Box<Report> },
    Phase { from: Phase, to: Phase },
    Muted { check: usize, until: SystemTime, reason: Arc<str> },
    Unmuted { check: usize },
    Shutdown { step: ShutdownStep, under_way: Vec<(Cow<'static, str>, u64)> },
}

/// How a check stands.
#[derive(Clone, Debug)]
pub(super) struct Stand {
    pub(super) status: Result<Status, Unknown>,
    pub(super) observation: Option<Arc<Observation>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Episode {
    Begins,
    GoesOn,
    Ends,
}

#[derive(PartialEq)]
enum Subject {
    Check(usize),
    Flapping(usize),
    Mute(usize),
    Probe(Probe),
    Reminder(Probe),
    Phase,
    Shutdown,
}

impl Line {
    fn subject(&self) -> Subject {
        match self {
            Self::Check { check, .. } | Self::Cause { check, .. } => Subject::Check(*check),
            Self::Flapping { check, .. } => Subject::Flapping(*check),
            Self::Muted { check, .. } | Self::Unmuted { check } => Subject::Mute(*check),
            Self::Probe { probe, .. } => Subject::Probe(*probe),
            Self::Reminder { probe, .. } => Subject::Reminder(*probe),
            Self::Phase { .. } => Subject::Phase,
            Self::Shutdown { .. } => Subject::Shutdown,
        }
    }

    /// One line for both, which begins where the unsaid one began.
    fn merged_with(self, unsaid: Self) -> Self {
        match (self, unsaid) {
            (Self::Check { check, stand, .. }, Self::Check { from, .. }) => {
                Self::Check { check, from, stand }
            }
            (Self::Cause { check, now, .. }, Self::Check { from, stand, .. }) => {
                Self::Check { check, from, stand: Stand { observation: Some(now), ..stand } }
            }
            (Self::Cause { check, now, .. }, Self::Cause { before, .. }) => {
                Self::Cause { check, before, now }
            }
            (Self::Probe { probe, to, report, .. }, Self::Probe { from, .. }) => {
                Self::Probe { probe, from, to, report }
            }
            (Self::Phase { to, .. }, Self::Phase { from, .. }) => Self::Phase { from, to },
            (newest, _) => newest,
        }
    }
}

/// The lines that nobody has said yet. Bounded by the number of subjects, however long a log blocks.
#[derive(Debug, Default)]
pub(super) struct Unsaid {
    lines: VecDeque<Line>,
    /// With more lines waiting, one about a subject takes in the one that waits about the same.
    patience: usize,
}

impl Unsaid {
    pub(super) fn about(checks: usize) -> Self {
        Self { lines: VecDeque::new(), patience: AT_LEAST.max(FOR_EACH_CHECK * checks) }
    }

    pub(super) fn push(&mut self, mut line: Line) {
        if self.lines.len() >= self.patience {
            let subject = line.subject();
            let same = self.lines.iter().rposition(|unsaid| unsaid.subject() == subject);
            if let Some(unsaid) = same.and_then(|place| self.lines.remove(place)) {
                line = line.merged_with(unsaid);
            }
        }
        self.lines.push_back(line);
    }

    pub(super) fn pop(&mut self) -> Option<Line> {
        self.lines.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::tests::{report, seen};

    #[test]
    fn a_log_that_is_stuck_costs_a_line_for_each_subject_and_the_chain_holds() {
        let mut unsaid = Unsaid::about(1);
        const TURNS: usize = 50_005;
        let phases = [Phase::Running, Phase::Draining];
        for turn in 0..TURNS {
            unsaid.push(Line::Phase { from: phases[turn % 2], to: phases[(turn + 1) % 2] });
            let stand = Stand { status: Ok(Status::ALL[(turn + 1) % 3]), observation: None };
            unsaid.push(Line::Check { check: 0, from: Ok(Status::ALL[turn % 3]), stand });
        }
        assert_eq!(unsaid.lines.len(), AT_LEAST);
        let (mut phase, mut status) = (phases[0], Status::ALL[0]);
        while let Some(line) = unsaid.pop() {
            match line {
                Line::Phase { from, to } => {
                    assert_eq!(from, phase);
                    phase = to;
                }
                Line::Check { from, stand, .. } => {
                    assert_eq!(from, Ok(status));
                    status = stand.status.unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((phase, status), (phases[TURNS % 2], Status::ALL[TURNS % 3]));
    }

    #[test]
    fn a_new_cause_does_not_hide_the_flip_that_nobody_has_said() {
        use Status::{Degraded, Healthy, Unhealthy};
        let seen = |text| seen(Unhealthy, "", text);
        let flip = |from, to, text| {
            let stand = Stand { status: Ok(to), observation: Some(seen(text)) };
            Line::Check { check: 7, from: Ok(from), stand }
        };
        let cause = |before, now| Line::Cause { check: 7, before: seen(before), now: seen(now) };
        let text = |observation: &Observation| observation.cause.clone();
        let merged = cause("one", "two").merged_with(flip(Healthy, Unhealthy, "one"));
        let Line::Check { check: 7, from: Ok(Healthy), stand } = merged else { panic!("{merged:?}") };
        assert_eq!((stand.status, text(&stand.observation.unwrap())), (Ok(Unhealthy), Some("two".into())));
        let merged = cause("two", "three").merged_with(cause("one", "two"));
        let Line::Cause { check: 7, before, now } = merged else { panic!("{merged:?}") };
        assert_eq!((text(&before), text(&now)), (Some("one".into()), Some("three".into())));
        let merged = flip(Unhealthy, Degraded, "four").merged_with(cause("two", "three"));
        assert!(matches!(merged, Line::Check { from: Ok(Unhealthy), .. }), "{merged:?}");
        let probe = |from, to| {
            let report = Box::new(report(Probe::Ready, Phase::Running, to, ("db", to)));
            Line::Probe { probe: Probe::Ready, from, to, report }
        };
        let merged = probe(Degraded, Unhealthy).merged_with(probe(Healthy, Degraded));
        let Line::Probe { from: Healthy, to: Unhealthy, report, .. } = merged else { panic!("{merged:?}") };
        assert_eq!(report.status(), Unhealthy);
    }
}
