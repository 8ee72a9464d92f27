//! What of one check may leave the process.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use super::Exposure;
use crate::report::{Entry, Unknown};
use crate::{Datum, Ended, Location, ProbeSet, Scope, Status};

/// What of one check may leave the process, at the [`Exposure`] of the [`View`](super::View) it is listed in. Whoever
/// writes a format of his own can show no more than this says.
#[derive(Clone, Copy, Debug)]
pub struct EntryView<'a> {
    entry: &'a Entry,
    exposure: Exposure,
}

impl<'a> EntryView<'a> {
    /// An entry of a view, which lists none below [`Exposure::Checks`].
    pub(super) fn new(entry: &'a Entry, exposure: Exposure) -> Self {
        Self { entry, exposure }
    }

    /// The full name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.entry.name()
    }

    /// The check's own status as thresholds hold it, whatever it may do to the whole.
    ///
    /// # Errors
    ///
    /// [`Unknown`] when there is no usable observation.
    pub fn status(&self) -> Result<Status, Unknown> {
        self.entry.status()
    }

    /// What the last observation said, before thresholds.
    ///
    /// # Errors
    ///
    /// [`Unknown`] when there is no usable observation.
    pub fn raw(&self) -> Result<Status, Unknown> {
        self.entry.raw()
    }

    /// What the check makes of the whole, after criticality and the policy of its group.
    #[must_use]
    pub fn contribution(&self) -> Status {
        self.entry.contribution()
    }

    /// Whether the check can make the whole unhealthy.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.entry.is_critical()
    }

    /// Whether a failure of it is likely to be everybody's, as it was declared.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        self.entry.scope()
    }

    /// The probes in which it weighs.
    #[must_use]
    pub fn probes(&self) -> ProbeSet {
        self.entry.probes()
    }

    /// Its group, if it has one.
    #[must_use]
    pub fn group(&self) -> Option<&'a str> {
        self.entry.group()
    }

    /// How the last run ended, if what it said may still be used.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.entry.ended().filter(|_| self.entry.status().is_ok())
    }

    /// What is known in words that may be shown: what the author of the check wrote about the last run, or the engine
    /// in its place; `failed` for an error, whose text is private; why nothing is known, if nothing is.
    #[must_use]
    pub fn summary(&self) -> Option<Cow<'a, str>> {
        match self.entry.status() {
            Err(unknown) => Some(unknown.to_string().into()),
            Ok(_) => {
                let failed = (self.entry.ended() == Some(Ended::Error)).then_some("failed");
                self.entry.summary().or(failed).map(Cow::Borrowed)
            }
        }
    }

    /// The summary alone, without a word in its place.
    pub(super) fn written(&self) -> Option<&'a str> {
        self.entry.summary()
    }

    /// The private cause of the last run, redacted. `None` below [`Exposure::Full`].
    #[must_use]
    pub fn error(&self) -> Option<&'a str> {
        self.entry.cause().filter(|_| self.exposure >= Exposure::Full)
    }

    /// The values the last run reported, without the private ones. None below [`Exposure::Full`].
    pub fn data(&self) -> impl Iterator<Item = &'a Datum> + use<'a> {
        let shown = self.exposure >= Exposure::Full;
        self.entry.data().iter().filter(move |datum| shown && !datum.is_private())
    }

    /// What it is for, in the words of its author. `None` below [`Exposure::Full`]: doc comments are written for
    /// colleagues.
    #[must_use]
    pub fn description(&self) -> Option<&'a str> {
        self.entry.description().filter(|_| self.exposure >= Exposure::Full)
    }

    /// Where it was declared. `None` below [`Exposure::Full`].
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        (self.exposure >= Exposure::Full).then(|| self.entry.location())
    }

    /// When the last run began, or something was last reported.
    #[must_use]
    pub fn at(&self) -> Option<SystemTime> {
        self.entry.at()
    }

    /// How long the last run took; zero for what was reported.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.entry.duration()
    }

    /// How long a run may take; what has timed out had this long.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.entry.timeout()
    }

    /// Since when the status is what it is.
    #[must_use]
    pub fn since(&self) -> Option<SystemTime> {
        self.entry.since()
    }

    /// When the last healthy run began, or real work was last reported to have succeeded.
    #[must_use]
    pub fn last_success(&self) -> Option<SystemTime> {
        self.entry.last_success()
    }

    /// Until when its weight is capped at degraded, if it was [muted](crate::Health::mute).
    #[must_use]
    pub fn muted_until(&self) -> Option<SystemTime> {
        self.entry.muted_until()
    }

    /// Why it was muted, redacted. `None` below [`Exposure::Full`].
    #[must_use]
    pub fn mute_reason(&self) -> Option<&'a str> {
        self.entry.mute_reason().filter(|_| self.exposure >= Exposure::Full)
    }

    /// How long the last run had to wait for its turn, if that was longer than its timeout.
    #[must_use]
    pub fn queued(&self) -> Option<Duration> {
        self.entry.queued()
    }

    /// Whether the one who asked [excluded](crate::Inquiry::excluding) it.
    #[must_use]
    pub fn is_excluded(&self) -> bool {
        self.entry.is_excluded()
    }

    /// The checks it depends on, as declared.
    pub fn depends_on(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.entry.depends_on()
    }

    /// The nearest unhealthy checks this one depends on that depend on no unhealthy one themselves.
    pub fn because_of(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.entry.because_of()
    }
}
