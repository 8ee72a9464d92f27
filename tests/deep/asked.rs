//! A deep check in a running health, and what it says when it is asked.

use std::time::{Duration, Instant};

use health_core::{Ended, Exposure, Health, HealthCheck, Spec, Status, Unknown};

/// What no reader may ever see, whatever fails: the password of every account of these tests.
pub const SECRET: &str = "hunter2-is-no-password";

/// Time that a machine with other things to do may add to a timeout.
const GRACE: Duration = Duration::from_secs(4);

/// One check, run only when it is asked.
pub struct Deep {
    health: Health,
    name: &'static str,
}

/// What one run said, as whoever may see everything is told.
#[derive(Debug)]
pub struct Told {
    pub status: Result<Status, Unknown>,
    pub ended: Option<Ended>,
    pub summary: Option<String>,
    /// The redacted cause.
    pub cause: Option<String>,
    pub data: serde_json::Value,
    pub took: Duration,
}

impl Deep {
    /// The check with all that its spec says, except that it runs only when it is asked.
    pub fn started(name: &'static str, spec: Spec, check: impl HealthCheck + 'static) -> Self {
        // Whatever it recommends, every question is a run.
        let spec = spec.interval("never").cache("1ms");
        // An answer that is given before the run has ended tells of the one before it.
        let builder = Health::builder().deadline("60s").check(spec, check);
        let health = builder.build().expect("one good check").start();
        Self { health, name }
    }

    /// Runs it, and waits until that has come to an end. It has to within its timeout, and must not tell the secret.
    pub async fn told(&self) -> Told {
        // An answer is kept for a millisecond.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let asked = Instant::now();
        let report = self.health.check(self.name).await.expect("it is known");
        let took = asked.elapsed();
        let entry = report.entry(self.name).expect("it is in its own report");
        assert!(took <= entry.timeout() + GRACE, "known only after {took:?}: {entry:?}");
        let view = serde_json::to_value(report.view(Exposure::Full)).expect("a view is JSON");
        assert!(!view.to_string().contains(SECRET), "the secret is told: {view}");
        let text = |text: Option<&str>| text.map(ToOwned::to_owned);
        Told {
            status: entry.raw(),
            ended: entry.ended(),
            summary: text(entry.summary()),
            cause: text(entry.cause()),
            data: view["checks"][0]["data"].clone(),
            took,
        }
    }

    /// Asks until it is healthy: whatever broke has been mended, and nobody makes a new client.
    pub async fn recovers(&self) {
        health_tests::servers::eventually("it recovers by itself", async || {
            self.told().await.status == Ok(Status::Healthy)
        })
        .await;
    }
}

impl Told {
    /// Status and summary, to be compared in one line.
    pub fn said(&self) -> (Result<Status, Unknown>, Option<&str>) {
        (self.status, self.summary.as_deref())
    }

    pub fn is_healthy(&self) {
        assert_eq!(self.status, Ok(Status::Healthy), "{self:?}");
    }

    pub fn is_degraded(&self, summary: &str) {
        assert_eq!(self.said(), (Ok(Status::Degraded), Some(summary)), "{self:?}");
    }

    pub fn is_unhealthy(&self, summary: &str) {
        assert_eq!(self.said(), (Ok(Status::Unhealthy), Some(summary)), "{self:?}");
    }

    /// Nothing came back, and the engine ended the waiting.
    pub fn timed_out(&self) {
        assert_eq!((self.status, self.ended), (Ok(Status::Unhealthy), Some(Ended::Timeout)), "{self:?}");
    }
}
