//! What the cells of one engine share with it, so that a run needs its cell and never the engine.

use super::agenda::Agenda;
use super::signal::Signal;
use super::vigil::Vigil;
use crate::watch::{Journal, News};

pub(super) struct Shared {
    pub(super) signal: Signal,
    pub(super) agenda: Agenda,
    pub(super) journal: std::sync::Arc<Journal>,
    pub(super) vigil: std::sync::Arc<Vigil>,
}

impl Shared {
    /// Takes note of a change as [`Journal::note`] does. What was rendered before is outdated first, so that nobody who
    /// knows of the change is shown how it was before.
    pub(super) fn note(&self, news: News) {
        self.signal.outdate();
        self.journal.note(news);
    }
}
