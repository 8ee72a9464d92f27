//! What a report lists: an entry for every check, and what the process waits for.

use std::sync::Arc;

use tokio::time::Instant;

use super::Engine;
use super::assess::{Asking, Look};
use crate::report::Entry;
use crate::{Phase, Probe, Status};

impl Engine {
    pub(super) fn waiting_for(&self, phase: Phase, probe: Probe) -> Vec<String> {
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

    pub(super) fn entries(&self, looks: Vec<Look>, contributions: &[Status], now: Instant) -> Vec<Entry> {
        let is_well = |look: &Look| look.status == Ok(Status::Healthy);
        let mut causes = if looks.iter().all(is_well) {
            None
        } else {
            self.plan.graph.causes(|check| {
                let Some(cell) = self.cells.get(check) else { return false };
                // What was seen long ago explains nothing now.
                cell.knowledge().status(now, cell.timing()) == Ok(Status::Unhealthy)
            })
        };
        let entry = |(look, contribution): (Look, &Status)| {
            let is_well = is_well(&look);
            let causes = causes.as_mut().filter(|_| !is_well).and_then(|causes| causes.get_mut(look.check));
            let because_of = causes.map(std::mem::take).unwrap_or_default();
            Some(Entry {
                spec: Arc::clone(&self.plan.checks.get(look.check)?.spec),
                status: look.status,
                is_muted: look.knowledge.is_muted(now),
                is_excluded: look.is_excluded,
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
