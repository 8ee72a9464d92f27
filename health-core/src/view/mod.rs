//! What of a report may leave the process.

mod json;
mod rendered;
mod text;

use bytes::Bytes;

pub(crate) use json::timestamp;
pub(crate) use rendered::Rendered;

use crate::report::Entry;
use crate::{Report, Status};

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

    fn shows(&self, entry: &Entry) -> bool {
        match self.only {
            None => true,
            Some(Show::Status(status)) => entry.status() == Ok(status),
            Some(Show::Unknown) => entry.status().is_err(),
        }
    }

    /// The entries to list, not healthy first, and how many healthy ones are left out.
    fn listed(&self) -> (Vec<&'a Entry>, usize) {
        let mut listed: Vec<_> = self.report.entries().iter().filter(|entry| self.shows(entry)).collect();
        let others = listed.iter().take_while(|entry| entry.status() != Ok(Status::Healthy)).count();
        let omitted = listed.len().saturating_sub(others + LISTED_HEALTHY);
        listed.truncate(others + LISTED_HEALTHY);
        (listed, omitted)
    }
}
