//! An outcome plus what the engine knows about the run.

use std::any::Any;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::check::RunResult;
use crate::{Datum, Failure, Outcome, Status, redact};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// It returned this status.
    Returned(Status),
    /// It returned an error.
    Error,
    /// It did not end in time.
    Timeout,
    /// It panicked.
    Panic,
}

impl Ended {
    /// The word used on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Returned(status) => status.as_str(),
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Panic => "panic",
        }
    }
}

/// Where an observation comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// A run, or real work that was done.
    Work,
    /// Somebody said that he is alive, and nothing about what he does.
    Life,
}

/// What one run came to, clean of everything that must not leave.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    /// When the run began, or when it was reported or renewed.
    pub(crate) began: Instant,
    /// Its stamp, which a beat does not renew: what was stamped earlier never replaces what was stamped later.
    pub(crate) said: Instant,
    pub(crate) at: SystemTime,
    pub(crate) duration: Duration,
    pub(crate) ended: Ended,
    pub(crate) status: Status,
    /// What its author wrote, or the engine.
    pub(crate) summary: Option<Cow<'static, str>>,
    /// The private cause, redacted.
    pub(crate) cause: Option<String>,
    pub(crate) data: Vec<Datum>,
    pub(crate) evidence: Evidence,
}

/// When a run began, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beginning {
    pub(super) began: Instant,
    pub(super) at: SystemTime,
}

impl Beginning {
    pub(super) fn now() -> Self {
        Self { began: Instant::now(), at: SystemTime::now() }
    }

    /// The same a little later, without asking the wall clock again.
    pub(super) fn later(self, began: Instant) -> Self {
        let passed = began.saturating_duration_since(self.began);
        Self { began, at: self.at.checked_add(passed).unwrap_or(self.at) }
    }

    /// A run that ended by itself: it returned, or it panicked.
    pub(super) fn ended(self, result: Result<RunResult, Box<dyn Any + Send>>) -> Observation {
        let mut observation = self.observation(self.began.elapsed());
        // The texts of causes are written by code of the check: that code may panic too.
        let said = catch_unwind(AssertUnwindSafe(|| match result {
            Ok(Ok(outcome)) => observation.says(outcome),
            Ok(Err(failure)) => observation.fails(failure),
            Err(payload) => observation.panics(payload),
        }));
        if let Err(payload) = said {
            observation.panics(payload);
            observation.summary = Some("panicked while saying why it failed".into());
        }
        observation
    }

    /// A run that did not end in time; it may still be running.
    pub(super) fn timed_out(self, limit: Duration) -> Observation {
        let mut observation = self.observation(self.began.elapsed().max(limit));
        observation.ended = Ended::Timeout;
        observation.summary = Some(format!("did not answer within {}", spelled(limit)).into());
        observation
    }

    /// A run that could not even begin.
    pub(super) fn refused(self, cause: &std::io::Error) -> Observation {
        let mut observation = self.observation(Duration::ZERO);
        observation.summary = Some("no thread could be started to run it".into());
        observation.cause = Some(redact::cause(cause));
        observation
    }

    /// The worst there is, until something better is said.
    fn observation(self, duration: Duration) -> Observation {
        Observation {
            began: self.began,
            said: self.began,
            at: self.at,
            duration,
            ended: Ended::Error,
            status: Status::Unhealthy,
            summary: None,
            cause: None,
            data: Vec::new(),
            evidence: Evidence::Work,
        }
    }
}

impl Observation {
    /// What the application reports at this moment.
    pub(crate) fn reported(result: RunResult, evidence: Evidence) -> Self {
        let mut observation = Beginning::now().ended(Ok(result));
        (observation.duration, observation.evidence) = (Duration::ZERO, evidence);
        observation
    }

    /// The same at this moment.
    pub(crate) fn renewed(self) -> Self {
        let Beginning { began, at } = Beginning::now();
        Self { began, at, duration: Duration::ZERO, evidence: Evidence::Life, ..self }
    }

    pub(super) fn ended_at(&self) -> Instant {
        self.began + self.duration
    }

    /// Whether it says that something was done and succeeded.
    pub(super) fn is_success(&self) -> bool {
        self.status.is_healthy() && self.evidence == Evidence::Work
    }

    fn says(&mut self, outcome: Outcome) {
        let Outcome { status, summary, mut data, cause } = outcome;
        let mut room = redact::Room::new();
        data.retain_mut(|datum| {
            // What is private leaves nowhere, so the application finds it as it left it.
            let Datum { name, value, private: false } = datum else { return true };
            let shown = room.field(std::mem::take(name), value.take());
            shown.map(|shown| (*name, *value) = shown).is_some()
        });
        self.cause = cause.map(|cause| redact::cause(&*cause));
        self.summary = summary.map(redact::summary).filter(|summary| !summary.trim().is_empty());
        self.data = data;
        (self.ended, self.status) = (Ended::Returned(status), status);
    }

    fn fails(&mut self, failure: Failure) {
        let (summary, cause) = failure.into_parts();
        self.summary = summary.map(redact::summary).filter(|summary| !summary.trim().is_empty());
        self.cause = cause.map(|cause| redact::cause(&*cause));
        self.ended = Ended::Error;
    }

    fn panics(&mut self, payload: Box<dyn Any + Send>) {
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(|s| &**s));
        self.cause = Some(text.map_or_else(|| "a payload that is no text".into(), redact::text));
        self.summary = Some("panicked".into());
        self.ended = Ended::Panic;
        // A payload may panic when it is dropped, and the payload of that panic again: it is not dropped at all.
        if text.is_none() {
            std::mem::forget(payload);
        }
    }
}

/// `700 ms`, `2 s`.
fn spelled(limit: Duration) -> String {
    let whole_seconds = limit.subsec_nanos() == 0 && !limit.is_zero();
    if whole_seconds {
        format!("{} s", limit.as_secs())
    } else {
        format!("{} ms", (limit.as_secs_f64() * 1e4).round() / 1e1)
    }
}
