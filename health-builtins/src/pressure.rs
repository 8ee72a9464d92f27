//! What fills up, and from where on that is worth telling.

use std::borrow::Cow;
use std::time::Duration;

use health_core::{Failure, HealthCheck, Outcome, Spec, Status};

use crate::Recommended;
use crate::recommended::on_this_machine;

/// Something that fills up: memory, a pool, a queue.
///
/// ```
/// use health_builtins::{Gauge, Pressure, Reading, Unit};
/// use health_core::Failure;
///
/// struct Mailbox(tokio::sync::mpsc::Sender<()>);
///
/// impl Gauge for Mailbox {
///     const UNIT: Unit = Unit::Share;
///     const DEGRADED_ABOVE: f64 = 0.8;
///
///     async fn read(&self) -> Result<Reading, Failure> {
///         let (room, size) = (self.0.capacity(), self.0.max_capacity());
///         let waiting = size - room;
///         Ok(Reading::of(waiting as f64 / size as f64, format!("{waiting} of {size} places are taken")))
///     }
/// }
///
/// let (sender, _receiver) = tokio::sync::mpsc::channel(100);
/// let mailbox = Pressure::of(Mailbox(sender)).degraded_above(0.5);
/// ```
pub trait Gauge: Send + Sync {
    /// What levels are counted in.
    const UNIT: Unit;
    /// The level above which it is degraded, unless its user says otherwise.
    const DEGRADED_ABOVE: f64;

    /// How full it is now.
    ///
    /// An error says that this cannot be known. Dropped when the timeout of the check has passed.
    fn read(&self) -> impl Future<Output = Result<Reading, Failure>> + Send;
}

/// What a level is counted in, and how limits are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// 0 is empty and 1 is full: written as `90 %`.
    Share,
    /// Seconds: written as `100ms`.
    Seconds,
    /// Things: written as a number.
    Count,
}

impl Unit {
    pub(crate) fn write(self, level: f64) -> String {
        match self {
            Self::Share => format!("{} %", rounded(level * 100.0)),
            Self::Seconds => match Duration::try_from_secs_f64(level) {
                Ok(duration) => format!("{:?}", legible(duration)),
                Err(_) => format!("{level} s"),
            },
            Self::Count => rounded(level),
        }
    }
}

/// In whole milliseconds, unless it is shorter.
fn legible(duration: Duration) -> Duration {
    match u64::try_from(duration.as_millis()) {
        Ok(millis) if millis > 0 => Duration::from_millis(millis),
        _ => duration,
    }
}

/// With one digit after the point, if that says more.
fn rounded(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), ToOwned::to_owned)
}

/// How full something was found.
#[derive(Debug)]
#[must_use]
pub struct Reading {
    level: f64,
    summary: Cow<'static, str>,
    degraded: Option<Cow<'static, str>>,
    data: Vec<(Cow<'static, str>, serde_json::Value)>,
}

impl Reading {
    /// This level, in the unit of its gauge, and the same in words: `"93 of 100 places are taken"`.
    pub fn of(level: f64, summary: impl Into<Cow<'static, str>>) -> Self {
        Self { level, summary: summary.into(), degraded: None, data: Vec::new() }
    }

    /// Degraded whatever the level, for this reason, which is told when the level alone would be healthy: for a gauge
    /// that knows a limit of its own in another unit.
    pub fn degraded_because(mut self, summary: impl Into<Cow<'static, str>>) -> Self {
        self.degraded = Some(summary.into());
        self
    }

    /// A value that whoever may see everything is shown.
    pub fn data(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<serde_json::Value>) -> Self {
        self.data.push((name.into(), value.into()));
        self
    }
}

/// A check of something that fills up.
///
/// It is degraded above one limit, and never worse unless [`unhealthy_above`](Self::unhealthy_above) sets another: an
/// instance that is busy and leaves hands its load to the next one. That a level cannot be read weighs the same.
///
/// Its spec has a timeout of 5 s, for a run that is cut off is unhealthy whatever the limits are. Where a limit in
/// seconds is as long, give the spec more: `lag.spec("lag").timeout("15s")`.
///
/// As a field it is named with its gauge:
///
/// ```
/// use health_builtins::Pressure;
/// use health_builtins::memory::Memory;
///
/// struct Machine {
///     memory: Pressure<Memory>,
/// }
///
/// let machine = Machine { memory: Memory::used().degraded_above(0.85) };
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Pressure<G> {
    gauge: G,
    degraded_above: f64,
    unhealthy_above: Option<f64>,
}

impl<G: Gauge> Pressure<G> {
    /// With the limit of the gauge.
    pub fn of(gauge: G) -> Self {
        Self { gauge, degraded_above: G::DEGRADED_ABOVE, unhealthy_above: None }
    }

    /// Degraded above this level, in the unit of the gauge.
    pub fn degraded_above(mut self, level: f64) -> Self {
        self.degraded_above = level;
        self
    }

    /// Unhealthy above this level, in the unit of the gauge, and critical: only where an instance that is this full is
    /// worth less than none. Unset, it is never worse than degraded.
    pub fn unhealthy_above(mut self, level: f64) -> Self {
        self.unhealthy_above = Some(level);
        self
    }

    /// With another gauge of its kind.
    pub(crate) fn map(mut self, change: impl FnOnce(G) -> G) -> Self {
        self.gauge = change(self.gauge);
        self
    }

    fn judged(&self, reading: Reading) -> Result<Outcome, Failure> {
        let (degraded, unhealthy) = (self.degraded_above, self.unhealthy_above);
        if degraded.is_nan() || unhealthy.is_some_and(|limit| limit.is_nan() || limit < degraded) {
            return Err(Failure::new("`unhealthy_above` must be a number not below `degraded_above`"));
        }
        let above = |limit: &f64| reading.level.is_nan() || reading.level > *limit;
        let unit = G::UNIT;
        let (status, crossed) = match unhealthy.filter(above) {
            Some(limit) => (Status::Unhealthy, Some(limit)),
            None if above(&degraded) => (Status::Degraded, Some(degraded)),
            None => (Status::Healthy, None),
        };
        let mut outcome = Outcome::of(status);
        if let Some(limit) = crossed {
            outcome = outcome.with_summary(format!("{}, more than {}", reading.summary, unit.write(limit)));
        } else if let Some(reason) = reading.degraded {
            outcome = outcome.at_least(Status::Degraded).with_summary(reason);
        }
        for (name, value) in reading.data {
            outcome = outcome.data(name, value);
        }
        Ok(outcome)
    }
}

impl<G: Gauge> HealthCheck for Pressure<G> {
    async fn check(&self) -> Result<Outcome, Failure> {
        let judged = self.gauge.read().await.and_then(|reading| self.judged(reading));
        match judged {
            Err(failure) if self.unhealthy_above.is_none() => Ok(failure.into_outcome_of(Status::Degraded)),
            judged => judged,
        }
    }

    fn defaults() -> Spec {
        on_this_machine("").timeout("5s").critical(false)
    }
}

impl<G: Gauge> Recommended for Pressure<G> {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        // Longer than any gauge waits by itself, on a runtime that stands still meanwhile.
        on_this_machine(name).timeout("5s").critical(self.unhealthy_above.is_some())
    }
}

#[cfg(test)]
mod tests {
    use health_core::Health;

    use super::*;

    struct Level(Option<f64>);

    impl Gauge for Level {
        const UNIT: Unit = Unit::Share;
        const DEGRADED_ABOVE: f64 = 0.9;

        async fn read(&self) -> Result<Reading, Failure> {
            let level = self.0.ok_or_else(|| Failure::new("not told").because("no such file"))?;
            Ok(Reading::of(level, "the tank is used"))
        }
    }

    async fn said(check: Pressure<Level>) -> (Option<Status>, Option<String>) {
        match check.check().await {
            Ok(outcome) => (Some(outcome.status()), outcome.summary().map(ToOwned::to_owned)),
            Err(failure) => (None, failure.summary().map(ToOwned::to_owned)),
        }
    }

    #[tokio::test]
    async fn it_is_never_worse_than_degraded_unless_told_to_be() {
        for level in [0.91, 1.0, 7.0, f64::INFINITY, f64::NAN] {
            let (status, summary) = said(Pressure::of(Level(Some(level)))).await;
            assert_eq!(status, Some(Status::Degraded), "{level}");
            assert_eq!(summary.as_deref(), Some("the tank is used, more than 90 %"), "{level}");
        }
        assert_eq!(said(Pressure::of(Level(Some(0.9)))).await, (Some(Status::Healthy), None));
        let unread = (Some(Status::Degraded), Some("not told".to_owned()));
        assert_eq!(said(Pressure::of(Level(None))).await, unread);
        let limits = Some("`unhealthy_above` must be a number not below `degraded_above`".to_owned());
        let odd = Pressure::of(Level(Some(0.1))).degraded_above(f64::NAN);
        assert_eq!(said(odd).await, (Some(Status::Degraded), limits.clone()));
        let crossed = Pressure::of(Level(Some(0.1))).unhealthy_above(0.2);
        assert_eq!(said(crossed).await, (None, limits));
    }

    #[tokio::test]
    async fn it_is_unhealthy_above_the_limit_that_is_set() {
        let limited = |level| Pressure::of(Level(level)).unhealthy_above(0.955);
        let summary = Some("the tank is used, more than 95.5 %".to_owned());
        assert_eq!(said(limited(Some(0.96))).await, (Some(Status::Unhealthy), summary));
        assert_eq!(said(limited(Some(0.95))).await.0, Some(Status::Degraded));
        assert_eq!(said(limited(None)).await, (None, Some("not told".to_owned())));
    }

    #[test]
    fn a_gauge_may_have_a_limit_of_its_own() {
        let told = |level| {
            let reading = Reading::of(level, "the tank is used").degraded_because("two litres are left");
            let outcome = Pressure::of(Level(None)).unhealthy_above(0.95).judged(reading).unwrap();
            (outcome.status(), outcome.summary().unwrap().to_owned())
        };
        assert_eq!(told(0.5), (Status::Degraded, "two litres are left".to_owned()));
        assert_eq!(told(0.92), (Status::Degraded, "the tank is used, more than 90 %".to_owned()));
        assert_eq!(told(0.96), (Status::Unhealthy, "the tank is used, more than 95 %".to_owned()));
    }

    #[test]
    fn a_fault_in_its_spec_points_to_its_user() {
        let level = Pressure::of(Level(None));
        let (spec, line) = (level.spec("level").timeout("2 parsecs"), line!());
        let fault = Health::builder().check(spec, level).build().unwrap_err().to_string();
        assert!(fault.contains(&format!("pressure.rs:{line}")), "{fault}");
    }

    #[test]
    fn limits_are_written_as_people_read_them() {
        assert_eq!(Unit::Share.write(0.9), "90 %");
        assert_eq!(Unit::Seconds.write(0.1), "100ms");
        assert_eq!(Unit::Seconds.write(10.500_123), "10.5s");
        assert_eq!(Unit::Seconds.write(0.000_25), "250µs");
        assert_eq!(Unit::Count.write(12.0), "12");
        assert_eq!(Unit::Seconds.write(f64::NAN), "NaN s");
    }
}
