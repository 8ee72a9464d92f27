//! All entries of one question, aggregated, at one moment.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::engine::{Knowledge, Mute};
use crate::view::{Exposure, Rendered, View};
use crate::{Datum, Ended, Location, Phase, Probe, ProbeSet, Scope, Spec, Status};

/// What was asked, answered at one moment: the status of the whole and an entry for every check.
///
/// A report is for the application's own code. What leaves the process is a [`View`] of it, and a view needs an
/// [`Exposure`]; a report itself cannot be serialised.
///
/// Cheap to clone. Everybody who is answered from the same fresh observations gets the same report, and the bytes of its
/// views are rendered once for all of them.
#[derive(Clone)]
pub struct Report {
    /// Shared with everybody who asked at the same moment.
    content: Arc<Content>,
}

pub(crate) struct Content {
    pub(crate) status: Status,
    pub(crate) probe: Option<Probe>,
    pub(crate) phase: Phase,
    /// Whether not running makes it unhealthy, as it does ready and the overview.
    pub(crate) is_held: bool,
    /// While startup has not passed, the status apart from the probes that wait for it.
    pub(crate) while_starting: Option<Status>,
    pub(crate) waiting_for: Vec<String>,
    /// Not healthy first, then by name.
    pub(crate) entries: Vec<Entry>,
    pub(crate) rendered: Rendered,
}

/// One check in a [`Report`].
#[derive(Clone)]
pub struct Entry {
    pub(crate) spec: Arc<Spec>,
    pub(crate) knowledge: Knowledge,
    /// As it is held; why there is none, if there is none.
    pub(crate) status: Result<Status, Unknown>,
    /// What the check makes of the whole.
    pub(crate) contribution: Status,
    pub(crate) is_muted: bool,
    pub(crate) is_excluded: bool,
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
    pub(crate) fn new(content: Content) -> Self {
        Self { content: Arc::new(content) }
    }

    /// The same, in another phase.
    pub(crate) fn in_phase(&self, phase: Phase) -> Self {
        if self.content.phase == phase {
            return self.clone();
        }
        self.with(phase, self.content.entries.clone())
    }

    /// The same verdict, these checks taken to be well.
    pub(crate) fn excluding(self, names: &[&str]) -> Self {
        if names.is_empty() {
            return self;
        }
        let mut entries = self.content.entries.clone();
        for entry in entries.iter_mut().filter(|entry| names.contains(&entry.name())) {
            (entry.is_excluded, entry.contribution) = (true, Status::Healthy);
        }
        self.with(self.content.phase, entries)
    }

    fn with(&self, phase: Phase, entries: Vec<Entry>) -> Self {
        let Content { status, probe, is_held, while_starting, ref waiting_for, .. } = *self.content;
        let (waiting_for, rendered) = (waiting_for.clone(), Rendered::default());
        Self::new(Content { status, probe, phase, is_held, while_starting, waiting_for, entries, rendered })
    }

    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// The verdict.
    #[must_use]
    pub fn status(&self) -> Status {
        self.content.status
    }

    /// The probe that was asked, if it was one.
    #[must_use]
    pub fn probe(&self) -> Option<Probe> {
        self.content.probe
    }

    /// Where the process was in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.content.phase
    }

    /// Every check that was asked about: those that are not healthy first, then by name.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.content.entries
    }

    /// The entry of a check.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.content.entries.iter().find(|entry| entry.name() == name)
    }

    /// The names of the checks that make the whole what it is, when it is not healthy.
    pub fn failing(&self) -> impl Iterator<Item = &str> + use<'_> {
        let decisive =
            |entry: &&Entry| !self.content.status.is_healthy() && entry.contribution == self.content.status;
        self.content.entries.iter().filter(decisive).map(Entry::name)
    }

    /// What must happen before the process is ready: `gate:migrations`, `startup:schema`.
    #[must_use]
    pub fn waiting_for(&self) -> &[String] {
        &self.content.waiting_for
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

    /// The check's own status as thresholds hold it, whatever it may do to the whole; why there is none, if there is
    /// none.
    ///
    /// # Errors
    ///
    /// [`Unknown`] when there is no usable observation.
    pub fn status(&self) -> Result<Status, Unknown> {
        self.status
    }

    /// What the last observation said, before thresholds.
    ///
    /// # Errors
    ///
    /// [`Unknown`] when there is no usable observation.
    pub fn raw(&self) -> Result<Status, Unknown> {
        let last = self.knowledge.last.as_ref().ok_or(Unknown::Pending)?;
        self.status.map(|_| last.status)
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

    /// Whether a failure of it is likely to be everybody's, as it was declared.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        self.spec.scope
    }

    /// The probes in which it weighs.
    #[must_use]
    pub fn probes(&self) -> ProbeSet {
        self.spec.probes
    }

    /// What it is for, in the words of its author, if there are any.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        Some(&*self.spec.description).filter(|text| !text.is_empty())
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

    /// How the last run ended; what was reported counts as returned, or as an error.
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

    /// When the last run began, or something was last reported.
    #[must_use]
    pub fn at(&self) -> Option<SystemTime> {
        Some(self.knowledge.last.as_ref()?.at)
    }

    /// How long the last run took; zero for what was reported.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        Some(self.knowledge.last.as_ref()?.duration)
    }

    /// How long a run may take; what has timed out had this long.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.spec.effective_timeout()
    }

    /// Since when the status is what it is.
    #[must_use]
    pub fn since(&self) -> Option<SystemTime> {
        self.knowledge.since
    }

    /// When the last healthy run began, or real work was last reported to have succeeded.
    #[must_use]
    pub fn last_success(&self) -> Option<SystemTime> {
        self.knowledge.last_success
    }

    /// When the last unhealthy run began, or a failure was last reported.
    #[must_use]
    pub fn last_failure(&self) -> Option<SystemTime> {
        self.knowledge.last_failure
    }

    /// Until when its weight is capped at degraded, if it was [muted](crate::Health::mute).
    #[must_use]
    pub fn muted_until(&self) -> Option<SystemTime> {
        Some(self.mute()?.until_at)
    }

    /// Whether the one who asked [excluded](crate::Inquiry::excluding) it: then the whole takes it to be healthy.
    #[must_use]
    pub fn is_excluded(&self) -> bool {
        self.is_excluded
    }

    /// Why it was muted, if it is.
    #[must_use]
    pub fn mute_reason(&self) -> Option<&str> {
        Some(&self.mute()?.reason)
    }

    fn mute(&self) -> Option<&Mute> {
        self.knowledge.muted.as_deref().filter(|_| self.is_muted)
    }

    /// How long the last run had to wait for its turn, if that was longer than its timeout: then more checks are slow
    /// than may [run at once](crate::HealthBuilder::max_runs).
    #[must_use]
    pub fn queued(&self) -> Option<Duration> {
        self.knowledge.queued
    }

    /// The checks it depends on, as declared.
    pub fn depends_on(&self) -> impl Iterator<Item = &str> {
        self.spec.depends_on.iter().map(|name| &**name)
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
        let Content { status, probe, phase, waiting_for, entries, .. } = &*self.content;
        debug.field("status", status).field("probe", probe).field("phase", phase);
        debug.field("waiting_for", waiting_for).field("entries", entries).finish()
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
