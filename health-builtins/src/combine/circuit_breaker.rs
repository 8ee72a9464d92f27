//! Not asked while it is known to be down.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use health_core::{Datum, Failure, HealthCheck, Outcome, Spec, Status, timestamp};
use tokio::time::Instant;

use super::circuit::{Circuit, Turn};
use crate::Recommended;

/// A check that is not asked while it is known to be down.
///
/// After [`opens_after`](Self::opens_after) unhealthy runs in a row (errors, panics and runs that were cut off included;
/// degraded is not failing) the circuit opens: for the [first pause](Self::first_pause) nothing is asked, and the last
/// failure is repeated with its cause, its values and its time: "connection refused (not asked again since
/// 2026-11-21T10:15:04Z)". After the pause one run is a trial: it closes the circuit, or the next pause is twice as long,
/// up to the [longest](Self::longest_pause). Whoever asks while a trial is under way is told the last failure.
///
/// What it repeats is unhealthy, always. The observation is new and what it says is not, so it says since when it has
/// not asked, and goes on being a usable observation for as long as that is so.
///
/// A run that is dropped before it has answered counts as failed, because it has passed its timeout: "no answer in time".
/// It counts as well when that is because the process was paused, or is about to end, when nobody asks again.
#[must_use]
pub struct CircuitBreaker<C> {
    check: C,
    memory: Mutex<Memory>,
}

struct Memory {
    circuit: Circuit,
    last: Option<Arc<Said>>,
}

/// A failure, and when it was observed.
struct Said {
    outcome: Outcome,
    at: SystemTime,
}

impl<C> CircuitBreaker<C> {
    pub(super) fn around(check: C) -> Self {
        Self { check, memory: Mutex::new(Memory { circuit: Circuit::closed(), last: None }) }
    }

    /// After how many failed runs in a row it stops asking. Default: 3. With 0, as with 1.
    pub fn opens_after(self, failures: u32) -> Self {
        self.memory().circuit.opens_after = failures;
        self
    }

    /// For how long it then does not ask. Default: 15 s.
    pub fn first_pause(self, pause: Duration) -> Self {
        self.memory().circuit.first_pause = pause;
        self
    }

    /// For how long at most it does not ask after trials that failed. Default: 60 s; never more than a year.
    pub fn longest_pause(self, pause: Duration) -> Self {
        self.memory().circuit.longest_pause = pause;
        self
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: HealthCheck> HealthCheck for CircuitBreaker<C> {
    /// Cancelled, so is what it wraps, and that counts as a failure.
    async fn check(&self) -> Result<Outcome, Failure> {
        let began = SystemTime::now();
        let turn = {
            let mut memory = self.memory();
            match (memory.circuit.turn(Instant::now()), &memory.last) {
                (Some(turn), _) => turn,
                (None, Some(last)) => return Ok(repeated(last)),
                // It does not open without a failure.
                (None, None) => return Err(Failure::new("not asked, and nothing is known")),
            }
        };
        let run = Run { memory: &self.memory, turn: Some(turn), began };
        match self.check.check().await {
            Ok(outcome) if outcome.status() < Status::Unhealthy => {
                run.succeeds();
                Ok(outcome)
            }
            Ok(outcome) => Ok(anew(&run.fails(outcome))),
            Err(failure) => Err(as_failure(&run.fails(failure.into_outcome_of(Status::Unhealthy)))),
        }
    }

    fn defaults() -> Spec {
        C::defaults()
    }
}

impl<C: Recommended> Recommended for CircuitBreaker<C> {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        self.check.spec(name)
    }
}

impl<C: fmt::Debug> fmt::Debug for CircuitBreaker<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let circuit = self.memory().circuit.clone();
        f.debug_struct("CircuitBreaker")
            .field("check", &self.check)
            .field("circuit", &circuit)
            .finish_non_exhaustive()
    }
}

/// A run under way. Dropped without an answer, it has failed.
struct Run<'a> {
    memory: &'a Mutex<Memory>,
    turn: Option<Turn>,
    began: SystemTime,
}

impl Run<'_> {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn succeeds(mut self) {
        if let Some(turn) = self.turn.take() {
            self.memory().circuit.succeeds(turn);
        }
    }

    fn fails(mut self, outcome: Outcome) -> Arc<Said> {
        let said = Arc::new(Said { outcome, at: self.began });
        self.remember(&said);
        said
    }

    fn remember(&mut self, said: &Arc<Said>) {
        let Some(turn) = self.turn.take() else { return };
        let mut memory = self.memory();
        let replaced = if memory.circuit.fails(turn, Instant::now()) {
            memory.last.replace(Arc::clone(said))
        } else {
            None
        };
        // A destructor of a cause may do what it likes, but not under the lock.
        drop(memory);
        drop(replaced);
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if self.turn.is_some() {
            let summary = if thread::panicking() { "panicked" } else { "no answer in time" };
            let said = Arc::new(Said { outcome: Outcome::unhealthy(summary), at: self.began });
            self.remember(&said);
        }
    }
}

/// The same once more, as an outcome.
fn anew(said: &Arc<Said>) -> Outcome {
    let mut outcome = Outcome::of(Status::Unhealthy);
    if let Some(summary) = said.outcome.summary() {
        outcome = outcome.with_summary(summary.to_owned());
    }
    if said.outcome.cause().is_some() {
        outcome = outcome.because(Cause(Arc::clone(said)));
    }
    said.outcome.all_data().iter().fold(outcome, with)
}

/// The same once more, as the error that it was.
fn as_failure(said: &Arc<Said>) -> Failure {
    let cause = said.outcome.cause().map(|_| Cause(Arc::clone(said)));
    match (said.outcome.summary().map(ToOwned::to_owned), cause) {
        (Some(summary), Some(cause)) => Failure::new(summary).because(cause),
        (Some(summary), None) => Failure::new(summary),
        (None, Some(cause)) => cause.into(),
        (None, None) => Failure::new("failed"),
    }
}

/// What was said before, and since when nobody has asked.
fn repeated(said: &Arc<Said>) -> Outcome {
    let at = timestamp(said.at);
    // To the second.
    let time = at.get(..19).unwrap_or(&at);
    let summary = said.outcome.summary().unwrap_or("failed");
    let summary = format!("{summary} (not asked again since {time}Z)");
    anew(said).with_summary(summary).data("not_asked_since", at)
}

fn with(outcome: Outcome, datum: &Datum) -> Outcome {
    let (name, value) = (datum.name().to_owned(), datum.value().clone());
    if datum.is_private() { outcome.private_data(name, value) } else { outcome.data(name, value) }
}

/// The cause of a failure that is told more than once.
#[derive(Clone)]
struct Cause(Arc<Said>);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.outcome.cause().map_or(Ok(()), |cause| fmt::Display::fmt(cause, f))
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.outcome.cause().map_or(Ok(()), |cause| fmt::Debug::fmt(cause, f))
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.outcome.cause()?.source()
    }
}
