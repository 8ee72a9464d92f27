//! Every state in which a reader may find a process, each with what ready comes to.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use health_core::{
    Failure, Gate, Health, HealthBuilder, Outcome, Probe, Quorum, Reporter, Scope, Spec, Status,
};
use tokio::time::sleep;

use crate::panics;

/// A process in one state.
pub struct State {
    pub name: &'static str,
    pub health: Health,
    pub ready: Status,
    /// Dropped unopened it would be another state.
    _gate: Gate,
}

/// Its one check, if it has no other.
pub const NAME: &str = "stores/main";

fn store() -> Spec {
    Spec::named(NAME)
}

fn saying(spec: Spec, outcome: fn() -> Result<Outcome, Failure>) -> HealthBuilder {
    Health::builder().check_fn(spec, move || async move { outcome() })
}

fn well() -> Result<Outcome, Failure> {
    Ok(Outcome::healthy().with_summary("Store operational").data("used", 7))
}

fn full() -> Result<Outcome, Failure> {
    Ok(Outcome::degraded("91 % full").data("used", 91))
}

fn gone() -> Result<Outcome, Failure> {
    Ok(Outcome::unhealthy("no route")
        .because("connection refused")
        .data("tries", 3)
        .private_data("secret", 1))
}

/// All of them, on paused time.
pub async fn every() -> Vec<State> {
    panics::are_expected(&["boom"]);
    let gate = Gate::new("migrations");
    let reporter = |name| Reporter::new(Spec::named(name).max_age("1m"));
    let (silent, stale) = (reporter(NAME), reporter(NAME));
    let optional = Reporter::new(Spec::named(NAME).critical(false).max_age("1h"));
    let has_run = AtomicBool::new(false);
    let held = move || {
        let outcome = if has_run.swap(true, Ordering::SeqCst) { gone() } else { well() };
        async { outcome }
    };
    let (eu, us) = (Spec::named("eu").group("replicas"), Spec::named("us").group("replicas"));
    let startup = Spec::named("schema").probe([Probe::Startup]).scope(Scope::Local);
    let (healthy, degraded, unhealthy) = (Status::Healthy, Status::Degraded, Status::Unhealthy);
    let described = [
        ("empty", Health::builder(), healthy),
        ("healthy", saying(store(), well), healthy),
        ("degraded", saying(store(), full), degraded),
        ("unhealthy", saying(store(), gone), unhealthy),
        (
            "error",
            saying(store(), || Err(std::io::Error::other("token=s3cr3t was refused").into())),
            unhealthy,
        ),
        ("not critical", saying(store().critical(false), gone), degraded),
        ("timeout", Health::builder().check_fn(store(), pending::<()>), unhealthy),
        (
            "long timeout",
            Health::builder().deadline("5s").check_fn(store().timeout("2s"), pending::<()>),
            unhealthy,
        ),
        ("panic", saying(store(), || panic!("boom")), unhealthy),
        ("pending", Health::builder().reporter(&silent), unhealthy),
        ("pending, not critical", Health::builder().reporter(&optional), degraded),
        ("stale", Health::builder().reporter(&stale), unhealthy),
        ("muted", saying(store(), gone), degraded),
        (
            "held",
            Health::builder().check_fn(store().interval("1h").cache("1s").failure_threshold(999), held),
            healthy,
        ),
        (
            "quorum",
            saying(eu, well).check_fn(us, || async { gone() }).group("replicas", Quorum::at_least(1)),
            degraded,
        ),
        ("gate closed", saying(store(), well).gate(&gate), unhealthy),
        ("starting", saying(store(), well).check_fn(startup, || async { gone() }), unhealthy),
        ("draining", saying(store(), well), unhealthy),
        ("draining, empty", Health::builder(), unhealthy),
    ];
    let mut states: Vec<_> = described
        .into_iter()
        .map(|(name, builder, ready)| {
            let health = builder.build().unwrap_or_else(|error| panic!("{name}: {error}")).start();
            State { name, health, ready, _gate: gate.clone() }
        })
        .collect();
    stale.healthy();
    for state in &mut states {
        state.health.report(Probe::Ready).await;
        match state.name {
            "muted" => state.health.mute(NAME, "1h", "somebody is at it").expect("there is such a check"),
            "draining" | "draining, empty" => state.health.drain(),
            _ => {}
        }
    }
    // Long enough for what was reported once to expire.
    sleep(Duration::from_secs(61)).await;
    for state in &states {
        let report = state.health.report(Probe::Ready).await;
        assert_eq!(report.status(), state.ready, "{}: {report:?}", state.name);
    }
    states
}
