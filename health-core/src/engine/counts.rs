//! How often, and for how long: what is counted of one check since the start.

use std::time::Duration;

use super::{Ended, Observation};
use crate::Status;

/// How many bounds there are.
const BOUNDS: usize = 11;

/// How the runs of a check have ended since the start, and how long they took. What was reported is no run.
///
/// ```
/// use health_core::{Ended, Health, Outcome, Probe, Spec, Status};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), health_core::BuildError> {
/// let disk = || async { Outcome::degraded("91 % full") };
/// let health = Health::builder().check_fn(Spec::named("disk"), disk).build()?.start();
/// health.report(Probe::Ready).await;
/// let runs = health.runs("disk").expect("it is declared");
/// assert_eq!(runs.ended(Ended::Returned(Status::Degraded)), 1);
/// assert_eq!((runs.ended(Ended::Timeout), runs.total()), (0, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// Counted in 32 bits, so that ten thousand checks cost little: at one run a second they last for a century.
    ended: [u32; 6],
    /// By the shortest bound that holds them.
    within: [u32; BOUNDS],
    took: Duration,
}

impl Runs {
    /// The durations by which [`within`](Self::within) counts, ascending: from 5 ms to 10 s.
    pub const BOUNDS: [Duration; BOUNDS] = [
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_millis(2500),
        Duration::from_secs(5),
        Duration::from_secs(10),
    ];

    /// How many ended in this way.
    #[must_use]
    pub fn ended(&self, ended: Ended) -> u64 {
        self.ended.get(place(ended)).copied().unwrap_or_default().into()
    }

    /// How many ended at all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.ended.iter().copied().map(u64::from).sum()
    }

    /// How long all of them took together. One that did not end in time counts until it was given
    /// up.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// How many took no longer than each of the [bounds](Self::BOUNDS), the shorter ones included.
    pub fn within(&self) -> impl Iterator<Item = (Duration, u64)> + use<> {
        let sums = self.within.into_iter().scan(0, |sum, count| {
            *sum += u64::from(count);
            Some(*sum)
        });
        Self::BOUNDS.into_iter().zip(sums)
    }

    pub(super) fn count(&mut self, observation: &Observation) {
        if let Some(count) = self.ended.get_mut(place(observation.ended)) {
            *count = count.saturating_add(1);
        }
        let bound = Self::BOUNDS.iter().position(|bound| observation.duration <= *bound);
        if let Some(count) = bound.and_then(|bound| self.within.get_mut(bound)) {
            *count = count.saturating_add(1);
        }
        self.took = self.took.saturating_add(observation.duration);
    }
}

fn place(ended: Ended) -> usize {
    match ended {
        Ended::Returned(Status::Healthy) => 0,
        Ended::Returned(Status::Degraded) => 1,
        Ended::Returned(Status::Unhealthy) => 2,
        Ended::Error => 3,
        Ended::Timeout => 4,
        Ended::Panic => 5,
    }
}
