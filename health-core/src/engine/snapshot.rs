//! The last report of each question, handed out for as long as it is true.

use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::time::Instant;

use super::{Engine, Subject};
use crate::Report;
use crate::probe::PerProbe;

/// A report, and for how long it may be handed out.
pub(super) struct Snapshot {
    pub(super) report: Report,
    pub(super) made: Instant,
    /// Nothing has been recorded since as long as this is the engine's.
    pub(super) generation: u64,
    /// Every check in it that could be run has been observed.
    pub(super) is_complete: bool,
    /// Until when a poll takes it: nothing in it is older than the cache of its check allows.
    pub(super) fresh_until: Option<Instant>,
    /// Until when its verdict stands if nothing is recorded.
    pub(super) valid_until: Option<Instant>,
}

/// Readers wait neither for a writer nor for each other.
#[derive(Default)]
pub(super) struct Snapshots {
    probes: PerProbe<ArcSwapOption<Snapshot>>,
    whole: ArcSwapOption<Snapshot>,
}

impl Snapshots {
    fn slot(&self, subject: Subject<'_>) -> Option<&ArcSwapOption<Snapshot>> {
        match subject {
            Subject::Probe(probe) => Some(self.probes.get(probe)),
            Subject::Whole => Some(&self.whole),
            Subject::Check(_) | Subject::Some(_) | Subject::Tree { .. } => None,
        }
    }
}

impl Engine {
    /// The last report, if nothing has changed and nothing in it is older than a poll takes; one of the last `floor` is
    /// taken in any case.
    pub(crate) fn fresh(&self, subject: Subject<'_>, floor: Duration) -> Option<Report> {
        let snapshot = self.snapshots.slot(subject)?.load();
        let snapshot =
            snapshot.as_ref().filter(|known| known.generation == self.shared.signal.generation())?;
        let is_fresh = || {
            let now = Instant::now();
            let stands = || snapshot.valid_until.is_none_or(|until| now <= until);
            snapshot.fresh_until.is_none_or(|until| now <= until)
                || (!floor.is_zero() && now.saturating_duration_since(snapshot.made) <= floor && stands())
        };
        (snapshot.is_complete && is_fresh()).then(|| snapshot.report.clone())
    }

    /// The last report, if its verdict still stands.
    pub(super) fn standing(&self, subject: Subject<'_>, now: Instant) -> Option<Report> {
        let snapshot = self.snapshots.slot(subject)?.load();
        let snapshot =
            snapshot.as_ref().filter(|known| known.generation == self.shared.signal.generation())?;
        snapshot.valid_until.is_none_or(|until| now <= until).then(|| snapshot.report.clone())
    }

    pub(super) fn keep(&self, subject: Subject<'_>, snapshot: Snapshot) -> Report {
        let report = snapshot.report.clone();
        if let Some(slot) = self.snapshots.slot(subject) {
            slot.store(Some(std::sync::Arc::new(snapshot)));
        }
        report
    }
}
