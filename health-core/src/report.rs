//! All entries of one question, aggregated, at one moment.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::engine::Knowledge;
use crate::view::{Exposure, View};
use crate::{Datum, Ended, Location, Phase, Probe, ProbeSet, Spec, Status};

/// What was asked, answered at one moment: the status of the whole and an entry for every check.
///
/// A report is for the application's own code. What leaves the process is a [`View`] of it, and a view needs an
/// [`Exposure`]; a report itself cannot be serialised.
#[derive(Clone)]
pub struct Report {
    pub(crate) status: Status,
    pub(crate) probe: Option<Probe>,
    pub(crate) phase: Phase,
    /// Whether not running makes it unhealthy, as it does ready and the overview.
    pub(crate) is_held: bool,
    pub(crate) waiting_for: Vec<String>,
    /// Not healthy first, then by name.
    pub(crate) entries: Vec<Entry>,
}

/// One check in a [`Report`].
#[derive(Clone)]
pub struct Entry {
    pub(crate) spec: Arc<Spec>,
    pub(crate) knowledge: Knowledge,
    /// Whether what is known may still be used.
    pub(crate) usable: bool,
    /// What the check makes of the whole.
    pub(crate) contribution: Status,
    pub(crate) because_of: Vec<Arc<Spec>>,
}

/// Why nothing is known about a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// It has not been observed yet.
    Pending,
    /// Its last observation is too old to be used.
    Stale,
}

impl Report {
    /// The verdict.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// The probe that was asked, if it was one.
    #[must_use]
    pub fn probe(&self) -> Option<Probe> {
        self.probe
    }

    /// Where the process was in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Every check that was asked about: those that are not healthy first, then by name.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a check.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name() == name)
    }

    /// The names of the checks that make the whole what it is, when it is not healthy.
    pub fn failing(&self) -> impl Iterator<Item = &str> {
        let decisive = |entry: &&Entry| !self.status.is_healthy() && entry.contribution == self.status;
        self.entries.iter().filter(decisive).map(Entry::name)
    }

    /// What must happen before the process is ready: `gate:migrations`, `startup:schema`.
    #[must_use]
    pub fn waiting_for(&self) -> &[String] {
        &self.waiting_for
    }

    /// What may leave the process.
    #[must_use]
    pub fn view(&self, exposure: Exposure) -> View<'_> {
        View::new(self, exposure)
    }
}

impl Entry {
    /// The full name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The check's own status, whatever it may do to the whole; why there is none, if there is none.
    ///
    /// # Errors
    ///
    /// [`Unknown`] when there is no usable observation.
    pub fn status(&self) -> Result<Status, Unknown> {
        match &self.knowledge.last {
            None => Err(Unknown::Pending),
            Some(_) if !self.usable => Err(Unknown::Stale),
            Some(last) => Ok(last.status),
        }
    }

    /// What the check makes of the whole, after criticality and the policy of its group.
    #[must_use]
    pub fn contribution(&self) -> Status {
        self.contribution
    }

    /// Whether the check can make the whole unhealthy.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.spec.is_critical()
    }

    /// The probes in which it weighs.
    #[must_use]
    pub fn probes(&self) -> ProbeSet {
        self.spec.probes
    }

    /// Its group, if it has one.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.spec.group.as_deref()
    }

    /// Where it was declared.
    #[must_use]
    pub fn location(&self) -> Location {
        self.spec.location
    }

    /// How the last run ended.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        Some(self.knowledge.last.as_ref()?.ended)
    }

    /// What the author of the check wrote about the last run, or the engine in its place.
    #[must_use]
    pub fn summary(&self) -> Option<&str> {
        self.knowledge.last.as_ref()?.summary.as_deref()
    }

    /// The private cause of the last run, redacted.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.knowledge.last.as_ref()?.cause.as_deref()
    }

    /// The values the last run reported, private ones included: they leave in no view.
    #[must_use]
    pub fn data(&self) -> &[Datum] {
        self.knowledge.last.as_ref().map_or(&[], |last| &last.data)
    }

    /// When the last run began.
    #[must_use]
    pub fn at(&self) -> Option<SystemTime> {
        Some(self.knowledge.last.as_ref()?.at)
    }

    /// How long the last run took.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        Some(self.knowledge.last.as_ref()?.duration)
    }

    /// Since when the status is what it is.
    #[must_use]
    pub fn since(&self) -> Option<SystemTime> {
        self.knowledge.since
    }

    /// When the last healthy run began.
    #[must_use]
    pub fn last_success(&self) -> Option<SystemTime> {
        self.knowledge.last_success
    }

    /// The nearest unhealthy checks this one depends on that depend on no unhealthy one themselves.
    pub fn because_of(&self) -> impl Iterator<Item = &str> {
        self.because_of.iter().map(|spec| &*spec.name)
    }
}

/// Shows names and statuses: what is printed for debugging ends up in logs.
impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Report");
        debug.field("status", &self.status).field("probe", &self.probe).field("phase", &self.phase);
        debug.field("waiting_for", &self.waiting_for).field("entries", &self.entries).finish()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.name(), self.status())
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "not observed yet",
            Self::Stale => "the last observation is too old",
        })
    }
}

impl std::error::Error for Unknown {}
