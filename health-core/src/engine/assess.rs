//! What the cells add up to, at one moment.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::asking::Subject;
use super::snapshot::Snapshot;
use super::{Cell, Engine, Knowledge, Mute};
use crate::report::{Content, Report};
use crate::view::Rendered;
use crate::{Probe, ProbeSet, Status, Unknown};

/// Whether somebody asks and has waited for an answer, or just looks.
///
/// Silence is not failure: what the engine does not refresh by itself keeps its weight for whoever just looks.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Asking {
    Poll,
    Passively,
}

/// One check, looked at.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) check: usize,
    pub(super) knowledge: Knowledge,
    pub(super) status: Result<Status, Unknown>,
    pub(super) is_excluded: bool,
}

impl Look {
    /// What may still be said of it.
    pub(super) fn known(&self, asking: Asking) -> Option<Status> {
        let kept = || self.knowledge.held.filter(|_| self.knowledge.unasked && asking == Asking::Passively);
        self.status.ok().or_else(kept)
    }
}

impl Engine {
    /// The status of a probe as it stands, without asking anything.
    pub(crate) fn status(&self, probe: Probe) -> Status {
        if probe == Probe::Startup {
            return if self.startup_has_passed() { Status::Healthy } else { Status::Unhealthy };
        }
        let (phase, now) = (self.phase(), Instant::now());
        let standing = self.standing(Subject::Probe(probe), now).map(|report| report.status());
        standing.unwrap_or_else(|| {
            let looks = self.look(self.plan.joining(probe), now);
            self.held_by(phase, probe, self.tally(&looks, Some(probe), now, Asking::Passively).verdict)
        })
    }

    /// The report of a probe as it stands, without asking anything.
    pub(super) fn passive_report(&self, probe: Probe) -> Report {
        self.assess(Subject::Probe(probe), Asking::Passively, &[]).report
    }

    /// How a subject stands, without asking anything: the last report of it while that stands.
    pub(crate) fn look_at(&self, subject: Subject<'_>) -> Report {
        self.standing(subject, Instant::now()).unwrap_or_else(|| {
            let seen = self.assess(subject, Asking::Passively, &[]);
            let valid_until = self.calm_until(seen.made);
            self.keep_seen(subject, Snapshot { valid_until, ..seen })
        })
    }

    /// Latches startup once all its checks have been observed, none makes it unhealthy, and no gate holds it.
    pub(super) fn pass_startup_if_earned(&self) {
        if self.startup_has_passed()
            || self.plan.gates.iter().any(|gate| gate.holds_startup() && !gate.is_open())
        {
            return;
        }
        let now = Instant::now();
        let looks = self.look(self.plan.joining(Probe::Startup), now);
        let all_observed = looks.iter().all(|look| look.knowledge.last.is_some());
        let tally = self.tally(&looks, Some(Probe::Startup), now, Asking::Passively);
        if all_observed && tally.verdict != Status::Unhealthy {
            let entries = self.entries(looks, &tally.contributions, now);
            let report = Report::new(Content {
                status: Status::Healthy,
                probe: Some(Probe::Startup),
                phase: self.phase(),
                is_held: false,
                while_starting: None,
                waiting_for: Vec::new(),
                entries,
                rendered: Rendered::default(),
            });
            // Already latched by somebody else is as good.
            drop(self.startup.set(report));
            self.shared.signal.outdate();
        }
    }

    pub(super) fn assess(&self, subject: Subject<'_>, asking: Asking, excluded: &[usize]) -> Snapshot {
        // Read first: what is recorded from here on makes the snapshot outdated.
        let generation = self.shared.signal.generation();
        let (phase, now) = (self.phase(), Instant::now());
        if let (Subject::Probe(Probe::Startup), Some(passed)) = (subject, self.startup.get()) {
            let specs = excluded.iter().filter_map(|check| self.plan.checks.get(*check));
            let names: Vec<_> = specs.map(|check| &*check.spec.name).collect();
            let (report, made) = (passed.in_phase(phase).excluding(&names), now);
            return Snapshot {
                report,
                made,
                generation,
                is_complete: true,
                fresh_until: None,
                valid_until: None,
            };
        }
        let all: Vec<_>;
        let (asked, probe) = match &subject {
            Subject::Whole => {
                all = (0..self.cells.len()).collect();
                (&all[..], None)
            }
            Subject::Probe(probe) => (self.plan.joining(*probe), Some(*probe)),
            Subject::Check(check) => (std::slice::from_ref(check), None),
            Subject::Some(checks) | Subject::Tree { checks, .. } => (*checks, None),
        };
        let mut looks = self.look(asked, now);
        for look in &mut looks {
            look.is_excluded = excluded.contains(&look.check);
        }
        if matches!(subject, Subject::Whole) && self.startup_has_passed() {
            // Nobody asks them any more, so they are listed as they were.
            for look in looks.iter_mut().filter(|look| self.is_only_startup(look.check)) {
                look.status = look.knowledge.held.ok_or(Unknown::Pending);
            }
        }
        let is_complete = looks.iter().all(|look| look.knowledge.last.is_some() || !self.can_run(look.check));
        let (fresh_until, valid_until) = self.lifetime(&looks, now);
        let (status, apart, contributions) = match subject {
            Subject::Probe(probe) => {
                let tally = self.tally(&looks, Some(probe), now, asking);
                let status = self.held_by(phase, probe, tally.verdict);
                let apart = if probe == Probe::Live { status } else { Status::Healthy };
                (status, apart, tally.contributions)
            }
            Subject::Whole => self.tally_whole(&looks, phase, now, asking),
            Subject::Some(_) => {
                let tally = self.tally(&looks, None, now, asking);
                (tally.verdict, tally.verdict, tally.contributions)
            }
            Subject::Check(check) => {
                let (own, contributions) = self.tally_tree(&looks, Some(check), now, asking);
                (own, own, contributions)
            }
            Subject::Tree { top, .. } => {
                let (own, contributions) = self.tally_tree(&looks, top, now, asking);
                (own, own, contributions)
            }
        };
        let waiting_for = match subject {
            Subject::Whole => self.waiting_for(phase, Probe::Ready),
            Subject::Probe(probe) => self.waiting_for(phase, probe),
            Subject::Check(_) | Subject::Some(_) | Subject::Tree { .. } => Vec::new(),
        };
        let entries = self.entries(looks, &contributions, now);
        let is_held = matches!(subject, Subject::Whole | Subject::Probe(Probe::Ready));
        let report = Report::new(Content {
            status,
            probe,
            phase,
            is_held,
            while_starting: Some(apart).filter(|_| !self.startup_has_passed()),
            waiting_for,
            entries,
            rendered: Rendered::default(),
        });
        Snapshot { report, made: now, generation, is_complete, fresh_until, valid_until }
    }

    pub(super) fn look(&self, asked: &[usize], now: Instant) -> Vec<Look> {
        let found = asked.iter().filter_map(|check| Some((*check, self.cells.get(*check)?)));
        let look = |(check, cell): (usize, &Arc<Cell>)| {
            let knowledge = cell.knowledge();
            let status = knowledge.status(now, cell.timing());
            Look { check, knowledge, status, is_excluded: false }
        };
        found.map(look).collect()
    }

    /// Until when the clock alone changes nothing that was seen at this moment, of any check: one can explain another.
    /// What has expired by then stays so until something is recorded.
    fn calm_until(&self, seen: Instant) -> Option<Instant> {
        let ends = |cell: &Arc<Cell>| {
            let (knowledge, timing) = (cell.knowledge(), cell.timing());
            let own = match knowledge.last {
                Some(_) => knowledge.stands_until(seen, timing),
                None => Some(self.started + timing.max_age).filter(|end| seen <= *end),
            };
            own.into_iter().chain(knowledge.muted.as_deref().and_then(last_muted))
        };
        self.cells.iter().flat_map(ends).min()
    }

    /// Until when a poll takes all of these as they are, and until when their statuses stand.
    fn lifetime(&self, looks: &[Look], now: Instant) -> (Option<Instant>, Option<Instant>) {
        let (mut fresh_until, mut valid_until) = (None, None);
        let sooner =
            |until: &mut Option<Instant>, at: Option<Instant>| *until = until.iter().copied().chain(at).min();
        for Look { check, knowledge, .. } in looks {
            let Some(check_of) = self.plan.checks.get(*check) else { continue };
            if self.is_only_startup(*check) && self.startup_has_passed() {
                continue;
            }
            let timing = &check_of.timing;
            let can_be_asked = check_of.runner.is_some() || knowledge.unasked;
            let mut valid = if can_be_asked {
                knowledge.valid_until(timing)
            } else {
                knowledge.stands_until(now, timing)
            };
            if knowledge.last.is_none() {
                // Until then it may have no say.
                valid = Some(self.started + timing.max_age).filter(|end| *end >= now);
            }
            sooner(&mut valid, knowledge.muted.as_deref().and_then(last_muted));
            sooner(&mut valid_until, valid);
            // While a run overstays there is nothing newer to be had.
            if check_of.runner.is_some() && !knowledge.overstayed {
                sooner(&mut fresh_until, knowledge.fresh_until(timing, Duration::ZERO));
            }
        }
        sooner(&mut fresh_until, valid_until);
        (fresh_until, valid_until)
    }

    fn can_run(&self, check: usize) -> bool {
        self.plan.checks.get(check).is_some_and(|check| check.runner.is_some())
    }

    fn is_only_startup(&self, check: usize) -> bool {
        self.plan.checks.get(check).is_some_and(|check| check.spec.probes == ProbeSet::of(&[Probe::Startup]))
    }
}

/// What is usable is so until its last instant, a mute until just before its end.
fn last_muted(mute: &Mute) -> Option<Instant> {
    mute.until.checked_sub(Duration::from_nanos(1))
}
