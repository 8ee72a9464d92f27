//! One of several checks that are asked together, whatever its type.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use health_core::{Failure, HealthCheck, Outcome, Spec, Status};
use tokio::time::timeout;

type Answer = Result<Outcome, Failure>;

/// One of several checks that are asked together: [`any_of`](super::any_of), [`all_of`](super::all_of).
///
/// It has the limit of its own [`Spec`], and whatever befalls it befalls it alone: an error, a panic, no answer in time.
#[must_use]
pub struct Member {
    spec: Spec,
    check: Box<dyn Erased>,
}

trait Erased: Send + Sync {
    fn begin(&self) -> BoxFuture<'_, Answer>;
}

impl<C: HealthCheck> Erased for C {
    fn begin(&self) -> BoxFuture<'_, Answer> {
        Box::pin(self.check())
    }
}

impl Member {
    /// A check with the name, the timeout, the scope, the interval and the weight of this `Spec`: the timeout is the limit
    /// of the member, the rest goes into what is recommended for all of them together.
    pub fn of(spec: Spec, check: impl HealthCheck + 'static) -> Self {
        Self { spec, check: Box::new(check) }
    }

    pub(super) fn name(&self) -> &str {
        self.spec.name()
    }

    pub(super) fn is_critical(&self) -> bool {
        self.spec.is_critical()
    }

    pub(super) fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Asks once, contained and bounded.
    pub(super) async fn told(&self) -> Outcome {
        let begun = catch_unwind(AssertUnwindSafe(|| self.check.begin()));
        let mut run = match begun {
            Ok(run) => run,
            Err(payload) => return panicked(payload),
        };
        let limit = self.spec.effective_timeout();
        let ended = timeout(limit, AssertUnwindSafe(&mut run).catch_unwind()).await;
        // As in the engine: a destructor that panics changes nothing about what was said.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(run))) {
            drop(text_of(payload));
        }
        let answer = match ended {
            Ok(Ok(answer)) => answer,
            Ok(Err(payload)) => return panicked(payload),
            Err(_) => Err(Failure::new(format!("did not answer within {limit:?}"))),
        };
        answer.unwrap_or_else(|failure| failure.into_outcome_of(Status::Unhealthy))
    }
}

fn panicked(payload: Box<dyn Any + Send>) -> Outcome {
    let text = text_of(payload).unwrap_or_else(|| "a payload that is no text".to_owned());
    Outcome::unhealthy("panicked").because(text)
}

/// What a panic said.
pub(super) fn text_of(payload: Box<dyn Any + Send>) -> Option<String> {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    if text.is_none() {
        // It may panic when it is dropped, and the payload of that panic again: it is not dropped at all.
        std::mem::forget(payload);
    }
    text
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("spec", &self.spec).finish_non_exhaustive()
    }
}
