//! The log: one line per change, with everything the person on call needs; nothing per poll.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use health_core::{Failure, Gate, Health, Outcome, Probe, Scope, Spec, health_check};
use health_tests::logs::{lines_with, record};

/// A check that plays one outcome after the other and repeats the last one.
fn plays(
    outcomes: Vec<fn() -> Result<Outcome, Failure>>,
) -> impl Fn() -> std::future::Ready<Result<Outcome, Failure>> {
    let next = Arc::new(AtomicUsize::new(0));
    move || {
        let turn = next.fetch_add(1, Ordering::SeqCst).min(outcomes.len() - 1);
        std::future::ready(outcomes[turn]())
    }
}

/// Run by polls alone, and by each of them.
fn on_demand(name: &'static str) -> Spec {
    Spec::named(name).interval("never").cache("1ms")
}

async fn asked_anew(health: &Health) {
    health.report(Probe::Ready).await;
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
}

#[tokio::test(start_paused = true)]
async fn one_line_per_change_and_nothing_per_poll() {
    record();
    let outcomes: Vec<fn() -> _> = vec![
        || Ok(Outcome::healthy()),
        || Err(Failure::new("the disk is gone").because("ENOENT")),
        || Err(Failure::new("the disk is gone").because("ENOENT")),
        || Ok(Outcome::healthy()),
        || Ok(Outcome::healthy()),
    ];
    let health = Health::builder().check_fn(on_demand("log-disk"), plays(outcomes)).build().unwrap().start();
    for _ in 0..8 {
        asked_anew(&health).await;
    }
    let lines = lines_with(&["changed", "check=log-disk "]);
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(
        lines[0].starts_with("DEBUG message=check changed check=log-disk from=unknown to=healthy"),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].starts_with("ERROR message=check changed check=log-disk from=healthy to=unhealthy"),
        "{}",
        lines[1]
    );
    for part in ["ended=error", "duration_ms=", "summary=the disk is gone", "error=ENOENT"] {
        assert!(lines[1].contains(part), "{part} in {}", lines[1]);
    }
    assert!(
        lines[2].starts_with("INFO message=check changed check=log-disk from=unhealthy to=healthy"),
        "{}",
        lines[2]
    );

    let probe = lines_with(&["probe changed", "failing=log-disk"]);
    assert_eq!(probe.len(), 1, "{probe:#?}");
    assert!(
        probe[0].starts_with("ERROR message=probe changed probe=ready from=healthy to=unhealthy"),
        "{}",
        probe[0]
    );
}

#[tokio::test(start_paused = true)]
async fn one_line_when_the_cause_changes_and_none_when_only_a_number_does() {
    record();
    let outcomes: Vec<fn() -> _> = vec![
        || Err("timed out after 120 ms".into()),
        || Err("timed out after 98 ms".into()),
        || Err("connection refused".into()),
        || Err("connection refused".into()),
        || Ok(Outcome::unhealthy("still down")),
    ];
    let health = Health::builder().check_fn(on_demand("log-cause"), plays(outcomes)).build().unwrap().start();
    for _ in 0..8 {
        asked_anew(&health).await;
    }
    let lines = lines_with(&["cause changed", "check=log-cause "]);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines[0].contains("error=connection refused") && lines[1].contains("summary=still down"),
        "{lines:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_critical_warns_and_degrades() {
    record();
    let outcomes: Vec<fn() -> _> = vec![|| Ok(Outcome::healthy()), || Ok(Outcome::unhealthy("cold"))];
    let spec = on_demand("log-cache").critical(false);
    let health = Health::builder().check_fn(spec, plays(outcomes)).build().unwrap().start();
    asked_anew(&health).await;
    asked_anew(&health).await;
    assert!(lines_with(&["check=log-cache ", "to=unhealthy"])[0].starts_with("WARN"));
    assert!(
        lines_with(&["probe changed", "failing=log-cache"])[0]
            .starts_with("WARN message=probe changed probe=ready from=healthy to=degraded")
    );
}

#[tokio::test(start_paused = true)]
async fn the_start_says_what_is_declared_and_every_run_is_a_span() {
    record();
    let spec = Spec::named("log-start")
        .probe([Probe::Live, Probe::Ready])
        .scope(Scope::Local)
        .timeout("90s")
        .group("g");
    let health = Health::builder().deadline("350ms").check_fn(spec, || async {}).build().unwrap().start();
    let lines = lines_with(&["check declared", "check=log-start "]);
    assert_eq!(lines.len(), 1);
    for part in [
        "INFO",
        "probes=live,ready",
        "critical=true",
        "timeout=1m 30s",
        "scope=local",
        "group=g",
        "each_change_is_logged_once.rs:",
    ] {
        assert!(lines[0].contains(part), "{part} in {}", lines[0]);
    }
    assert!(!lines_with(&["probe declared", "probe=ready", "deadline=350ms"]).is_empty());
    health.report(Probe::Ready).await;
    assert_eq!(lines_with(&["SPAN health check", "check=log-start"]).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn phases_gates_and_an_empty_declaration_are_said() {
    record();
    let gate = Gate::new("log-gate");
    let health = Health::builder().gate(&gate).build().unwrap().start();
    assert_eq!(lines_with(&["WARN", "no check is declared"]).len(), 1);
    assert_eq!(lines_with(&["INFO", "starting", "waiting_for=gate:log-gate"]).len(), 1);
    gate.open();
    health.drain();
    let drained = lines_with(&["probe changed", "probe=ready", "phase=draining"]);
    assert_eq!(drained, ["INFO message=probe changed probe=ready from=healthy to=unhealthy phase=draining"]);
    let phases = lines_with(&["phase changed"]);
    assert!(phases.contains(&"INFO message=phase changed from=starting to=running".into()), "{phases:#?}");
    assert!(phases.contains(&"INFO message=phase changed from=running to=draining".into()), "{phases:#?}");
    drop(Gate::new("log-nobodys-gate"));
    assert!(lines_with(&["log-nobodys-gate"]).is_empty(), "it held nothing");
    let gate = Gate::new("log-lost-gate");
    let _health = Health::builder().gate(&gate).build().unwrap().start();
    drop(gate);
    assert_eq!(lines_with(&["ERROR", "gate=log-lost-gate", "dropped unopened"]).len(), 1);
}

#[tokio::test]
async fn a_round_is_one_step_however_many_checks_change_in_it() {
    record();
    let settled = |name: &'static str| {
        let outcomes: Vec<fn() -> _> =
            vec![|| Ok(Outcome::healthy()), || Ok(Outcome::unhealthy("x")), || Ok(Outcome::healthy())];
        let play = plays(outcomes);
        (on_demand(name), move || {
            let outcome = play();
            async move {
                // Lets the engine look in between, if it wants to.
                for _ in 0..name.len() {
                    tokio::task::yield_now().await;
                }
                outcome.await
            }
        })
    };
    let ((a, run_a), (b, run_b)) = (settled("log-round-a"), settled("log-round-with-a-longer-name"));
    let health =
        Health::builder().check_fn(a, run_a).check_fn(b.critical(false), run_b).build().unwrap().start();
    for _ in 0..3 {
        asked_anew(&health).await;
    }
    let both = lines_with(&["probe changed", "from=healthy to=unhealthy", "failing=log-round-a"]);
    assert_eq!(both.len(), 1, "{both:#?}");
    let partly = lines_with(&["probe changed", "failing=log-round-with-a-longer-name"]);
    assert!(partly.is_empty(), "{partly:#?}");
}

#[health_check(name = "log-undiscovered")]
async fn undiscovered() {}

#[tokio::test]
async fn what_is_declared_and_not_discovered_is_said() {
    record();
    let forgotten = || lines_with(&["WARN", "none was discovered: add `.discover()`", "checks=1"]).len();
    drop(Health::builder().discover().build().unwrap().start());
    let before = forgotten();
    drop(Health::builder().check_fn(Spec::named("other"), || async {}).build().unwrap().start());
    assert!(forgotten() > before);
}
