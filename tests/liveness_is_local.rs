//! Rules 9 and 10: liveness is about this process, and shared trouble does not empty the fleet by default.

use health_core::{Health, Probe, ProblemKind, Scope, Spec, Status};

fn fault(spec: Spec) -> String {
    let error = Health::builder().check_fn(spec, || async {}).build().unwrap_err();
    assert_eq!(error.problems().len(), 1, "{error}");
    assert_eq!(error.problems()[0].kind(), ProblemKind::Spec);
    assert_eq!(error.problems()[0].places()[0].file(), file!());
    error.problems()[0].message().to_owned()
}

#[test]
fn joining_live_needs_scope_local_said_out_loud() {
    for spec in [Spec::named("db"), Spec::named("db").scope(Scope::Shared)] {
        let message = fault(spec.probe([Probe::Live, Probe::Ready]));
        assert!(message.contains("restart repairs only what is wrong in this process"), "{message}");
        assert!(message.contains("is an outage"), "{message}");
    }
    let local = Spec::named("loop").scope(Scope::Local).probe(Probe::Live);
    assert!(Health::builder().check_fn(local, || async {}).build().is_ok());
}

#[test]
fn what_is_shared_cannot_join_startup() {
    let message = fault(Spec::named("db").scope(Scope::Shared).probe(Probe::Startup));
    assert!(message.contains("would keep the whole fleet restarting"), "{message}");
    assert!(Health::builder().check_fn(Spec::named("db").probe(Probe::Startup), || async {}).build().is_ok());
}

#[tokio::test]
async fn what_is_shared_degrades_unless_it_is_called_critical() {
    for (critical, expected) in
        [(None, Status::Degraded), (Some(false), Status::Degraded), (Some(true), Status::Unhealthy)]
    {
        let spec = Spec::named("db").scope(Scope::Shared);
        let spec = critical.map_or(spec.clone(), |critical| spec.critical(critical));
        let health =
            Health::builder().check_fn(spec, || async { Err::<(), _>("down") }).build().unwrap().start();
        let report = health.report(Probe::Ready).await;
        assert_eq!(report.status(), expected, "critical: {critical:?}");
        assert_eq!(
            report.entry("db").unwrap().status(),
            Ok(Status::Unhealthy),
            "the entry keeps its own status"
        );
    }
}

#[tokio::test]
async fn a_dead_dependency_and_a_closed_door_leave_live_alone() {
    let health = Health::builder()
        .check_fn(Spec::named("db"), || async { Err::<(), _>("down") })
        .build()
        .unwrap()
        .start();
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Unhealthy);
    health.drain();
    assert_eq!(health.report(Probe::Live).await.status(), Status::Healthy);
}
