//! A check and what is below it, asked about as one.

use Status::{Degraded, Healthy, Unhealthy};
use health_core::{
    Gate, Health, HealthBuilder, Inquiry, Outcome, ProbeSet, Question, Quorum, Report, Scope, Spec, Status,
};

async fn tree(health: &Health, name: &str) -> Option<Report> {
    health.ask(Inquiry::about(Question::Tree(name))).await
}

async fn comes_to(health: &Health, name: &str) -> Status {
    tree(health, name).await.expect("something has this name").status()
}

fn saying(checks: impl IntoIterator<Item = (Spec, Status)>) -> HealthBuilder {
    let builder = Health::builder();
    checks.into_iter().fold(builder, |builder, (spec, status)| {
        builder.check_fn(spec, move || async move { Outcome::of(status) })
    })
}

fn named(name: &'static str) -> Spec {
    Spec::named(name)
}

#[tokio::test]
async fn it_lists_the_check_and_all_below_it_and_nothing_else() {
    let names = ["db", "db-2", "db/eu", "db/eu/disk", "dbs", "db/us"];
    let health = saying(names.map(|name| (named(name), Healthy))).build().unwrap().start();
    for (asked, listed) in [
        ("db", &["db", "db/eu", "db/eu/disk", "db/us"][..]),
        ("db/eu", &["db/eu", "db/eu/disk"]),
        ("db/us", &["db/us"]),
        ("db-2", &["db-2"]),
    ] {
        let report = tree(&health, asked).await.unwrap();
        assert_eq!(report.entries().iter().map(|entry| entry.name()).collect::<Vec<_>>(), listed);
        assert_eq!((report.status(), report.probe()), (Healthy, None));
    }
    for none in ["", "d", "db/", "/db", "db/e", "db/eu/", "db/eu/disk/x", "DB", "*"] {
        assert!(tree(&health, none).await.is_none(), "{none:?}");
    }
}

#[tokio::test]
async fn the_check_has_its_own_status_and_those_below_have_their_weight() {
    let builder = saying([
        (named("cache").critical(false), Unhealthy),
        (named("info").probe(ProbeSet::NONE), Unhealthy),
        (named("a").critical(false), Unhealthy),
        (named("a/b"), Healthy),
        (named("c"), Healthy),
        (named("c/d").critical(false), Unhealthy),
        (named("e/f").scope(Scope::Shared), Unhealthy),
        (named("e/g"), Healthy),
        (named("h/i"), Unhealthy),
    ]);
    let health = builder.build().unwrap().start();
    for (name, status) in [
        // As with a check that is asked about by its name.
        ("cache", Unhealthy),
        ("info", Unhealthy),
        ("e/f", Unhealthy),
        ("a", Unhealthy),
        ("c", Degraded),
        ("e", Degraded),
        ("h", Unhealthy),
    ] {
        assert_eq!(comes_to(&health, name).await, status, "{name}");
    }
}

#[tokio::test]
async fn phase_and_gates_are_none_of_its_business() {
    let gate = Gate::new("migrations");
    let builder = Health::builder().gate(&gate).check_fn(named("db/eu"), || async {});
    let health = builder.build().unwrap().start();
    assert_eq!(comes_to(&health, "db").await, Healthy);
    health.drain();
    assert_eq!(comes_to(&health, "db").await, Healthy);
}

#[tokio::test]
async fn a_quorum_counts_on_nobody_who_is_elsewhere() {
    let builder = saying([
        (named("replica/eu").group("replicas"), Healthy),
        (named("replica/us").group("replicas"), Healthy),
        (named("replica/asia").group("replicas"), Unhealthy),
        (named("hot/x").group("spare"), Healthy),
        (named("cold/y").group("spare"), Healthy),
        (named("mixed/y").group("spare"), Healthy),
        (named("mixed/z").group("spare"), Unhealthy),
        (named("mixed/zz").group("spare"), Healthy),
        (named("broken/z").group("spare"), Unhealthy),
        (named("broken/zz").group("spare"), Healthy),
        (named("lax/a").group("optional"), Unhealthy),
        (named("free/b").group("optional"), Healthy),
    ]);
    let builder = builder.group("replicas", Quorum::at_least(2)).group("spare", Quorum::at_least(2));
    let builder = builder.group("optional", Quorum::at_least(2).critical(false));
    let health = builder.build().unwrap().start();
    for (name, status) in [
        ("replica", Degraded),
        // One of three is no quorum of two, and well all the same.
        ("replica/eu", Healthy),
        ("replica/asia", Unhealthy),
        ("hot", Healthy),
        ("cold", Healthy),
        ("mixed", Degraded),
        ("broken", Unhealthy),
        // A group may be no more critical in part than as a whole.
        ("lax", Degraded),
        ("free", Healthy),
    ] {
        assert_eq!(comes_to(&health, name).await, status, "{name}");
    }
}
