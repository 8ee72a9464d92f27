//! What each check brings to the whole, and what they add up to.

use tokio::time::Instant;

use super::Engine;
use super::assess::{Asking, Look};
use crate::aggregate::{self, Tally, Terms, Vote};
use crate::{Phase, Probe, ProbeSet, Status};

impl Engine {
    /// A check's own status, absences included.
    fn own(&self, look: &Look, probe: Option<Probe>, now: Instant, asking: Asking) -> Status {
        if look.is_excluded {
            return Status::Healthy;
        }
        let absent = || {
            let has_no_say = look.knowledge.last.is_none() && self.has_no_say_yet(look, probe, now);
            if has_no_say { Status::Healthy } else { Status::Unhealthy }
        };
        let own = look.known(asking).unwrap_or_else(absent);
        if look.knowledge.is_muted(now) { own.min(Status::Degraded) } else { own }
    }

    /// In live a check that has not been observed has no say for as long as an observation would last.
    fn has_no_say_yet(&self, look: &Look, probe: Option<Probe>, now: Instant) -> bool {
        let Some(check) = self.plan.checks.get(look.check) else { return false };
        let in_live = probe.map_or(check.spec.probes == ProbeSet::of(&[Probe::Live]), |p| p == Probe::Live);
        in_live && now.saturating_duration_since(self.started) <= check.timing.max_age
    }

    pub(super) fn tally(&self, looks: &[Look], probe: Option<Probe>, now: Instant, asking: Asking) -> Tally {
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

    /// One check with its own status, whatever it may do to the whole, and those below it with what they may do.
    pub(super) fn tally_tree(
        &self,
        looks: &[Look],
        top: Option<usize>,
        now: Instant,
        asking: Asking,
    ) -> (Status, Vec<Status>) {
        // Not its verdict: of a group of which a part is elsewhere only what the members bring says anything here.
        let mut contributions = self.tally(looks, None, now, asking).contributions;
        for (look, contribution) in looks.iter().zip(&mut contributions) {
            if Some(look.check) == top && !look.is_excluded {
                *contribution = look.known(asking).unwrap_or(Status::Unhealthy);
            }
        }
        (Status::worst(contributions.iter().copied()), contributions)
    }

    /// Live and ready together, and live alone; `looks` are of every check, in order.
    pub(super) fn tally_whole(
        &self,
        looks: &[Look],
        phase: Phase,
        now: Instant,
        asking: Asking,
    ) -> (Status, Status, Vec<Status>) {
        let (mut whole, mut live) = (Status::Healthy, Status::Healthy);
        let mut contributions = vec![Status::Healthy; looks.len()];
        for probe in [Probe::Live, Probe::Ready] {
            let joining = self.plan.joining(probe);
            // Looking a second time could see something else than what is listed.
            let of_probe: Vec<_> = joining.iter().filter_map(|check| looks.get(*check)).cloned().collect();
            let tally = self.tally(&of_probe, Some(probe), now, asking);
            whole = whole.max(self.held_by(phase, probe, tally.verdict));
            if probe == Probe::Live {
                live = tally.verdict;
            }
            for (check, own) in joining.iter().zip(tally.contributions) {
                if let Some(slot) = contributions.get_mut(*check) {
                    *slot = own.max(*slot);
                }
            }
        }
        (whole, live, contributions)
    }

    /// What being not ready does, in one place.
    pub(super) fn held_by(&self, phase: Phase, probe: Probe, verdict: Status) -> Status {
        match probe {
            Probe::Live => verdict,
            Probe::Ready if phase == Phase::Running => verdict,
            Probe::Startup if self.startup_has_passed() => Status::Healthy,
            Probe::Ready | Probe::Startup => Status::Unhealthy,
        }
    }
}
