//! Rule 1: nothing is reported as better than it was observed.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use health_core::{Exposure, Health, Outcome, Probe, ProbeSet, Scope, Spec, Status, Unknown};
use tokio::time::{Instant, sleep, sleep_until};

/// A check that answers for as long as `answers`, and then never again.
fn check_while(
    answers: &Arc<AtomicBool>,
) -> impl Fn() -> futures::future::BoxFuture<'static, Outcome> + use<> {
    let answers = Arc::clone(answers);
    move || {
        let answers = Arc::clone(&answers);
        Box::pin(
            async move { if answers.load(Ordering::SeqCst) { Outcome::healthy() } else { pending().await } },
        )
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_not_been_observed_counts_as_unhealthy_or_degraded() {
    let never = || pending::<()>();
    let slow = |name, critical| Spec::named(name).timeout("1h").critical(critical);
    let build = |critical| Health::builder().check_fn(slow("slow", critical), never).build().unwrap().start();
    for (critical, expected) in [(true, Status::Unhealthy), (false, Status::Degraded)] {
        let health = build(critical);
        assert_eq!(health.status(Probe::Ready), expected, "before anybody asked");
        let report = health.report(Probe::Ready).await;
        assert_eq!(report.status(), expected);
        let entry = report.entry("slow").unwrap();
        assert_eq!(entry.status(), Err(Unknown::Pending));
        assert_eq!(entry.contribution(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stored_healthy_expires_although_its_check_hangs() {
    let answers = Arc::new(AtomicBool::new(true));
    let spec = Spec::named("db").interval("never").timeout("20s").max_age("30s");
    let began = Instant::now();
    let health = Health::builder().check_fn(spec, check_while(&answers)).build().unwrap().start();
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);

    answers.store(false, Ordering::SeqCst);
    sleep_until(began + Duration::from_secs(15)).await;
    assert_eq!(
        health.report(Probe::Ready).await.status(),
        Status::Healthy,
        "the last observation is still usable"
    );
    sleep_until(began + Duration::from_secs(30)).await;
    let look = || health.report_within(Probe::Ready, Duration::ZERO);
    assert_eq!(look().await.status(), Status::Healthy, "it is exactly as old as it may be");
    sleep(Duration::from_millis(1)).await;
    assert_eq!(health.status(Probe::Ready), Status::Unhealthy);
    let report = look().await;
    assert_eq!(report.status(), Status::Unhealthy);
    assert_eq!(report.entry("db").unwrap().status(), Err(Unknown::Stale));
    let json = serde_json::to_value(report.view(Exposure::Checks)).unwrap();
    assert_eq!(json["checks"][0]["status"], "unknown");
    assert_eq!(json["checks"][0]["ended"], "stale");
}

#[tokio::test(start_paused = true)]
async fn silence_is_no_failure() {
    let spec = Spec::named("db");
    let health = Health::builder().check_fn(spec, || async {}).build().unwrap().start();
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(health.status(Probe::Ready), Status::Healthy, "nobody asked, so nothing was found wrong");
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy, "a poll asks anew");
}

#[tokio::test(start_paused = true)]
async fn in_live_what_has_not_been_observed_has_no_say_until_its_max_age_has_passed() {
    let spec = Spec::named("loop").probe([Probe::Live, Probe::Ready]).scope(Scope::Local).max_age("31s");
    // Waits for its turn behind one that hangs, so that it is never observed.
    let first = Spec::named("first").probe(ProbeSet::NONE).timeout("1h");
    let builder = Health::builder().max_runs(1).check_fn(first, pending::<()>).check_fn(spec, || async {});
    let began = Instant::now();
    let health = builder.build().unwrap().start();
    assert_eq!(health.report(Probe::Live).await.status(), Status::Healthy);
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Unhealthy, "only live waits");
    assert_eq!(health.overview().await.status(), Status::Unhealthy);
    sleep_until(began + Duration::from_secs(31)).await;
    assert_eq!(health.status(Probe::Live), Status::Healthy);
    assert_eq!(health.report_within(Probe::Live, Duration::ZERO).await.status(), Status::Healthy);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(health.status(Probe::Live), Status::Unhealthy);
    let report = health.report(Probe::Live).await;
    assert_eq!(report.status(), Status::Unhealthy);
    assert_eq!(report.failing().collect::<Vec<_>>(), ["loop"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_overstays_stays_timed_out_until_it_ends() {
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let barriers = (Arc::clone(&entered), Arc::clone(&leave));
    let stuck = move || {
        barriers.0.wait();
        barriers.1.wait();
    };
    let spec = Spec::named("stuck").timeout("20ms");
    let health = Health::builder().check_blocking(spec, stuck).build().unwrap().start();
    let asked = tokio::spawn({
        let health = health.clone();
        async move { health.report(Probe::Ready).await }
    });
    tokio::task::spawn_blocking(move || entered.wait()).await.unwrap();
    let report = asked.await.unwrap();
    assert_eq!(report.entry("stuck").unwrap().status(), Ok(Status::Unhealthy));
    assert_eq!(report.entry("stuck").unwrap().ended().map(|e| e.as_str()), Some("timeout"));
    assert_eq!(report.entry("stuck").unwrap().summary(), Some("did not answer within 20 ms"));
    leave.wait();
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_nearly_its_timeout_is_usable_when_it_ends() {
    let slow = || sleep(Duration::from_secs(59));
    let builder = Health::builder().deadline("2m").check_fn(Spec::named("slow").timeout("60s"), slow);
    let health = builder.build().unwrap().start();
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
}

#[tokio::test(start_paused = true)]
async fn a_startup_check_asked_by_its_name_ages_like_any_other() {
    let answers = Arc::new(AtomicBool::new(true));
    let spec = Spec::named("schema").probe(Probe::Startup).timeout("1h");
    let health = Health::builder().check_fn(spec, check_while(&answers)).build().unwrap().start();
    assert_eq!(health.report(Probe::Startup).await.status(), Status::Healthy);
    answers.store(false, Ordering::SeqCst);
    // Three intervals and the timeout.
    sleep(Duration::from_secs(3631)).await;
    assert_eq!(health.check("schema").await.unwrap().status(), Status::Unhealthy);
    let overview = health.overview().await;
    assert_eq!(
        overview.entry("schema").unwrap().status(),
        Ok(Status::Healthy),
        "as it was when startup passed"
    );
}

#[tokio::test(start_paused = true)]
async fn in_live_silence_is_no_failure_either() {
    let spec = Spec::named("loop").probe(Probe::Live).scope(Scope::Local).group("g").timeout("1m");
    let health = Health::builder().check_fn(spec, std::future::pending::<()>).build().unwrap().start();
    sleep(Duration::from_secs(59)).await;
    assert_eq!(health.report_within(Probe::Live, Duration::ZERO).await.status(), Status::Healthy);
    assert_eq!(health.group_within("g", Duration::ZERO).await.unwrap().status(), Status::Healthy);
    let spec = Spec::named("loop").probe(Probe::Live).scope(Scope::Local);
    let health = Health::builder().check_fn(spec, || async {}).build().unwrap().start();
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(health.status(Probe::Live), Status::Healthy, "nobody has asked");
}
