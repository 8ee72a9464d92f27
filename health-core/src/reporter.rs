//! Evidence that the application pushes.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::engine::{Cell, Evidence, Observation, Saying};
use crate::{Failure, Outcome, Spec};

/// Evidence that the application pushes: a check without a run, for message consumers, batch loops and whatever else
/// knows best itself how it is doing.
///
/// What was last reported counts until it is older than the [`max_age`](Spec::max_age) of its `Spec`, which must be
/// given: a loop that has died reports nothing, and that has to be noticed. Until the first report nothing is known
/// about it, which makes ready unhealthy if it is critical; a loop that starts says [`idle`](Self::idle).
///
/// Clones are the same reporter; it keeps no engine alive. What is reported before the engine starts, or while none
/// runs, is kept and counts from when it was reported. To report never blocks on a check or a poller, may be done on any
/// thread, and goes through the thresholds of the `Spec`. It may log what has changed on the thread that reports.
///
/// ```
/// use health_core::{Health, Reporter, Spec};
///
/// # async fn work() -> Result<bool, std::io::Error> { Ok(true) }
/// # async fn run() -> Result<(), health_core::BuildError> {
/// let consumer = Reporter::new(Spec::named("consumer").max_age("2m"));
/// let health = Health::builder().reporter(&consumer).build()?.start();
/// loop {
///     match work().await {
///         Ok(true) => consumer.healthy(),
///         Ok(false) => consumer.idle(),
///         Err(error) => consumer.unhealthy(error),
///     }
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Reporter {
    shared: Arc<Shared>,
}

struct Shared {
    /// `None` for the reporter of a canary, which is described where its run is.
    spec: Option<Spec>,
    listeners: Mutex<Listeners>,
}

#[derive(Default)]
struct Listeners {
    cells: Vec<Weak<Cell>>,
    /// What was last reported, for an engine that starts later.
    last: Option<Observation>,
}

impl Reporter {
    /// A reporter of this description, for [`HealthBuilder::reporter`](crate::HealthBuilder::reporter).
    ///
    /// A timeout, an interval and whatever else is about runs has no meaning here, and a `max_age` must be given;
    /// `build()` says so.
    pub fn new(mut spec: Spec) -> Self {
        spec.has_run = false;
        Self { shared: Arc::new(Shared { spec: Some(spec), listeners: Mutex::default() }) }
    }

    /// The reporter of a check that also has a run.
    pub(crate) fn of(cell: &Arc<Cell>) -> Self {
        let listeners = Listeners { cells: vec![Arc::downgrade(cell)], last: None };
        Self { shared: Arc::new(Shared { spec: None, listeners: Mutex::new(listeners) }) }
    }

    /// Something was done, and it succeeded.
    pub fn healthy(&self) {
        self.report(Outcome::healthy(), Evidence::Work);
    }

    /// Something was done, and somebody should look at it.
    pub fn degraded(&self, summary: impl Into<Cow<'static, str>>) {
        self.report(Outcome::degraded(summary), Evidence::Work);
    }

    /// Something was to be done, and it failed. An error of its own (anything that is `Into<Box<dyn Error + Send +
    /// Sync>>`) has the public face "failed" and is the private cause; a [`Failure`] says more to everybody.
    pub fn unhealthy(&self, failure: impl Into<Failure>) {
        self.push(&Observation::reported(Err(failure.into()), Evidence::Work));
    }

    /// Alive, with nothing to do: healthy, but no success that [`last_success`](crate::Entry::last_success) would
    /// count or that would keep a canary from being run.
    pub fn idle(&self) {
        self.report(Outcome::healthy().with_summary("idle"), Evidence::Life);
    }

    /// Alive, and what was last reported is still so: a long piece of work that goes on. With nothing reported yet it
    /// is healthy.
    pub fn beat(&self) {
        let mut listeners = self.listeners();
        let last = listeners.last.take();
        let alive = || Observation::reported(Ok(Outcome::healthy()), Evidence::Life);
        listeners.last = Some(last.map_or_else(alive, Observation::renewed));
        let cells = listeners.running();
        drop(listeners);
        cells.iter().for_each(|cell| cell.beat());
    }

    fn report(&self, outcome: Outcome, evidence: Evidence) {
        self.push(&Observation::reported(Ok(outcome), evidence));
    }

    fn push(&self, observation: &Observation) {
        let mut listeners = self.listeners();
        let cells = listeners.running();
        let is_newest = listeners.last.as_ref().is_none_or(|last| last.said <= observation.said);
        if self.shared.spec.is_some() && is_newest {
            listeners.last = Some(observation.clone());
        }
        drop(listeners);
        for cell in cells {
            cell.report(observation.clone(), Saying::Now);
        }
    }

    pub(crate) fn spec(&self) -> Option<&Spec> {
        self.shared.spec.as_ref()
    }

    /// From now on `cell` hears what is reported, for as long as it lives.
    pub(crate) fn reports_to(&self, cell: &Arc<Cell>) {
        let mut listeners = self.listeners();
        listeners.cells.retain(|known| known.strong_count() > 0);
        listeners.cells.push(Arc::downgrade(cell));
        let last = listeners.last.clone();
        drop(listeners);
        if let Some(last) = last {
            cell.report(last, Saying::Now);
        }
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.shared.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listeners {
    fn running(&self) -> Vec<Arc<Cell>> {
        self.cells.iter().filter_map(Weak::upgrade).collect()
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.shared.spec.as_ref().map(|spec| &spec.name);
        f.debug_struct("Reporter").field("name", &name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Health, Probe, Status};

    #[tokio::test]
    async fn what_was_reported_earlier_and_arrives_later_is_not_kept() {
        let reporter = Reporter::new(Spec::named("consumer").max_age("1h"));
        let later = Observation::reported(Ok(Outcome::unhealthy("refused")), Evidence::Work);
        let mut earlier = Observation::reported(Ok(Outcome::healthy()), Evidence::Work);
        earlier.said = later.said - Duration::from_millis(1);
        reporter.push(&later);
        reporter.push(&earlier);
        let health = Health::builder().reporter(&reporter).build().unwrap().start();
        assert_eq!(health.status(Probe::Ready), Status::Unhealthy);
    }
}
