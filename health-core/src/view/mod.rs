//! What of a report may leave the process.

mod entry;
mod json;
mod rendered;
mod text;

use std::fmt;

use bytes::Bytes;

pub use entry::EntryView;
pub use json::timestamp;
pub use rendered::RenderError;
pub(crate) use rendered::Rendered;

use crate::report::{Entry, Unknown};
use crate::{Phase, Probe, Report, Scope, Status};

/// How much of a report a reader may see; each shows what the ones before it show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exposure {
    /// One word.
    #[default]
    Status,
    /// The checks by name, with the summaries their authors wrote.
    Checks,
    /// Error texts, data and source locations too.
    Full,
}

/// In which words a [`View`] is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// The native JSON form, one object.
    #[default]
    Json,
    /// One line for each check, and what the whole is in the last one.
    Text,
}

/// How many healthy checks are listed at most; a reader that is cut off must have seen what is wrong.
const LISTED_HEALTHY: usize = 200;

/// What of a [`Report`] may leave the process, at one [`Exposure`]. Serialises to the native JSON form.
///
/// ```
/// # use health_core::*;
/// # async fn show(health: Health) -> Result<(), serde_json::Error> {
/// let report = health.report(Probe::Ready).await;
/// assert_eq!(serde_json::to_string(&report.view(Exposure::Status))?, r#"{"status":"healthy"}"#);
/// assert_eq!(report.view(Exposure::Status).text(), "ready check passed\n");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    report: &'a Report,
    exposure: Exposure,
    only: Option<Show>,
}

/// Which entries a view lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Show {
    Status(Status),
    Unknown,
}

impl<'a> View<'a> {
    pub(crate) fn new(report: &'a Report, exposure: Exposure) -> Self {
        Self { report, exposure, only: None }
    }

    /// Lists only the checks of this status (`healthy`, `degraded`, `unhealthy`, or `unknown`). The verdict stays
    /// what it is. `None` when the word is no status.
    #[must_use]
    pub fn only(mut self, word: &str) -> Option<Self> {
        let known = Status::ALL.into_iter().find(|status| status.as_str() == word).map(Show::Status);
        self.only = Some(known.or_else(|| (word == "unknown").then_some(Show::Unknown))?);
        Some(self)
    }

    /// The view in one form, as it leaves the process.
    ///
    /// A report that is handed out many times is rendered at most once for each form and exposure, and only if
    /// somebody asks; a view of [some statuses only](Self::only) is rendered anew.
    #[must_use]
    pub fn body(&self, form: Form) -> Bytes {
        let render = || match form {
            // Nothing in a view can fail to serialise; if something did, the verdict would still be known.
            Form::Json => serde_json::to_vec(self)
                .map_or_else(|_| format!(r#"{{"status":"{}"}}"#, self.status()).into(), Bytes::from),
            Form::Text => self.text().into(),
        };
        match self.only {
            None => self.report.content().rendered.get(form, self.exposure, render),
            Some(_) => render(),
        }
    }

    /// The view in a format of somebody else, rendered at most once for each report, exposure and `format`.
    ///
    /// `format` is whatever tells one format from another, with everything in it that the bytes depend on beside the
    /// report and the exposure. It must be made when the application is built, never from a request: of formats without
    /// end only the first few are kept. `render` may ask for another format of the same view, never for its own. A view
    /// of [some statuses only](Self::only) is rendered anew.
    ///
    /// ```
    /// # use health_core::{Health, Probe, Exposure};
    /// # async fn show(health: Health) {
    /// #[derive(Clone, PartialEq)]
    /// struct OneWord;
    ///
    /// let report = health.report(Probe::Ready).await;
    /// let view = report.view(Exposure::Status);
    /// let render = || Ok::<_, std::convert::Infallible>(view.status().as_str().to_uppercase().into_bytes());
    /// assert_eq!(view.rendered(&OneWord, render).unwrap(), "HEALTHY");
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`RenderError`] with what `render` said; it is not asked again for this report.
    pub fn rendered<F, E>(
        &self,
        format: &F,
        render: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Bytes, RenderError>
    where
        F: PartialEq + Clone + Send + Sync + 'static,
        E: fmt::Display,
    {
        match self.only {
            None => self.report.content().rendered.of_format(format, self.exposure, render),
            Some(_) => Rendered::default().of_format(format, self.exposure, render),
        }
    }

    /// The exposure of this view.
    #[must_use]
    pub fn exposure(&self) -> Exposure {
        self.exposure
    }

    /// The verdict, which every view carries.
    #[must_use]
    pub fn status(&self) -> Status {
        self.report.status()
    }

    /// The probe that was asked, if it was one.
    #[must_use]
    pub fn probe(&self) -> Option<Probe> {
        self.report.probe()
    }

    /// Where the process was in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.report.phase()
    }

    /// Whether it is unhealthy for the reason that the process is leaving.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.report.phase() == Phase::Draining && self.report.content().is_held
    }

    /// Whether it is unhealthy for the reason that the process is starting.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        let is_held = self.report.content().is_held || self.report.probe() == Some(Probe::Startup);
        self.report.phase() == Phase::Starting && is_held && self.status() == Status::Unhealthy
    }

    /// While startup has not passed: what the verdict would be if ready and startup, which wait for that, were healthy
    /// already. `None` once it has passed.
    ///
    /// For formats in which a process that is still starting may be called well, if somebody opts for it.
    #[must_use]
    pub fn while_starting(&self) -> Option<Status> {
        self.report.content().while_starting
    }

    /// Whether it is unhealthy for no other reason than that the process is starting: of what makes it so, nothing has
    /// been observed yet.
    #[must_use]
    pub fn is_only_starting(&self) -> bool {
        let is_found = |entry: &Entry| {
            entry.contribution() == Status::Unhealthy && entry.status() != Err(Unknown::Pending)
        };
        self.is_starting() && !self.report.entries().iter().any(is_found)
    }

    /// Whether a check degrades it that is not [shared](Scope::Shared): then others are likely to be better off.
    #[must_use]
    pub fn is_degraded_here(&self) -> bool {
        // Those that are not healthy come first.
        let entries = self.report.entries().iter().take_while(|entry| entry.status() != Ok(Status::Healthy));
        let mut degrading = entries.filter(|entry| entry.contribution() == Status::Degraded);
        self.status() == Status::Degraded && degrading.any(|entry| entry.scope() != Some(Scope::Shared))
    }

    /// The names of the checks that make the whole what it is, when it is not healthy. None below
    /// [`Exposure::Checks`].
    pub fn failing(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let shown = self.exposure >= Exposure::Checks;
        self.report.failing().filter(move |_| shown)
    }

    /// What must happen before the process is ready. None below [`Exposure::Checks`].
    #[must_use]
    pub fn waiting_for(&self) -> &'a [String] {
        if self.exposure >= Exposure::Checks { self.report.waiting_for() } else { &[] }
    }

    /// Every check that was asked about, those that are not healthy first, then by name. None below
    /// [`Exposure::Checks`].
    pub fn entries(&self) -> impl Iterator<Item = EntryView<'a>> + use<'a> {
        let (report, exposure, only) = (self.report, self.exposure, self.only);
        let entries = if exposure >= Exposure::Checks { report.entries() } else { &[] };
        let shown = entries.iter().filter(move |entry| only.is_none_or(|only| only.shows(entry)));
        shown.map(move |entry| EntryView::new(entry, exposure))
    }

    /// Whether there is no check that could be asked. Every view says so: an answer for which nobody was asked should be
    /// known as one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.report.entries().is_empty()
    }

    /// The entries to list, and how many healthy ones are left out.
    fn listed(&self) -> (Vec<EntryView<'a>>, usize) {
        let mut listed: Vec<_> = self.entries().collect();
        let others = listed.iter().take_while(|entry| entry.status() != Ok(Status::Healthy)).count();
        let omitted = listed.len().saturating_sub(others + LISTED_HEALTHY);
        listed.truncate(others + LISTED_HEALTHY);
        (listed, omitted)
    }
}

impl Show {
    fn shows(self, entry: &Entry) -> bool {
        match self {
            Self::Status(status) => entry.status() == Ok(status),
            Self::Unknown => entry.status().is_err(),
        }
    }
}
