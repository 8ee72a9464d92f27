//! Placeholder for the room that hears the news.

use std::sync::Arc;

use tokio::time::Instant;

use crate::engine::Observation;
use crate::{Phase, Probe, Report, Status, Unknown};

pub(crate) struct Journal;

#[allow(dead_code)]
pub(crate) enum News {
    Check {
        check: usize,
        from: Option<Result<Status, Unknown>>,
        to: Result<Status, Unknown>,
        observation: Option<Arc<Observation>>,
    },
    Cause {
        check: usize,
        before: Arc<Observation>,
        now: Arc<Observation>,
    },
    Phase {
        from: Phase,
        to: Phase,
    },
    Muted {
        check: usize,
        until: std::time::SystemTime,
        reason: String,
    },
    Unmuted {
        check: usize,
    },
    Probe {
        probe: Probe,
        from: Status,
        to: Status,
        report: Box<Report>,
    },
}

impl Journal {
    pub(crate) fn note(&self, _news: News) {}
    pub(crate) fn say(&self) {}
    pub(crate) fn due(&self, _now: Instant) {}
    pub(crate) fn next_due(&self) -> Option<Instant> {
        None
    }
}
