//! What the cells add up to, at one moment.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Engine, Knowledge, MAX_AGE};
use crate::aggregate::{self, Tally, Terms, Vote};
use crate::report::{Entry, Report};
use crate::{Phase, Probe, ProbeSet, Status};

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    /// The worst of live and ready, every check listed.
    Whole,
    /// One probe.
    Probe(Probe),
    /// One check by its index, its own status.
    Check(usize),
    /// The members of one group, across probes, whatever the phase.
    Group(&'a [usize]),
}

/// Whether somebody asks and has waited for an answer, or just looks.
///
/// Silence is not failure: what has expired because nobody asked keeps its weight for whoever just looks.
#[derive(Clone, Copy, PartialEq)]
enum Asking {
    Poll,
    Passively,
}

/// One check, looked at.
#[derive(Clone)]
struct Look {
    check: usize,
    knowledge: Knowledge,
    usable: bool,
}

impl Look {
    /// What may still be said of it.
    fn known(&self, asking: Asking) -> Option<Status> {
        let last = self.knowledge.last.as_ref()?;
        (self.usable || asking == Asking::Passively).then_some(last.status)
    }
}

impl Engine {
    /// Runs a round for the subject and says what it came to. A shorter deadline than the engine's own may be given.
    pub(crate) async fn ask(&self, subject: Subject<'_>, shorter: Option<Duration>) -> Report {
        let deadline = match subject {
            Subject::Probe(probe) => *self.plan.deadlines.get(probe),
            _ => *self.plan.deadlines.get(Probe::Ready),
        };
        let deadline = shorter.map_or(deadline, |shorter| shorter.min(deadline));
        match subject {
            Subject::Probe(Probe::Startup) if self.startup_has_passed() => {}
            Subject::Probe(probe) => self.round(self.plan.joining(probe), deadline).await,
            Subject::Check(check) => self.round(&[check], deadline).await,
            Subject::Group(members) => self.round(members, deadline).await,
            Subject::Whole => {
                let only_startup = ProbeSet::of(&[Probe::Startup]);
                let all = (0..).zip(&self.plan.checks).filter(|(_, check)| check.spec.probes != only_startup);
                let asked: Vec<_> = all.map(|(index, _)| index).collect();
                self.round(&asked, deadline).await;
            }
        }
        if self.startup_has_passed() {
            self.reconsider_if_changed();
        } else {
            // Whoever has waited for startup to pass is not told that it has not.
            self.reconsider();
        }
        self.assess(subject, Asking::Poll)
    }

    /// The status of a probe as it stands, without asking anything.
    pub(crate) fn status(&self, probe: Probe) -> Status {
        if probe == Probe::Startup {
            return if self.startup_has_passed() { Status::Healthy } else { Status::Unhealthy };
        }
        let (phase, now) = (self.phase(), Instant::now());
        let tally =
            self.tally(&self.look(self.plan.joining(probe), now), Some(probe), now, Asking::Passively);
        self.held_by(phase, probe, tally.verdict)
    }

    /// The report of a probe as it stands, without asking anything.
    pub(super) fn passive_report(&self, probe: Probe) -> Report {
        self.assess(Subject::Probe(probe), Asking::Passively)
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
            let status = Status::Healthy;
            let report = Report {
                status,
                probe: Some(Probe::Startup),
                phase: self.phase(),
                is_held: false,
                waiting_for: Vec::new(),
                entries,
            };
            // Already latched by somebody else is as good.
            drop(self.startup.set(report));
        }
    }

    fn assess(&self, subject: Subject<'_>, asking: Asking) -> Report {
        let phase = self.phase();
        if let (Subject::Probe(Probe::Startup), Some(passed)) = (subject, self.startup.get()) {
            return Report { phase, ..passed.clone() };
        }
        let now = Instant::now();
        let all: Vec<_>;
        let (asked, probe) = match &subject {
            Subject::Whole => {
                all = (0..self.cells.len()).collect();
                (&all[..], None)
            }
            Subject::Probe(probe) => (self.plan.joining(*probe), Some(*probe)),
            Subject::Check(check) => (std::slice::from_ref(check), None),
            Subject::Group(members) => (*members, None),
        };
        let mut looks = self.look(asked, now);
        if matches!(subject, Subject::Whole) && self.startup_has_passed() {
            // Nobody asks them any more, so they are listed as they were.
            let only_startup = |look: &Look| {
                let spec = self.plan.checks.get(look.check).map(|check| check.spec.probes);
                spec == Some(ProbeSet::of(&[Probe::Startup]))
            };
            looks.iter_mut().filter(|look| only_startup(look)).for_each(|look| look.usable = true);
        }
        let (status, contributions) = match subject {
            Subject::Probe(probe) => {
                let tally = self.tally(&looks, Some(probe), now, asking);
                (self.held_by(phase, probe, tally.verdict), tally.contributions)
            }
            Subject::Whole => self.tally_whole(&looks, phase, now, asking),
            Subject::Group(_) => {
                let tally = self.tally(&looks, None, now, asking);
                (tally.verdict, tally.contributions)
            }
            Subject::Check(_) => {
                let own =
                    Status::worst(looks.iter().map(|look| look.known(asking).unwrap_or(Status::Unhealthy)));
                (own, vec![own; looks.len()])
            }
        };
        let waiting_for = match subject {
            Subject::Whole => self.waiting_for(phase, Probe::Ready),
            Subject::Probe(probe) => self.waiting_for(phase, probe),
            Subject::Check(_) | Subject::Group(_) => Vec::new(),
        };
        let entries = self.entries(looks, &contributions, now);
        let is_held = matches!(subject, Subject::Whole | Subject::Probe(Probe::Ready));
        Report { status, probe, phase, is_held, waiting_for, entries }
    }

    fn look(&self, asked: &[usize], now: Instant) -> Vec<Look> {
        let found = asked.iter().filter_map(|check| Some((*check, self.cells.get(*check)?)));
        let look = |(check, cell): (usize, &Arc<super::Cell>)| {
            let knowledge = cell.knowledge();
            let usable = knowledge.is_usable(now, MAX_AGE);
            Look { check, knowledge, usable }
        };
        found.map(look).collect()
    }

    /// A check's own status, absences included.
    fn own(&self, look: &Look, probe: Option<Probe>, now: Instant, asking: Asking) -> Status {
        let absent = || {
            let has_no_say = look.knowledge.last.is_none() && self.has_no_say_yet(look, probe, now, asking);
            if has_no_say { Status::Healthy } else { Status::Unhealthy }
        };
        look.known(asking).unwrap_or_else(absent)
    }

    /// In live a check that has not been observed has no say for as long as an observation would last; to whoever
    /// just looks, for as long as nobody asks.
    fn has_no_say_yet(&self, look: &Look, probe: Option<Probe>, now: Instant, asking: Asking) -> bool {
        let Some(check) = self.plan.checks.get(look.check) else { return false };
        let in_live = probe.map_or(check.spec.probes == ProbeSet::of(&[Probe::Live]), |p| p == Probe::Live);
        let age = now.saturating_duration_since(self.started);
        in_live && (asking == Asking::Passively || age <= MAX_AGE)
    }

    fn tally(&self, looks: &[Look], probe: Option<Probe>, now: Instant, asking: Asking) -> Tally {
        let vote = |look: &Look| Vote {
            own: self.own(look, probe, now, asking),
            critical: self.plan.checks.get(look.check).is_some_and(|check| check.spec.is_critical()),
            policy: self.plan.policy_of(look.check),
        };
        let votes: Vec<_> = looks.iter().map(vote).collect();
        aggregate::tally(&votes, |policy| {
            let policy = self.plan.policies.get(policy);
            Terms { need: policy.map_or(usize::MAX, |p| p.need), critical: policy.is_none_or(|p| p.critical) }
        })
    }

    /// Live and ready together; `looks` are of every check, in order.
    fn tally_whole(
        &self,
        looks: &[Look],
        phase: Phase,
        now: Instant,
        asking: Asking,
    ) -> (Status, Vec<Status>) {
        let mut whole = Status::Healthy;
        let mut contributions = vec![Status::Healthy; looks.len()];
        for probe in [Probe::Live, Probe::Ready] {
            let joining = self.plan.joining(probe);
            // Looking a second time could see something else than what is listed.
            let of_probe: Vec<_> = joining.iter().filter_map(|check| looks.get(*check)).cloned().collect();
            let tally = self.tally(&of_probe, Some(probe), now, asking);
            whole = whole.max(self.held_by(phase, probe, tally.verdict));
            for (check, own) in joining.iter().zip(tally.contributions) {
                if let Some(slot) = contributions.get_mut(*check) {
                    *slot = own.max(*slot);
                }
            }
        }
        (whole, contributions)
    }

    /// What being not ready does, in one place.
    fn held_by(&self, phase: Phase, probe: Probe, verdict: Status) -> Status {
        match probe {
            Probe::Live => verdict,
            Probe::Ready if phase == Phase::Running => verdict,
            Probe::Startup if self.startup_has_passed() => Status::Healthy,
            Probe::Ready | Probe::Startup => Status::Unhealthy,
        }
    }

    fn waiting_for(&self, phase: Phase, probe: Probe) -> Vec<String> {
        let waits = match probe {
            Probe::Live => false,
            Probe::Ready => phase == Phase::Starting,
            // Draining does not answer for it.
            Probe::Startup => !self.startup_has_passed(),
        };
        if !waits {
            return Vec::new();
        }
        let closed = self.plan.gates.iter().filter(|gate| !gate.is_open());
        let holding = closed.filter(|gate| probe == Probe::Ready || gate.holds_startup());
        let mut waiting: Vec<_> = holding
            .map(|gate| {
                format!("gate:{}{}", gate.name, if gate.is_dropped() { " (dropped unopened)" } else { "" })
            })
            .collect();
        if !self.startup_has_passed() {
            let now = Instant::now();
            let looks = self.look(self.plan.joining(Probe::Startup), now);
            let tally = self.tally(&looks, Some(Probe::Startup), now, Asking::Passively);
            let holding = looks.iter().zip(tally.contributions);
            let holding =
                holding.filter(|(look, own)| look.knowledge.last.is_none() || *own == Status::Unhealthy);
            let names = holding.filter_map(|(look, _)| self.plan.checks.get(look.check));
            waiting.extend(names.map(|check| format!("startup:{}", check.spec.name)));
        }
        waiting
    }

    fn entries(&self, looks: Vec<Look>, contributions: &[Status], now: Instant) -> Vec<Entry> {
        let is_well =
            |look: &Look| look.usable && look.knowledge.last.as_ref().is_some_and(|o| o.status.is_healthy());
        let mut causes = if looks.iter().all(is_well) {
            None
        } else {
            self.plan.graph.causes(|check| {
                let Some(cell) = self.cells.get(check) else { return false };
                let knowledge = cell.knowledge();
                // What was seen long ago explains nothing now.
                knowledge.is_usable(now, MAX_AGE)
                    && knowledge.last.is_some_and(|last| last.status == Status::Unhealthy)
            })
        };
        let entry = |(look, contribution): (Look, &Status)| {
            let is_well = is_well(&look);
            let causes = causes.as_mut().filter(|_| !is_well).and_then(|causes| causes.get_mut(look.check));
            let because_of = causes.map(std::mem::take).unwrap_or_default();
            Some(Entry {
                spec: Arc::clone(&self.plan.checks.get(look.check)?.spec),
                usable: look.usable,
                contribution: *contribution,
                because_of: because_of
                    .into_iter()
                    .filter_map(|cause| Some(Arc::clone(&self.plan.checks.get(cause)?.spec)))
                    .collect(),
                knowledge: look.knowledge,
            })
        };
        let mut entries: Vec<_> = looks.into_iter().zip(contributions).filter_map(entry).collect();
        // The order of names is kept among equals.
        entries.sort_by_key(|entry| entry.status() == Ok(Status::Healthy));
        entries
    }
}
