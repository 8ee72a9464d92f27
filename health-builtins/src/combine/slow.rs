//! Healthy but slow is degraded.

use std::borrow::Cow;
use std::time::Duration;

use health_core::{Failure, HealthCheck, Outcome, Spec, Status};
use tokio::time::Instant;

use crate::Recommended;

/// A check with a limit of its own, see [`degraded_if_slower_than`](super::Combine::degraded_if_slower_than).
#[derive(Clone, Debug)]
#[must_use]
pub struct DegradedIfSlower<C> {
    check: C,
    limit: Duration,
}

impl<C> DegradedIfSlower<C> {
    pub(super) fn new(check: C, limit: Duration) -> Self {
        Self { check, limit }
    }
}

impl<C: HealthCheck> HealthCheck for DegradedIfSlower<C> {
    /// Cancelled, so is what it wraps.
    async fn check(&self) -> Result<Outcome, Failure> {
        let began = Instant::now();
        let outcome = self.check.check().await?;
        let took = began.elapsed();
        if took <= self.limit || outcome.status() != Status::Healthy {
            return Ok(outcome);
        }
        let slow = format!("answered in {:?}, slower than {:?}", in_whole_milliseconds(took), self.limit);
        let summary = match outcome.summary() {
            Some(said) => format!("{said}; {slow}"),
            None => slow,
        };
        Ok(outcome.at_least(Status::Degraded).with_summary(summary))
    }

    fn defaults() -> Spec {
        C::defaults()
    }
}

impl<C: Recommended> Recommended for DegradedIfSlower<C> {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        self.check.spec(name)
    }
}

/// Rounded up, so that it does not look like less than what it was more than.
fn in_whole_milliseconds(took: Duration) -> Duration {
    let milliseconds = took.as_nanos().div_ceil(1_000_000);
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX))
}
