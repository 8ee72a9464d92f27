//! Dependencies explain and do not excuse; a quorum decides for its group.

use std::time::Duration;

use health_core::{Health, HealthBuilder, Outcome, Probe, Quorum, Spec, Status};
use health_tests::scripts::Script;
use tokio::time::sleep;

fn with(builder: HealthBuilder, spec: Spec, status: Status) -> HealthBuilder {
    builder.check_fn(spec, move || std::future::ready(Outcome::of(status)))
}

#[tokio::test]
async fn what_fails_names_the_nearest_failing_cause_and_stays_failed() {
    let mut builder = Health::builder();
    for (name, on, status) in [
        ("network", &[][..], Status::Unhealthy),
        ("dns", &["network"], Status::Unhealthy),
        ("db", &["dns"], Status::Unhealthy),
        ("orders", &["db", "cache"], Status::Degraded),
        ("cache", &["network"], Status::Healthy),
        ("clock", &[], Status::Unhealthy),
    ] {
        builder = with(builder, Spec::named(name).depends_on(on.iter().copied()), status);
    }
    let health = builder.build().unwrap().start();
    let report = health.report(Probe::Ready).await;
    let because = |name| report.entry(name).unwrap().because_of().collect::<Vec<_>>();
    assert_eq!(because("orders"), ["network"]);
    assert_eq!(because("db"), ["network"]);
    assert_eq!(because("dns"), ["network"]);
    assert!(because("network").is_empty() && because("clock").is_empty());
    assert!(because("cache").is_empty(), "what is well needs no excuse");
    assert_eq!(report.entry("db").unwrap().status(), Ok(Status::Unhealthy));
    assert_eq!(report.failing().collect::<Vec<_>>(), ["clock", "db", "dns", "network"]);
    assert_eq!(health.affected_by("network"), ["cache", "db", "dns", "orders"]);
    assert_eq!(health.affected_by("orders"), [""; 0]);
    assert_eq!(health.affected_by("nobody"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn edges_cross_probes_and_run_nothing() {
    let (network, db) = (Script::new(Status::Healthy), Script::new(Status::Unhealthy));
    let on_demand = |name| Spec::named(name).interval("never").cache("1ms");
    let health = Health::builder()
        .check_fn(on_demand("network").probe(health_core::ProbeSet::NONE), network.check())
        .check_fn(on_demand("db").depends_on(["network"]), db.check())
        .build()
        .unwrap()
        .start();
    sleep(Duration::from_millis(2)).await;
    network.says(Status::Unhealthy);
    let report = health.report(Probe::Ready).await;
    assert_eq!((network.runs(), db.runs()), (1, 2), "only what was asked is run anew");
    assert_eq!(report.entry("db").unwrap().because_of().count(), 0, "nobody has seen the network fail");
    health.check("network").await.unwrap();
    sleep(Duration::from_millis(2)).await;
    let report = health.report(Probe::Ready).await;
    assert_eq!(report.entry("db").unwrap().because_of().collect::<Vec<_>>(), ["network"]);
    assert_eq!((network.runs(), db.runs()), (2, 3));
}

#[tokio::test]
async fn an_edge_to_a_disabled_check_is_ignored() {
    let builder = with(Health::builder(), Spec::named("network").enabled(false), Status::Unhealthy);
    let builder = with(builder, Spec::named("vpn"), Status::Unhealthy);
    let builder = with(builder, Spec::named("db").depends_on(["network", "vpn"]), Status::Unhealthy);
    let health = builder.disable("vpn").build().unwrap().start();
    let report = health.report(Probe::Ready).await;
    assert_eq!(report.entries().len(), 1);
    assert_eq!(report.entry("db").unwrap().because_of().count(), 0);
}

/// Members as a word of `h`, `d`, `u`; a capital is a critical one.
fn members(word: &str) -> HealthBuilder {
    word.chars().enumerate().fold(Health::builder(), |builder, (n, member)| {
        let status = match member.to_ascii_lowercase() {
            'h' => Status::Healthy,
            'd' => Status::Degraded,
            _ => Status::Unhealthy,
        };
        let spec =
            Spec::named(format!("replica-{n}")).group("replicas").critical(member.is_ascii_uppercase());
        with(builder, spec, status)
    })
}

#[tokio::test]
async fn a_quorum_is_its_kth_best_member_capped_by_the_criticality_of_the_group() {
    use Status::{Degraded, Healthy, Unhealthy};
    for (word, policy, expected) in [
        ("HHH", Quorum::at_least(2), Healthy),
        ("HHU", Quorum::at_least(2), Degraded),
        ("HHD", Quorum::at_least(2), Degraded),
        ("HUU", Quorum::at_least(2), Unhealthy),
        ("HDU", Quorum::at_least(2), Degraded),
        ("HUU", Quorum::at_least(1), Degraded),
        ("HUU", Quorum::at_least(2).critical(false), Degraded),
        ("huu", Quorum::at_least(2), Degraded),
        ("huu", Quorum::at_least(2).critical(true), Unhealthy),
        ("hUu", Quorum::at_least(2), Unhealthy),
        ("HHUU", Quorum::majority(), Unhealthy),
        ("HHHUU", Quorum::majority(), Degraded),
        ("H", Quorum::majority(), Healthy),
    ] {
        let health = members(word).group("replicas", policy).build().unwrap().start();
        assert_eq!(health.report(Probe::Ready).await.status(), expected, "{word} {policy:?}");
        health.drain();
        assert_eq!(health.group("replicas").await.unwrap().status(), expected, "a group ignores the phase");
    }
}

#[tokio::test]
async fn a_member_of_a_quorum_that_holds_is_not_what_fails() {
    let health = members("HHU").group("replicas", Quorum::at_least(2)).build().unwrap().start();
    let report = health.report(Probe::Ready).await;
    let lost = report.entry("replica-2").unwrap();
    assert_eq!((lost.status(), lost.contribution()), (Ok(Status::Unhealthy), Status::Degraded));
    let text = report.view(health_core::Exposure::Checks).text();
    assert_eq!(
        text,
        "[~]replica-2 failed: reason withheld\n[+]replica-0 ok\n[+]replica-1 ok\nready check passed\n"
    );
}

#[tokio::test]
async fn an_unknown_member_counts_as_unhealthy_except_early_in_live() {
    use health_core::Scope;
    for (probe, expected) in [(Probe::Ready, Status::Unhealthy), (Probe::Live, Status::Healthy)] {
        let spec =
            |name: &'static str| Spec::named(name).group("g").probe(probe).scope(Scope::Local).timeout("1h");
        let health = Health::builder()
            .deadline("1ms")
            .check_fn(spec("well"), || async {})
            .check_fn(spec("unknown"), std::future::pending::<()>)
            .group("g", Quorum::at_least(2))
            .build()
            .unwrap()
            .start();
        assert_eq!(health.report(probe).await.status(), expected, "{probe}");
    }
}

#[tokio::test]
async fn what_has_no_policy_is_a_label() {
    let health = members("HhU").build().unwrap().start();
    assert_eq!(health.group("replicas").await.unwrap().status(), Status::Unhealthy);
    assert_eq!(health.group("replicas").await.unwrap().entries().len(), 3);
    assert!(health.group("nobody").await.is_none());
    let health = members("hu").build().unwrap().start();
    assert_eq!(health.group("replicas").await.unwrap().status(), Status::Degraded);
}
