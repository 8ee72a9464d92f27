//! How something is asked: how long, how fresh, about which part, and without which checks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use health_actix::endpoints;
use health_core::{Exposure, Form, Health, Inquiry, Probe, Question, Quorum, Reporter, Spec, Status};
use health_tests::asking::get;
use tokio::time::{advance, sleep};

const READY: Question<'static> = Question::Probe(Probe::Ready);

fn well(status: Status) -> impl Fn() -> BoxFuture<'static, Status> + Send + Sync + Clone + 'static {
    move || Box::pin(async move { status })
}

/// A check that takes a while, is never fresh enough for a poll, and counts its runs.
fn counted(takes: Duration) -> (Arc<AtomicU32>, Health) {
    let runs = Arc::new(AtomicU32::new(0));
    let run = move |runs: Arc<AtomicU32>| -> BoxFuture<'static, ()> {
        Box::pin(async move {
            runs.fetch_add(1, Ordering::SeqCst);
            sleep(takes).await;
        })
    };
    let spec = Spec::named("slow").interval("never").cache("1ms");
    let health = Health::builder().check_with(spec, Arc::clone(&runs), run).build().unwrap().start();
    (runs, health)
}

#[tokio::test(start_paused = true)]
async fn what_was_observed_a_moment_ago_is_taken_by_those_who_may_make_no_work() {
    let takes = Duration::from_millis(300);
    let floor = Duration::from_millis(100);
    let (runs, health) = counted(takes);
    let polite = Inquiry::about(READY).cached_for(floor);
    health.ask(polite).await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 1, "it waits for the first");
    for _ in 0..10 {
        health.ask(polite).await.unwrap();
    }
    advance(floor - Duration::from_millis(1)).await;
    health.ask(polite).await.unwrap();
    for other in [Question::Overview, Question::Check("slow"), Question::Tree("slow")] {
        health.ask(Inquiry::about(other).cached_for(floor)).await.unwrap();
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1, "counted from the end of a run, not from its beginning");
    advance(Duration::from_millis(2)).await;
    health.ask(polite).await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    // Whoever may make work gets what the cache of the check says.
    health.ask(Inquiry::about(READY)).await.unwrap();
    health.ask(Inquiry::about(READY)).await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn the_floor_takes_nothing_that_is_too_old_to_be_used() {
    let runs = Arc::new(AtomicU32::new(0));
    let run = |runs: Arc<AtomicU32>| -> BoxFuture<'static, ()> {
        Box::pin(async move {
            runs.fetch_add(1, Ordering::SeqCst);
        })
    };
    let spec = Spec::named("brief").interval("never").cache("10ms").max_age("50ms").timeout("10ms");
    let health = Health::builder().check_with(spec, Arc::clone(&runs), run).build().unwrap().start();
    let lazy = Inquiry::about(READY).cached_for(Duration::from_secs(3600));
    assert_eq!(health.ask(lazy).await.unwrap().status(), Status::Healthy);
    let before = runs.load(Ordering::SeqCst);
    advance(Duration::from_millis(51)).await;
    assert_eq!(health.ask(lazy).await.unwrap().status(), Status::Healthy);
    assert_eq!(runs.load(Ordering::SeqCst), before + 1);
}

#[tokio::test(start_paused = true)]
async fn only_callers_who_may_see_checks_make_one_run_at_will() {
    for (exposure, expected) in [(Exposure::Status, 1), (Exposure::Checks, 10), (Exposure::Full, 10)] {
        let (runs, health) = counted(Duration::from_millis(1));
        let mounted = endpoints(health.clone()).exposure(exposure);
        for _ in 0..10 {
            assert_eq!(get(&mounted, "/health/ready").await.code, 200);
            advance(Duration::from_millis(2)).await;
        }
        assert_eq!(runs.load(Ordering::SeqCst), expected, "{exposure:?}");
        if exposure == Exposure::Status {
            advance(Duration::from_millis(101)).await;
            get(&mounted, "/health").await;
            assert_eq!(runs.load(Ordering::SeqCst), 2);
        }
    }
}

#[tokio::test]
async fn an_excluded_check_is_taken_to_be_well_and_stays_what_it_is() {
    let health = Health::builder()
        .check_fn(Spec::named("db"), well(Status::Unhealthy))
        .check_fn(Spec::named("cache").critical(false), well(Status::Unhealthy))
        .check_fn(Spec::named("disk"), well(Status::Healthy))
        .build()
        .unwrap()
        .start();
    let without = async |names: &[&str]| health.ask(Inquiry::about(READY).excluding(names)).await.unwrap();
    assert_eq!(without(&[]).await.status(), Status::Unhealthy);
    let report = without(&["db"]).await;
    assert_eq!(report.status(), Status::Degraded);
    assert_eq!(report.failing().collect::<Vec<_>>(), ["cache"]);
    let entry = report.entry("db").unwrap();
    assert_eq!((entry.status(), entry.is_excluded()), (Ok(Status::Unhealthy), true));
    assert!(!report.entry("cache").unwrap().is_excluded());
    assert_eq!(
        report.view(Exposure::Checks).text(),
        "[~]cache failed: reason withheld\n[+]db excluded: ok\n[+]disk ok\nready check passed\n"
    );
    assert_eq!(without(&["db", "cache", "nope"]).await.status(), Status::Healthy);
    assert_eq!(without(&["nope"]).await.status(), Status::Unhealthy);
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Unhealthy, "nobody else is told so");
    health.drain();
    assert_eq!(without(&["db", "cache"]).await.status(), Status::Unhealthy, "draining is no check");
}

#[tokio::test]
async fn a_check_that_is_asked_about_itself_can_be_excluded_too() {
    let health = Health::builder()
        .check_fn(Spec::named("db"), well(Status::Unhealthy))
        .check_fn(Spec::named("db/disk"), well(Status::Degraded))
        .build()
        .unwrap()
        .start();
    for (question, excluded, expected) in [
        (Question::Check("db"), &["db"][..], Status::Healthy),
        (Question::Tree("db"), &["db"], Status::Degraded),
        (Question::Tree("db"), &["db", "db/disk"], Status::Healthy),
        (Question::Tree("db"), &["db/disk"], Status::Unhealthy),
        (Question::Overview, &["db"], Status::Degraded),
    ] {
        let report = health.ask(Inquiry::about(question).excluding(excluded)).await.unwrap();
        assert_eq!(report.status(), expected, "{question:?} without {excluded:?}");
    }
}

#[tokio::test]
async fn what_has_passed_startup_can_be_excluded_as_before() {
    let spec = Spec::named("warm").probe(Probe::Startup).critical(false);
    let health = Health::builder().check_fn(spec, well(Status::Unhealthy)).build().unwrap().start();
    let startup = Inquiry::about(Question::Probe(Probe::Startup));
    for _ in 0..2 {
        let report = health.ask(startup.excluding(&["warm"])).await.unwrap();
        let text = "[+]warm excluded: ok\nstartup check passed\n";
        assert_eq!(report.view(Exposure::Checks).text(), text);
        let report = health.ask(startup).await.unwrap();
        assert!(!report.entry("warm").unwrap().is_excluded());
    }
}

#[tokio::test]
async fn an_excluded_member_counts_as_well_in_its_quorum() {
    let member = |name| Spec::named(name).group("replicas");
    let health = Health::builder()
        .check_fn(member("a"), well(Status::Healthy))
        .check_fn(member("b"), well(Status::Unhealthy))
        .check_fn(member("c"), well(Status::Unhealthy))
        .group("replicas", Quorum::at_least(2))
        .build()
        .unwrap()
        .start();
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Unhealthy);
    let report = health.ask(Inquiry::about(READY).excluding(&["b"])).await.unwrap();
    assert_eq!(report.status(), Status::Degraded);
    let report = health.ask(Inquiry::about(READY).excluding(&["b", "c"])).await.unwrap();
    assert_eq!(report.status(), Status::Healthy);
}

#[tokio::test]
async fn a_tree_is_a_check_and_everything_below_it() {
    let health = Health::builder()
        .check_fn(Spec::named("storage"), well(Status::Healthy))
        .check_fn(Spec::named("storage/primary"), well(Status::Degraded))
        .check_fn(Spec::named("storage/primary/disk").critical(false), well(Status::Unhealthy))
        .check_fn(Spec::named("storage-room"), well(Status::Unhealthy))
        .check_fn(Spec::named("stor"), well(Status::Unhealthy))
        .build()
        .unwrap()
        .start();
    let names = async |name| {
        let report = health.ask(Inquiry::about(Question::Tree(name))).await?;
        let mut names: Vec<_> = report.entries().iter().map(|entry| entry.name().to_owned()).collect();
        names.sort();
        Some((report.status(), names.join(" ")))
    };
    let all = "storage storage/primary storage/primary/disk".to_owned();
    assert_eq!(names("storage").await, Some((Status::Degraded, all)));
    let part = "storage/primary storage/primary/disk".to_owned();
    assert_eq!(names("storage/primary").await, Some((Status::Degraded, part)));
    assert_eq!(names("storage-room").await, Some((Status::Unhealthy, "storage-room".into())));
    for unknown in ["", "/", "storage/", "storage/prim", "storag", "nope", "storage/primary/disk/x"] {
        assert_eq!(names(unknown).await, None, "{unknown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_floor_without_end_takes_whatever_can_be_used() {
    let (runs, health) = counted(Duration::from_millis(300));
    let lazy = Inquiry::about(READY).cached_for(Duration::MAX);
    for _ in 0..3 {
        assert_eq!(health.ask(lazy).await.unwrap().status(), Status::Healthy);
        health.ask(Inquiry::about(Question::Check("slow")).cached_for(Duration::MAX)).await.unwrap();
        advance(Duration::from_secs(1)).await;
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_ask_for_is_written_down_once_even_when_it_is_too_old() {
    let consumer = Reporter::new(Spec::named("consumer").max_age("2s").failure_threshold(2));
    let health = Health::builder().reporter(&consumer).build().unwrap().start();
    let bytes = async || health.report(Probe::Ready).await.view(Exposure::Checks).body(Form::Json);
    consumer.healthy();
    advance(Duration::from_millis(1500)).await;
    // Held by a threshold for as long as the healthy one would last, then it counts itself, until it is too old.
    consumer.unhealthy("away");
    let second = Duration::from_secs(1);
    for expected in ["healthy", "unhealthy", "unhealthy", "unknown", "unknown"] {
        let before = bytes().await;
        assert_eq!(before.as_ptr(), bytes().await.as_ptr());
        let entry = format!(r#"{{"name":"consumer","status":"{expected}""#);
        let before = String::from_utf8(before.to_vec()).unwrap();
        assert!(before.contains(&entry), "{expected}: {before}");
        advance(second).await;
    }
    consumer.healthy();
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
}
