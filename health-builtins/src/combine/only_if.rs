//! Asked only while it matters.

use std::borrow::Cow;
use std::fmt;

use health_core::{Failure, HealthCheck, Outcome, Spec};

use crate::Recommended;

/// A check that is asked under a condition, see [`only_if`](super::Combine::only_if).
#[derive(Clone)]
#[must_use]
pub struct OnlyIf<C, F> {
    check: C,
    condition: F,
}

impl<C, F> OnlyIf<C, F> {
    pub(super) fn new(check: C, condition: F) -> Self {
        Self { check, condition }
    }
}

impl<C: HealthCheck, F: Fn() -> bool + Send + Sync> HealthCheck for OnlyIf<C, F> {
    /// Cancelled, so is what it wraps.
    async fn check(&self) -> Result<Outcome, Failure> {
        if (self.condition)() {
            self.check.check().await
        } else {
            Ok(Outcome::healthy().with_summary("not asked: it does not apply now"))
        }
    }

    fn defaults() -> Spec {
        C::defaults()
    }
}

impl<C: Recommended, F: Fn() -> bool + Send + Sync> Recommended for OnlyIf<C, F> {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        self.check.spec(name)
    }
}

impl<C: fmt::Debug, F> fmt::Debug for OnlyIf<C, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnlyIf").field("check", &self.check).finish_non_exhaustive()
    }
}
