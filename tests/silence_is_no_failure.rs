//! Rule 2: silence is not failure. The engine keeps what it knows fresh by itself, and nothing turns red because nobody,
//! or hardly anybody, asks.

use std::time::Duration;

use health_core::{Health, Probe, Scope, Spec, Status};
use health_tests::scripts::Script;
use tokio::time::{Instant, sleep, sleep_until};

const TEN_MINUTES: Duration = Duration::from_secs(600);

/// A check that takes longer than an answer may.
fn slow(script: &Script) -> impl Fn() -> futures::future::BoxFuture<'static, health_core::Outcome> + use<> {
    script.takes(Duration::from_millis(1_200));
    script.check()
}

/// One check of every kind that the engine refreshes by itself, and one that it does not.
fn every_kind() -> (Health, Script) {
    let (plain, never) = (Script::default(), Script::default());
    let take = |milliseconds| {
        let script = Script::default();
        script.takes(Duration::from_millis(milliseconds));
        script
    };
    let live = Spec::named("loop").probe([Probe::Live, Probe::Ready, Probe::Startup]).scope(Scope::Local);
    let health = Health::builder()
        .check_fn(Spec::named("plain"), plain.check())
        .check_fn(live, Script::default().check())
        .check_fn(Spec::named("slow").timeout("2s"), slow(&Script::default()))
        .check_fn(Spec::named("often").interval("250ms"), take(100).check())
        .check_fn(Spec::named("rare").interval("3m"), take(600).check())
        .check_fn(Spec::named("steady").failure_threshold(2).success_threshold(2), take(10).check())
        .check_fn(Spec::named("patient").backoff("1m"), take(10).check())
        .check_fn(Spec::named("canary").idle("20s").timeout("2s"), slow(&Script::default()))
        .check_fn(Spec::named("never").interval("never"), never.check())
        .build()
        .unwrap()
        .start();
    (health, never)
}

/// Looks often, asking nothing, and sees nothing but health.
async fn stays_healthy_until(health: &Health, until: Instant) {
    while Instant::now() < until {
        sleep(Duration::from_millis(97)).await;
        for probe in Probe::ALL {
            assert_eq!(health.status(probe), Status::Healthy, "{probe} after {:?}", until - Instant::now());
        }
    }
}

/// Since when each check is what it is: what does not change while nothing happens.
async fn since(health: &Health) -> Vec<(String, Option<std::time::SystemTime>)> {
    let report = health.report(Probe::Ready).await;
    assert_eq!(report.status(), Status::Healthy, "{report:?}");
    let mut since: Vec<_> =
        report.entries().iter().map(|entry| (entry.name().to_owned(), entry.since())).collect();
    since.sort();
    since
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_for_ten_minutes() {
    let (health, never) = every_kind();
    sleep(Duration::from_secs(2)).await;
    let before = since(&health).await;
    assert!(before.iter().all(|(_, since)| since.is_some()), "{before:?}");
    let runs = never.runs();
    stays_healthy_until(&health, Instant::now() + TEN_MINUTES).await;
    assert_eq!(never.runs(), runs, "what is on demand was not asked");
    assert_eq!(since(&health).await, before, "nothing changed");
}

#[tokio::test(start_paused = true)]
async fn one_poller_a_minute_of_a_check_slower_than_an_answer() {
    let script = Script::default();
    let spec = Spec::named("slow").timeout("2s");
    let health = Health::builder().check_fn(spec, slow(&script)).build().unwrap().start();
    sleep(Duration::from_secs(2)).await;
    let before = since(&health).await;
    let began = Instant::now();
    for minute in 1..=30 {
        stays_healthy_until(&health, began + Duration::from_secs(60 * minute)).await;
        let asked = Instant::now();
        assert_eq!(since(&health).await, before, "after {minute} minutes");
        assert!(asked.elapsed() <= Duration::from_millis(801), "{:?}", asked.elapsed());
    }
    // It is the engine that keeps it so: about 180 runs in half an hour, and no more than one for each poll beside.
    assert!((170..=215).contains(&script.runs()), "{}", script.runs());
}

#[tokio::test(start_paused = true)]
async fn one_poller_a_minute_of_every_kind() {
    let (health, never) = every_kind();
    sleep(Duration::from_secs(2)).await;
    let before = since(&health).await;
    let began = Instant::now();
    for minute in 1..=10 {
        stays_healthy_until(&health, began + Duration::from_secs(60 * minute)).await;
        assert_eq!(since(&health).await, before, "after {minute} minutes");
    }
    assert!(never.runs() > 10, "a poll asks it: {}", never.runs());
}

/// What is allowed has to work: the shortest `max_age` leaves the engine no more than a run and its period.
#[tokio::test(start_paused = true)]
async fn the_shortest_max_age_that_is_allowed_is_long_enough() {
    for (n, poll_every) in [None, Some(3_300), Some(27_700), Some(60_000)].into_iter().enumerate() {
        let kinds = [
            Spec::named("interval").interval("10s").max_age("12020ms"),
            Spec::named("default").max_age("12020ms"),
            Spec::named("asked").interval("10s").cache("1s").max_age("12020ms"),
            Spec::named("canary").idle("10s").max_age("12020ms"),
        ];
        let script = Script::default();
        script.takes(Duration::from_millis(1_990));
        let builder = kinds
            .into_iter()
            .fold(Health::builder(), |builder, spec| builder.check_fn(spec.timeout("2s"), script.check()));
        let health = builder.build().unwrap().start();
        let end = Instant::now() + TEN_MINUTES;
        sleep(Duration::from_secs(2)).await;
        let mut next_poll = poll_every.map(|every| Instant::now() + Duration::from_millis(every));
        while Instant::now() < end {
            if let Some((at, every)) = next_poll.zip(poll_every).filter(|(at, _)| *at <= Instant::now()) {
                let report = health.report(Probe::Ready).await;
                assert_eq!(report.status(), Status::Healthy, "{n}: {report:?}");
                next_poll = Some(at + Duration::from_millis(every));
            }
            sleep_until(Instant::now() + Duration::from_millis(7)).await;
            let left = end.saturating_duration_since(Instant::now());
            assert_eq!(health.status(Probe::Ready), Status::Healthy, "{n}: {left:?} before the end");
        }
    }
}
