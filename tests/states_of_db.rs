//! Every state a health can be in, for tests of formats. Needs paused time.

use std::future::pending;
use std::time::Duration;

use health_core::{Failure, Gate, Health, HealthBuilder, Outcome, Probe, Reporter, Scope, Spec, Status};

/// A health in one state: a check `db` in ready that makes it so, and `pulse` in live, which is well.
pub struct State {
    pub name: &'static str,
    pub health: Health,
    /// A gate that is dropped could never open, and would say so.
    _gate: Option<Gate>,
}

/// All of them; `empty` has no checks.
pub async fn all() -> Vec<State> {
    // First, because time must pass for it.
    let mut states = vec![stale().await];
    let failing = || async { Err::<Outcome, _>(Failure::new("no answer").because("connection refused")) };
    let well = || async { Outcome::healthy().with_summary("7 wait").data("depth", 7).data("label", "eu") };
    let db = || Spec::named("db");
    let plain = [
        ("empty", Health::builder()),
        ("healthy", alive().check_fn(db(), well)),
        ("degraded", alive().check_fn(db(), || async { Outcome::degraded("slow") })),
        ("unhealthy", alive().check_fn(db(), failing)),
        ("not critical", alive().check_fn(db().critical(false), failing)),
        ("muted", alive().check_fn(db(), failing)),
        ("pending", alive().check_fn(db().timeout("1h"), pending::<()>)),
        ("draining", alive().check_fn(db(), || async {})),
        (
            "starting",
            alive()
                .check_fn(db(), || async {})
                .check_fn(Spec::named("schema").probe([Probe::Startup]), || async { Status::Unhealthy }),
        ),
    ];
    states.extend(plain.map(|(name, builder)| state(name, builder, None)));
    let gate = Gate::new("migrations");
    states.push(state("closed", alive().gate(&gate).check_fn(db(), || async {}), Some(gate)));
    for state in &states {
        match state.name {
            "draining" => state.health.drain(),
            "muted" => state.health.mute("db", "1h", "known").expect("there is one"),
            _ => {}
        }
    }
    states
}

fn alive() -> HealthBuilder {
    Health::builder()
        .check_fn(Spec::named("pulse").probe([Probe::Live]).scope(Scope::Local).interval("1h"), || async {})
}

async fn stale() -> State {
    let reporter = Reporter::new(Spec::named("db").max_age("1m"));
    let state = state("stale", alive().reporter(&reporter), None);
    reporter.healthy();
    tokio::time::sleep(Duration::from_secs(61)).await;
    state
}

fn state(name: &'static str, builder: HealthBuilder, gate: Option<Gate>) -> State {
    State { name, health: builder.build().expect("valid").start(), _gate: gate }
}
