//! Somebody asks, and is answered.

use std::time::Duration;

use super::Engine;
use super::assess::Asking;
use crate::{Probe, Report};

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    /// The worst of live and ready, every check listed.
    Whole,
    /// One probe.
    Probe(Probe),
    /// One check by its index, its own status.
    Check(usize),
    /// Some checks by their indices, across probes, whatever the phase.
    Some(&'a [usize]),
    /// The same, of which one is above the others and brings its own status.
    Tree { checks: &'a [usize], top: Option<usize> },
}

/// How a subject is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner<'a> {
    /// Can only shorten what the engine was built with.
    pub(crate) deadline: Duration,
    /// What has been observed less than this long ago is not asked for again, whatever the cache of its check says.
    pub(crate) floor: Duration,
    /// Checks that are taken to be well, by their indices.
    pub(crate) excluded: &'a [usize],
}

impl Default for Manner<'_> {
    fn default() -> Self {
        Self { deadline: Duration::MAX, floor: Duration::ZERO, excluded: &[] }
    }
}

impl Engine {
    /// Says what the subject comes to, after a run of every check in it whose last observation is not fresh.
    pub(crate) async fn ask(&self, subject: Subject<'_>, manner: Manner<'_>) -> Report {
        let Manner { deadline: shorter, floor, excluded } = manner;
        let fresh = || self.fresh(subject, floor);
        let without = |all: Report| match excluded {
            [] => all,
            _ => self.assess(subject, Asking::Poll, excluded).report,
        };
        if let Some(fresh) = fresh() {
            return without(fresh);
        }
        let deadline = match subject {
            Subject::Probe(probe) => *self.plan.deadlines.get(probe),
            _ => *self.plan.deadlines.get(Probe::Ready),
        };
        let deadline = shorter.min(deadline);
        match subject {
            Subject::Probe(Probe::Startup) if self.startup_has_passed() => {}
            Subject::Probe(probe) => self.round(self.plan.joining(probe), deadline, floor).await,
            Subject::Check(check) => self.round(&[check], deadline, floor).await,
            Subject::Some(checks) | Subject::Tree { checks, .. } => {
                self.round(checks, deadline, floor).await;
            }
            Subject::Whole => self.round(&self.plan.lasting, deadline, floor).await,
        }
        if self.startup_has_passed() {
            self.reconsider_if_changed();
        } else {
            // Whoever has waited for startup to pass is not told that it has not.
            self.reconsider();
        }
        // Another poller may have looked since.
        without(fresh().unwrap_or_else(|| self.keep(subject, self.assess(subject, Asking::Poll, &[]))))
    }
}
