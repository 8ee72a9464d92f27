//! One flip, as those who listen hear of it.

use std::sync::Arc;
use std::time::SystemTime;

use crate::{Phase, Probe, ShutdownStep, Status, Unknown};

/// One flip: of the held status of a check, of the status of a probe, of the phase; or that a check was muted, or is no
/// longer; or a step of its way out. Cheap to clone.
///
/// It holds names and what the authors of checks wrote, as [`Exposure::Checks`](crate::Exposure::Checks) would show
/// them, and never a private cause.
///
/// ```
/// use health_core::{Change, Status, Transition};
///
/// fn page_somebody(transition: &Transition) {
///     if let Change::Check { name, to: Ok(Status::Unhealthy), summary, .. } = transition.change() {
///         println!("{name}: {}", summary.as_deref().unwrap_or("unhealthy"));
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    pub(super) sequence: u64,
    pub(super) at: SystemTime,
    pub(super) missed: u64,
    pub(super) change: Change,
}

/// What has changed, from what to what.
///
/// The status of a check is the one its entry shows, [`Unknown`] while nothing usable is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The held status of a check.
    #[non_exhaustive]
    Check {
        /// The full name of the check.
        name: Arc<str>,
        /// What it was.
        from: Result<Status, Unknown>,
        /// What it is.
        to: Result<Status, Unknown>,
        /// What the author of the check wrote about the run that made it so, or the engine in its place.
        summary: Option<Arc<str>>,
    },
    /// The status of a probe.
    #[non_exhaustive]
    Probe {
        /// Which one.
        probe: Probe,
        /// What it was.
        from: Status,
        /// What it is.
        to: Status,
    },
    /// Where the process is in its life.
    #[non_exhaustive]
    Phase {
        /// Where it was.
        from: Phase,
        /// Where it is.
        to: Phase,
    },
    /// A check was muted: until then it can make the whole degraded at worst.
    #[non_exhaustive]
    Muted {
        /// The full name of the check.
        name: Arc<str>,
        /// When the mute ends by itself.
        until: SystemTime,
        /// Why, in the words of whoever muted it.
        reason: Arc<str>,
    },
    /// A check weighs again as declared.
    #[non_exhaustive]
    Unmuted {
        /// The full name of the check.
        name: Arc<str>,
    },
    /// The process has come further on its way out.
    #[non_exhaustive]
    Shutdown {
        /// How far.
        step: ShutdownStep,
        /// How many requests, and other pieces of [work](crate::Health::work), are under way.
        under_way: u64,
    },
}

/// What at most one transition is pending about, however slow the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    Check(usize),
    Mute(usize),
    Probe(Probe),
    Phase,
    Shutdown,
}

impl Transition {
    /// Its number among all transitions of this [`Health`](crate::Health), from 1, increasing. What was merged into
    /// one has the number of the newest.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// When it happened, by the wall clock: for people, never to be compared.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        self.at
    }

    /// How many earlier transitions of the same subject were merged into this one because its reader was slow.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// What has changed.
    #[must_use]
    pub fn change(&self) -> &Change {
        &self.change
    }

    /// One transition for both: from what the unread one came from to what this one leads to.
    pub(super) fn merged_with(mut self, unread: &Self) -> Self {
        self.missed += unread.missed + 1;
        match (&mut self.change, &unread.change) {
            (Change::Check { from, .. }, Change::Check { from: first, .. }) => *from = *first,
            (Change::Probe { from, .. }, Change::Probe { from: first, .. }) => *from = *first,
            (Change::Phase { from, .. }, Change::Phase { from: first, .. }) => *from = *first,
            // Muted or not, and how far it has come, have no history that would be lost.
            _ => {}
        }
        self
    }
}
