//! What the model found: on each of these the engine and the design have disagreed.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use health_core::{Health, Outcome, Probe, Reporter, Spec, Status};
use tokio::time::{advance, sleep};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A running engine with one check that says this in each of its runs, and how often it was run.
fn of_one(spec: Spec, says: fn(usize) -> Status) -> (Health, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let answer = move || {
        let run = counted.fetch_add(1, Ordering::SeqCst);
        async move { Outcome::of(says(run)) }
    };
    (Health::builder().check_fn(spec, answer).build().unwrap().start(), runs)
}

fn healthy(spec: Spec) -> (Health, Arc<AtomicUsize>) {
    of_one(spec, |_| Status::Healthy)
}

/// Time passes and nothing runs.
fn sleeps_through(period: Duration) {
    let _ = advance(period).now_or_never();
}

#[tokio::test(start_paused = true)]
async fn a_reporter_may_expire_sooner_than_a_run_would_take() {
    let reporter = Reporter::new(Spec::named("consumer").max_age("500ms"));
    let health = Health::builder().reporter(&reporter).build().unwrap().start();
    reporter.healthy();
    assert_eq!(health.status(Probe::Ready), Status::Healthy);
    sleep(ms(501)).await;
    assert_eq!(health.status(Probe::Ready), Status::Unhealthy);
}

#[tokio::test(start_paused = true)]
async fn jitter_makes_nothing_stale() {
    let spec = Spec::named("tight").interval("10s").timeout("300ms").max_age("10301ms");
    let (health, _) = healthy(spec);
    for second in 0..600 {
        sleep(ms(1_000)).await;
        assert_eq!(health.status(Probe::Ready), Status::Healthy, "after {second} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_has_not_settled_is_asked_again_soon() {
    let (health, runs) = healthy(Spec::named("c").idle("1h").failure_threshold(3));
    sleep(ms(1)).await;
    health.reporter("c").unwrap().degraded("slow");
    let before = runs.load(Ordering::SeqCst);
    sleep(ms(1_101)).await;
    assert_eq!(runs.load(Ordering::SeqCst), before + 1);
}

#[tokio::test(start_paused = true)]
async fn reported_failures_do_not_put_off_the_run_that_could_restore_a_canary() {
    let spec = Spec::named("c").idle("10s").backoff("20s");
    let (health, runs) = of_one(spec, |run| if run == 0 { Status::Unhealthy } else { Status::Healthy });
    let reporter = health.reporter("c").unwrap();
    for _ in 0..5 {
        sleep(ms(5_000)).await;
        reporter.unhealthy("refused");
    }
    assert!(runs.load(Ordering::SeqCst) > 1);
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_do_not_keep_a_canary_from_being_run_after_a_poll() {
    let (health, runs) = healthy(Spec::named("c").idle("10s"));
    let reporter = health.reporter("c").unwrap();
    sleep(ms(1)).await;
    let asked = async {
        loop {
            let before = runs.load(Ordering::SeqCst);
            health.report(Probe::Ready).await;
            if runs.load(Ordering::SeqCst) > before {
                return;
            }
            sleep(ms(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3_600), asked).await.expect("a poll finds it older than `idle`");
    let before = runs.load(Ordering::SeqCst);
    for _ in 0..60 {
        sleep(ms(1_000)).await;
        reporter.idle();
    }
    assert!(runs.load(Ordering::SeqCst) >= before + 5);
}

#[tokio::test(start_paused = true)]
async fn a_canary_is_run_within_its_max_age_whatever_is_reported() {
    let spec = Spec::named("c").idle("2s").timeout("700ms").max_age("2701ms").failure_threshold(2);
    let (health, runs) = healthy(spec);
    let reporter = health.reporter("c").unwrap();
    sleep(ms(1)).await;
    let first = runs.load(Ordering::SeqCst);
    while runs.load(Ordering::SeqCst) == first {
        sleep(ms(1)).await;
    }
    let active = runs.load(Ordering::SeqCst);
    sleep(ms(900)).await;
    reporter.healthy();
    sleep(ms(1_200)).await;
    reporter.degraded("slow");
    assert_eq!(runs.load(Ordering::SeqCst), active);
    sleep(ms(603)).await;
    assert_eq!(runs.load(Ordering::SeqCst), active + 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_without_support_is_not_held_again_by_one_better_observation() {
    let reporter =
        Reporter::new(Spec::named("consumer").max_age("10s").failure_threshold(2).success_threshold(2));
    let health = Health::builder().reporter(&reporter).build().unwrap().start();
    reporter.healthy();
    sleep(ms(10_000)).await;
    reporter.degraded("slow");
    assert_eq!(health.status(Probe::Ready), Status::Healthy, "for as long as what supports it is usable");
    sleeps_through(ms(1));
    reporter.healthy();
    assert_eq!(health.status(Probe::Ready), Status::Degraded);
}

#[tokio::test(start_paused = true)]
async fn a_mute_that_is_over_cannot_be_ended() {
    let (health, _) = healthy(Spec::named("db"));
    sleep(ms(1)).await;
    health.mute("db", "10ms", "known").unwrap();
    sleeps_through(ms(10));
    assert!(!health.unmute("db"));
}

#[tokio::test(start_paused = true)]
async fn what_was_just_observed_is_not_asked_again_because_it_is_not_what_is_held() {
    let spec = Spec::named("licence").interval("never").timeout("700ms").cache("1s").max_age("1701ms");
    let says = |run| if run < 2 { Status::Healthy } else { Status::Unhealthy };
    let (health, runs) = of_one(spec.failure_threshold(2), says);
    sleep(ms(5_000)).await;
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
    sleep(ms(1_500)).await;
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy, "held up");
    sleep(ms(300)).await;
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Unhealthy);
    assert_eq!(runs.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_reported_while_a_run_waits_for_its_turn_is_heard() {
    let builder = Health::builder().max_runs(1).check_fn(Spec::named("a").timeout("1h"), pending::<()>);
    let health = builder.check_fn(Spec::named("c").idle("10s"), || async {}).build().unwrap().start();
    sleep(ms(1)).await;
    health.reporter("c").unwrap().healthy();
    let report = health.check_within("c", Duration::ZERO).await.unwrap();
    assert_eq!(report.status(), Status::Healthy);
}

#[tokio::test(start_paused = true)]
async fn a_beat_takes_nothing_back_that_was_said_while_the_first_run_is_under_way() {
    let slow = || async { sleep(ms(600)).await };
    let health = Health::builder().check_fn(Spec::named("c").idle("10s"), slow).build().unwrap().start();
    sleep(ms(100)).await;
    let reporter = health.reporter("c").unwrap();
    reporter.degraded("slow answers");
    reporter.beat();
    sleep(ms(600)).await;
    let report = health.check_within("c", Duration::ZERO).await.unwrap();
    assert_eq!(report.status(), Status::Degraded);
}
