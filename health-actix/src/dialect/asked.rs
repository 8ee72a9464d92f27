//! What a dialect is to answer.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::http::header::HeaderMap;
use health_core::{Health, Probe, Question, Status, View};

use crate::accept;
use crate::query::Query;

/// What a dialect is to answer: the view, and what the caller may choose about the form of it.
#[derive(Debug)]
pub struct Asked<'a> {
    pub(crate) health: &'a Health,
    pub(crate) question: Question<'a>,
    pub(crate) view: View<'a>,
    pub(crate) verdict: Status,
    pub(crate) query: Query<'a>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) path: &'a str,
}

impl<'a> Asked<'a> {
    /// What may be shown.
    #[must_use]
    pub fn view(&self) -> &View<'a> {
        &self.view
    }

    /// What is asked about.
    #[must_use]
    pub fn question(&self) -> Question<'a> {
        self.question
    }

    /// The path that was asked.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// The probe that is asked, if it is one.
    #[must_use]
    pub fn probe(&self) -> Option<Probe> {
        self.view.probe()
    }

    /// The verdict as the code of the answer will say it.
    #[must_use]
    pub fn verdict(&self) -> Status {
        self.verdict
    }

    /// Whether the verdict is anything but unhealthy.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.verdict != Status::Unhealthy
    }

    /// The values of every `key=` in the query, in their order. What cannot be read is left out.
    pub fn query<'k>(&self, key: &'k str) -> impl Iterator<Item = Cow<'a, str>> + use<'a, 'k> {
        self.query.values(key)
    }

    /// Whether `?verbose` is there.
    #[must_use]
    pub fn is_verbose(&self) -> bool {
        self.query.has("verbose")
    }

    /// Which of these media types the caller likes best by its `Accept` header: its place in the list. The first if it
    /// says nothing, likes several equally, or wants none of them: whoever polls has come for the verdict.
    #[must_use]
    pub fn preferred<const N: usize>(&self, types: &[&str; N]) -> usize {
        accept::preferred(self.headers, types)
    }

    /// For how long the health has been running.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.health.uptime()
    }
}
