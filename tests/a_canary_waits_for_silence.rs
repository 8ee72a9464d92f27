//! A canary is run when real traffic has fallen silent, and what the two of them say is weighed as declared.

use std::time::Duration;

use health_core::{Health, Probe, Reporter, Spec, Status};
use health_tests::scripts::Script;
use tokio::time::{Instant, sleep, sleep_until};

const MS: Duration = Duration::from_millis(1);

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn spec() -> Spec {
    Spec::named("orders").idle("30s").timeout("1s").max_age("100s")
}

fn started(spec: Spec, script: &Script) -> (Health, Reporter) {
    let health = Health::builder().check_fn(spec, script.check()).build().unwrap().start();
    let reporter = health.reporter("orders").unwrap();
    (health, reporter)
}

/// The pauses between active runs after the second, while traffic says this every five seconds for an hour.
async fn pauses_with(traffic: impl Fn(&Reporter)) -> Vec<Duration> {
    let script = Script::default();
    let (health, reporter) = started(spec(), &script);
    for _ in 0..720 {
        sleep(s(5)).await;
        traffic(&reporter);
        // Looking at it changes nothing.
        let _ = health.status(Probe::Ready);
    }
    script.gaps().into_iter().skip(1).collect()
}

fn idle_pauses(pauses: &[Duration]) -> bool {
    pauses.len() > 100 && pauses.iter().all(|pause| (s(27)..=s(33) + 2 * MS).contains(pause))
}

#[tokio::test(start_paused = true)]
async fn it_is_run_when_nothing_is_reported() {
    let pauses = pauses_with(|_| {}).await;
    assert!(idle_pauses(&pauses), "{pauses:?}");
    let distinct: std::collections::HashSet<_> = pauses.iter().map(Duration::as_millis).collect();
    assert!(distinct.len() > 50, "jittered, so that instances do not stay together: {pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn reported_successes_postpone_it_and_never_beyond_its_max_age() {
    let pauses = pauses_with(Reporter::healthy).await;
    let at_most = |pause: &Duration| (s(100)..=s(100) + 2 * MS).contains(pause);
    assert!(pauses.len() >= 34 && pauses.iter().all(at_most), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_about_work_postpones_nothing() {
    for say in [Reporter::idle, Reporter::beat] {
        let pauses = pauses_with(say).await;
        assert!(idle_pauses(&pauses), "{pauses:?}");
    }
    let pauses = pauses_with(|reporter| reporter.unhealthy("refused")).await;
    assert!(idle_pauses(&pauses), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn it_is_run_soon_after_traffic_has_stopped() {
    let script = Script::default();
    let (health, reporter) = started(spec(), &script);
    // The second run is the first that can be anywhere.
    sleep(s(31)).await;
    let before = script.runs();
    let last = Instant::now() + s(40);
    while Instant::now() < last {
        reporter.healthy();
        assert_eq!((script.runs(), health.status(Probe::Ready)), (before, Status::Healthy));
        sleep(s(5)).await;
    }
    reporter.healthy();
    sleep_until(last + s(26)).await;
    assert_eq!(script.runs(), before);
    sleep_until(last + s(33) + 2 * MS).await;
    assert_eq!(script.runs(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_active_run_only_another_one_restores_it() {
    let script = Script::new(Status::Unhealthy);
    let (health, reporter) = started(spec(), &script);
    sleep(MS).await;
    assert_eq!(health.status(Probe::Ready), Status::Unhealthy);
    script.says(Status::Healthy);
    let mut waited = 0;
    while script.runs() == 1 {
        for say in [Reporter::healthy, Reporter::idle, Reporter::beat] {
            say(&reporter);
            assert_eq!(health.status(Probe::Ready), Status::Unhealthy, "traffic does not restore it");
        }
        reporter.degraded("slow");
        assert_eq!(health.status(Probe::Ready), Status::Unhealthy);
        sleep(MS * 100).await;
        waited += 1;
    }
    assert!(waited <= 331, "traffic does not put it off: {waited}");
    assert_eq!(health.status(Probe::Ready), Status::Healthy, "the active run does");
    reporter.degraded("slow");
    assert_eq!(health.status(Probe::Ready), Status::Degraded, "and traffic is heard again");
    reporter.unhealthy("refused");
    assert_eq!(health.status(Probe::Ready), Status::Unhealthy);
    reporter.healthy();
    assert_eq!(health.status(Probe::Ready), Status::Healthy, "what only traffic had found, traffic restores");
}

#[tokio::test(start_paused = true)]
async fn reported_failures_go_through_the_threshold() {
    let script = Script::default();
    let (health, reporter) = started(spec().failure_threshold(3), &script);
    sleep(MS).await;
    for expected in [Status::Healthy, Status::Healthy, Status::Unhealthy] {
        reporter.unhealthy("refused");
        assert_eq!(health.status(Probe::Ready), expected);
    }
    reporter.healthy();
    for _ in 0..5 {
        reporter.unhealthy("refused");
        reporter.healthy();
        assert_eq!(health.status(Probe::Ready), Status::Healthy, "one at a time is nothing");
    }
}

/// With an active run in flight that ends in half a second.
async fn in_flight(ends: Status) -> (Health, Reporter) {
    let script = Script::default();
    let (health, reporter) = started(spec(), &script);
    sleep(MS).await;
    assert_eq!(health.status(Probe::Ready), Status::Healthy);
    script.takes(MS * 500);
    script.says(ends);
    while script.runs() == 1 {
        sleep(MS * 10).await;
    }
    (health, reporter)
}

#[tokio::test(start_paused = true)]
async fn a_success_reported_while_an_active_run_is_in_flight_waits_for_its_end() {
    for (ends, expected) in [
        (Status::Unhealthy, Status::Unhealthy),
        // The success is the later of the two.
        (Status::Degraded, Status::Healthy),
        (Status::Healthy, Status::Healthy),
    ] {
        let (health, reporter) = in_flight(ends).await;
        reporter.healthy();
        sleep(MS * 600).await;
        assert_eq!(health.status(Probe::Ready), expected, "the run was {ends}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_reported_while_an_active_run_is_in_flight_is_heard_at_once_and_is_the_later() {
    let (health, reporter) = in_flight(Status::Healthy).await;
    reporter.unhealthy("refused");
    assert_eq!(health.status(Probe::Ready), Status::Unhealthy, "at once");
    sleep(MS * 600).await;
    let report = health.report(Probe::Ready).await;
    let entry = report.entry("orders").unwrap();
    assert_eq!((report.status(), entry.cause()), (Status::Unhealthy, Some("refused")), "stamped later");
    // The success between the failure and the end of the run is the latest of all.
    let (health, reporter) = in_flight(Status::Healthy).await;
    reporter.unhealthy("refused");
    sleep(MS).await;
    reporter.healthy();
    sleep(MS * 600).await;
    assert_eq!(health.status(Probe::Ready), Status::Healthy);
}

#[tokio::test(start_paused = true)]
async fn traffic_does_not_excuse_an_active_run_that_hangs() {
    let script = Script::default();
    let (health, reporter) = started(spec(), &script);
    sleep(MS).await;
    script.hangs(true);
    while script.runs() == 1 {
        sleep(MS * 10).await;
    }
    for _ in 0..100 {
        reporter.healthy();
        sleep(MS * 20).await;
    }
    assert_eq!(health.status(Probe::Ready), Status::Unhealthy, "it has timed out");
}

#[tokio::test(start_paused = true)]
async fn traffic_that_goes_on_failing_does_not_keep_a_failed_run_from_being_repeated() {
    let script = Script::new(Status::Unhealthy);
    let (health, reporter) = started(spec().backoff("40s").max_age("200s"), &script);
    sleep(s(1)).await;
    script.says(Status::Healthy);
    // What one request in a hundred says, whatever the others say.
    for _ in 0..60 {
        sleep(s(5)).await;
        reporter.unhealthy("a request that nobody could have answered");
        reporter.healthy();
    }
    assert!(script.gaps().first().is_some_and(|gap| *gap < s(45)), "{:?}", script.gaps());
    assert_eq!(health.status(Probe::Ready), Status::Healthy);
}
