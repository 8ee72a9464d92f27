//! The verdict and its order.

use std::fmt;

/// The verdict of a check, of a probe, of the whole: three values, the later the worse.
///
/// There is no fourth rank for "we do not know": an observation that is missing or too old is an absence, and what
/// an absence weighs is decided in one place, the aggregation.
///
/// ```
/// use health_core::Status;
///
/// assert!(Status::Healthy < Status::Degraded && Status::Degraded < Status::Unhealthy);
/// assert_eq!(Status::worst([Status::Healthy, Status::Degraded]), Status::Degraded);
/// assert_eq!(Status::worst([]), Status::Healthy);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Does what it is for.
    Healthy,
    /// Works, but somebody should look at it. Never takes an instance out of rotation.
    Degraded,
    /// Does not do what it is for.
    Unhealthy,
}

impl Status {
    /// Every status, best first.
    pub const ALL: [Self; 3] = [Self::Healthy, Self::Degraded, Self::Unhealthy];

    /// The lower-case word used on the wire: `healthy`, `degraded` or `unhealthy`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// The worst of all, [`Healthy`](Self::Healthy) for none.
    pub fn worst(statuses: impl IntoIterator<Item = Self>) -> Self {
        statuses.into_iter().max().unwrap_or(Self::Healthy)
    }

    /// Whether this is [`Healthy`](Self::Healthy).
    #[must_use]
    pub const fn is_healthy(self) -> bool {
        matches!(self, Self::Healthy)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
