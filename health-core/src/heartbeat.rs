//! What is asked of the runtimes of the process: to make progress.

use std::time::Duration;

use crate::{Period, Probe, Scope, Spec};

/// The name of the check.
pub(crate) const NAME: &str = "runtime";

/// How long a runtime may make no progress where nothing is said.
const DEFAULT_UNHEALTHY_AFTER: Duration = Duration::from_secs(10);

/// A check that is ready-made: whether the runtimes of the process make progress. For
/// [`HealthBuilder::heartbeat`](crate::HealthBuilder::heartbeat).
///
/// Watched are the runtime that the engine was started on, every worker of actix-web that mounts the endpoints of
/// `health-actix`, and those in which [`Health::watch_runtime`](crate::Health::watch_runtime) was called. An engine that
/// was started with [`start_dedicated`](crate::Assembly::start_dedicated) has a runtime of its own, so that of the
/// application has to be named there.
///
/// A thread of the engine's own hands every runtime a small task about once a second and notices when it is not taken
/// up, as when every thread of the runtime blocks or waits for a lock that is never released. A restart repairs that,
/// so this is a check for [`Live`](crate::Probe::Live). Time during which the process itself was paused or got no
/// processor does not count, and a runtime that is merely busy takes its task up in the end. The thread wakes ten times
/// a second for it.
///
/// The check is called `runtime`, joins live, is critical, and is healthy or unhealthy, never degraded.
///
/// ```
/// use health_core::Heartbeat;
///
/// let patient = Heartbeat::new().unhealthy_after("30s");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Heartbeat {
    unhealthy_after: Period,
}

impl Heartbeat {
    /// Unhealthy after 10 seconds without progress.
    pub fn new() -> Self {
        Self { unhealthy_after: DEFAULT_UNHEALTHY_AFTER.into() }
    }

    /// How long a runtime may make no progress. Less than a few seconds finds fault with runtimes that are only busy.
    /// The default is 10 seconds.
    pub fn unhealthy_after(mut self, period: impl Into<Period>) -> Self {
        self.unhealthy_after = period.into();
        self
    }

    /// The limit, or why it is none.
    pub(crate) fn limit(self) -> Result<Duration, String> {
        self.unhealthy_after.checked("the `unhealthy_after` of the heartbeat")
    }
}

/// The description of the check.
#[track_caller]
pub(crate) fn spec() -> Spec {
    Spec::named(NAME)
        .describe("The runtimes of this process make progress.")
        .probe(Probe::Live)
        .scope(Scope::Local)
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_none_is_said() {
        assert_eq!(Heartbeat::default().limit(), Ok(Duration::from_secs(10)));
        assert_eq!(Heartbeat::new().unhealthy_after("1m").limit(), Ok(Duration::from_secs(60)));
        for (text, words) in
            [("0s", "the `unhealthy_after` of the heartbeat is zero"), ("soon", "is no duration")]
        {
            let fault = Heartbeat::new().unhealthy_after(text).limit().unwrap_err();
            assert!(fault.contains(words), "{fault}");
        }
    }
}
