//! The last report of each question, handed out for as long as it is true.

use std::sync::Arc;
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

/// What polls were answered with, and what was shown to those who only look. No poll is answered with the latter, in
/// which what expired because nobody asked for it still weighs what it did.
#[derive(Default)]
pub(super) struct Snapshots {
    polled: Slots,
    seen: Slots,
}

/// Readers wait neither for a writer nor for each other.
#[derive(Default)]
struct Slots {
    probes: PerProbe<ArcSwapOption<Snapshot>>,
    whole: ArcSwapOption<Snapshot>,
}

impl Slots {
    fn slot(&self, subject: Subject<'_>) -> Option<&ArcSwapOption<Snapshot>> {
        match subject {
            Subject::Probe(probe) => Some(self.probes.get(probe)),
            Subject::Whole => Some(&self.whole),
            Subject::Check(_) | Subject::Some(_) | Subject::Tree { .. } => None,
        }
    }

    fn keep(&self, subject: Subject<'_>, snapshot: Snapshot) -> Report {
        let report = snapshot.report.clone();
        if let Some(slot) = self.slot(subject) {
            slot.store(Some(Arc::new(snapshot)));
        }
        report
    }
}

impl Snapshot {
    fn stands(&self, now: Instant) -> bool {
        self.valid_until.is_none_or(|until| now <= until)
    }
}

impl Engine {
    /// The last report, if nothing has changed and nothing in it is older than a poll takes; one of the last `floor` is
    /// taken in any case.
    pub(crate) fn fresh(&self, subject: Subject<'_>, floor: Duration) -> Option<Report> {
        let snapshot = self.snapshots.polled.slot(subject)?.load();
        let snapshot =
            snapshot.as_ref().filter(|known| known.generation == self.shared.signal.generation())?;
        let is_fresh = || {
            let now = Instant::now();
            snapshot.fresh_until.is_none_or(|until| now <= until)
                || (!floor.is_zero()
                    && now.saturating_duration_since(snapshot.made) <= floor
                    && snapshot.stands(now))
        };
        (snapshot.is_complete && is_fresh()).then(|| snapshot.report.clone())
    }

    /// The last report for somebody who only looks, if its verdict still stands.
    pub(super) fn standing(&self, subject: Subject<'_>, now: Instant) -> Option<Report> {
        let Snapshots { polled, seen } = &self.snapshots;
        let of = |slots: &Slots| {
            let snapshot = slots.slot(subject)?.load();
            let snapshot =
                snapshot.as_ref().filter(|known| known.generation == self.shared.signal.generation())?;
            snapshot.stands(now).then(|| snapshot.report.clone())
        };
        of(polled).or_else(|| of(seen))
    }

    /// Keeps what a poll is answered with.
    pub(super) fn keep(&self, subject: Subject<'_>, snapshot: Snapshot) -> Report {
        self.snapshots.polled.keep(subject, snapshot)
    }

    /// Keeps what is shown to somebody who only looks.
    pub(super) fn keep_seen(&self, subject: Subject<'_>, snapshot: Snapshot) -> Report {
        self.snapshots.seen.keep(subject, snapshot)
    }
}
