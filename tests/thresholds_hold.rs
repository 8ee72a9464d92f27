//! A held status moves only when enough observations in a row say so, and never holds for longer than it may.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Now};

use futures::future::BoxFuture;
use health_core::Status::{Degraded, Healthy, Unhealthy};
use health_core::{Health, Outcome, Probe, Reporter, Spec, Status, Unknown};
use health_tests::scripts::Script;
use tokio::time::{Instant, sleep};

const MS: Duration = Duration::from_millis(1);

fn started(spec: Spec, script: &Script) -> Health {
    Health::builder().check_fn(spec, script.check()).build().unwrap().start()
}

/// Held and raw, from a poll.
async fn polled(health: &Health) -> (Status, Status) {
    let report = health.report(Probe::Ready).await;
    let entry = &report.entries()[0];
    let held = entry.status().unwrap();
    assert_eq!((report.status(), entry.contribution()), (held, held), "the held status is what weighs");
    let json = serde_json::to_value(report.view(health_core::Exposure::Checks)).unwrap();
    let raw = entry.raw().unwrap();
    assert_eq!(json["checks"][0]["status"], held.as_str());
    assert_eq!(json["checks"][0]["raw"], raw.as_str());
    (held, raw)
}

/// What is held after each of these observations, each made by a poll.
async fn held_after(failure: u32, success: u32, said: &[Status]) -> Vec<Status> {
    let script = Script::default();
    script.says_next(said.iter().copied());
    let spec = Spec::named("db").interval("never").cache("1ms");
    let health = started(spec.failure_threshold(failure).success_threshold(success), &script);
    let mut held = Vec::new();
    for raw in said {
        let (now, seen) = polled(&health).await;
        assert_eq!(seen, *raw, "each poll is one observation");
        held.push(now);
        sleep(2 * MS).await;
    }
    held
}

#[tokio::test(start_paused = true)]
async fn the_first_observation_counts_at_once() {
    for status in Status::ALL {
        assert_eq!(held_after(5, 5, &[status]).await, [status]);
    }
}

#[tokio::test(start_paused = true)]
async fn it_moves_after_enough_in_a_row_and_no_further_than_all_of_them_say() {
    let (h, d, u) = (Healthy, Degraded, Unhealthy);
    assert_eq!(held_after(1, 1, &[h, d, u, d, h]).await, [h, d, u, d, h], "without thresholds");
    assert_eq!(held_after(3, 1, &[h, u, u, h, u, u, u]).await, [h, h, h, h, h, h, u], "in a row");
    assert_eq!(
        held_after(3, 1, &[h, u, d, u, u, u]).await,
        [h, h, h, d, d, u],
        "the mildest of three, twice"
    );
    assert_eq!(held_after(2, 1, &[h, u, d, d]).await, [h, h, d, d], "the mildest");
    assert_eq!(held_after(1, 3, &[u, h, d, h, h]).await, [u, u, u, d, d], "the worst of three");
    assert_eq!(held_after(1, 2, &[u, d, h, h, h]).await, [u, u, d, h, h], "the worst");
    assert_eq!(held_after(4, 4, &[d, h, u, h, u, h, u]).await, [d; 7]);
}

#[tokio::test(start_paused = true)]
async fn alternating_good_and_bad_stays_still() {
    for first in [Healthy, Unhealthy] {
        let (script, other) = (Script::default(), if first == Healthy { Unhealthy } else { Healthy });
        script.says_next((0..10_000).flat_map(|_| [first, other]));
        let spec = Spec::named("flaps").failure_threshold(2).success_threshold(2).cache("1s");
        let health = started(spec, &script);
        sleep(MS).await;
        let since = health.report(Probe::Ready).await.entries()[0].since();
        let (mut raw_seen, end) = (Vec::new(), Instant::now() + Duration::from_secs(600));
        while Instant::now() < end {
            sleep(MS * 73).await;
            assert_eq!(health.status(Probe::Ready), first);
            if script.runs() % 7 == 0 {
                let (held, raw) = polled(&health).await;
                assert_eq!(held, first);
                raw_seen.push(raw);
            }
        }
        assert!(raw_seen.contains(&first) && raw_seen.contains(&other), "both were really observed");
        assert!(script.runs() > 80, "{}", script.runs());
        assert_eq!(health.report(Probe::Ready).await.entries()[0].since(), since, "it never moved");
    }
}

#[tokio::test(start_paused = true)]
async fn while_raw_and_held_differ_the_engine_asks_again_after_a_second() {
    let mut pauses = Vec::new();
    // The second run of what is due once a year falls into this half minute once in a million times.
    for (interval, times) in [("365d", 1), ("never", 49)] {
        for _ in 0..times {
            let script = Script::default();
            script.says_next([Healthy]);
            script.says(Unhealthy);
            let health =
                started(Spec::named("db").interval(interval).cache("1s").failure_threshold(4), &script);
            sleep(Duration::from_secs(5)).await;
            assert_eq!(script.runs(), 1, "settled");
            // A poll finds the first failure; the rest is the engine's affair.
            assert_eq!(polled(&health).await, (Healthy, Unhealthy));
            sleep(Duration::from_secs(2)).await;
            assert_eq!(health.status(Probe::Ready), Healthy, "after {} runs", script.runs());
            sleep(Duration::from_secs(2)).await;
            assert_eq!((health.status(Probe::Ready), script.runs()), (Unhealthy, 5), "without a poll");
            sleep(Duration::from_secs(30)).await;
            assert_eq!(script.runs(), 5, "settled again, and asked no more than it has to be");
            pauses.extend(script.gaps().into_iter().skip(1));
        }
    }
    assert_eq!(pauses.len(), 150);
    assert!(pauses.iter().all(|pause| (MS * 900..=MS * 1_102).contains(pause)), "{pauses:?}");
    let distinct: std::collections::HashSet<_> = pauses.iter().map(Duration::as_millis).collect();
    assert!(distinct.len() > 20, "no jitter: {distinct:?}");
}

#[tokio::test(start_paused = true)]
async fn what_runs_more_often_than_that_anyway_is_not_slowed_down() {
    let script = Script::default();
    let health = started(Spec::named("db").interval("200ms").max_age("1h").failure_threshold(5), &script);
    sleep(Duration::from_secs(2)).await;
    script.says(Unhealthy);
    sleep(MS * 1_400).await;
    assert_eq!(health.status(Probe::Ready), Unhealthy, "{:?}", script.gaps());
}

#[tokio::test(start_paused = true)]
async fn a_canary_settles_too() {
    let script = Script::default();
    let spec = Spec::named("canary").idle("365d").failure_threshold(3);
    let health = started(spec, &script);
    sleep(MS).await;
    let reporter = health.reporter("canary").unwrap();
    reporter.unhealthy("a message that could not be delivered");
    assert_eq!(health.status(Probe::Ready), Healthy);
    sleep(MS * 1_200).await;
    assert_eq!((script.runs(), health.status(Probe::Ready)), (2, Healthy), "it was asked, and is well");
    sleep(Duration::from_secs(30)).await;
    assert_eq!(script.runs(), 2, "settled");
    script.says(Unhealthy);
    reporter.unhealthy("another");
    sleep(MS * 2_400).await;
    assert_eq!((script.runs(), health.status(Probe::Ready)), (4, Unhealthy), "one reported, two found");
}

#[tokio::test(start_paused = true)]
async fn what_is_stale_or_draining_is_held_by_nothing() {
    let spec = Spec::named("pushed").max_age("10s").failure_threshold(10).success_threshold(10);
    let reporter = Reporter::new(spec);
    let health = Health::builder().reporter(&reporter).build().unwrap().start();
    reporter.healthy();
    assert_eq!(health.status(Probe::Ready), Healthy);
    sleep(MS * 10_002).await;
    let report = health.report(Probe::Ready).await;
    assert_eq!((report.status(), report.entries()[0].status()), (Unhealthy, Err(Unknown::Stale)));
    assert_eq!(health.status(Probe::Ready), Unhealthy);
    reporter.healthy();
    assert_eq!(health.status(Probe::Ready), Healthy, "the first after an absence counts at once");
    sleep(MS * 10_002).await;
    reporter.unhealthy("refused");
    assert_eq!(polled(&health).await, (Unhealthy, Unhealthy), "so it does when it is bad");
    sleep(MS * 10_002).await;
    reporter.healthy();
    health.drain();
    assert_eq!(health.status(Probe::Ready), Unhealthy);
    health.resume();
    assert_eq!(health.status(Probe::Ready), Healthy);
}

/// A threshold so high that it alone would hold for ever.
fn held_up(name: &'static str) -> Spec {
    Spec::named(name).failure_threshold(u32::MAX)
}

#[tokio::test(start_paused = true)]
async fn a_check_that_fails_while_it_is_held_healthy_stays_so_no_longer_than_its_max_age() {
    for hangs in [true, false] {
        let script = Script::default();
        let health = started(held_up("db").interval("1s").timeout("700ms").max_age("7s"), &script);
        sleep(Duration::from_secs(3)).await;
        let last_good = *script.began().last().unwrap();
        script.hangs(hangs);
        script.says(Unhealthy);
        while last_good.elapsed() <= Duration::from_secs(20) {
            let age = last_good.elapsed();
            let expected = if age <= Duration::from_secs(7) { Healthy } else { Unhealthy };
            assert_eq!(health.status(Probe::Ready), expected, "{age:?} after the last good run");
            sleep(MS * 11).await;
        }
        assert!(script.runs() > 10, "it was asked all the time");
        assert_eq!(polled(&health).await, (Unhealthy, Unhealthy));
    }
}

/// When the last run that was well began, and what lets go of the one that is not.
struct Stuck {
    last_good: Mutex<Option<Now>>,
    blocks: AtomicBool,
    released: (Mutex<bool>, std::sync::Condvar),
}

impl Stuck {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            last_good: Mutex::default(),
            blocks: AtomicBool::new(false),
            released: Default::default(),
        })
    }

    /// Blocks its thread once it is told to, until it is released.
    fn run(&self) {
        if self.blocks.load(Ordering::SeqCst) {
            let mut released = self.released.0.lock().unwrap();
            while !*released {
                released = self.released.1.wait(released).unwrap();
            }
            return;
        }
        *self.last_good.lock().unwrap() = Some(Now::now());
    }

    fn release(&self) {
        *self.released.0.lock().unwrap() = true;
        self.released.1.notify_all();
    }

    fn last_good(&self) -> Option<Now> {
        *self.last_good.lock().unwrap()
    }
}

#[test]
fn a_check_that_blocks_its_thread_while_it_is_held_healthy_does_not_stay_so() {
    for on_own_thread in [true, false] {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
        let stuck = Stuck::new();
        let spec = held_up("stuck").interval("20ms").timeout("10ms").max_age("500ms");
        let check = Arc::clone(&stuck);
        let health = {
            let _inside = runtime.enter();
            let builder = Health::builder();
            let builder = if on_own_thread {
                builder.check_blocking(spec, move || check.run())
            } else {
                builder.check_fn(spec, move || -> BoxFuture<'static, Outcome> {
                    let check = Arc::clone(&check);
                    Box::pin(async move {
                        check.run();
                        Outcome::healthy()
                    })
                })
            };
            builder.build().unwrap().start()
        };
        let end = Now::now() + Duration::from_secs(60);
        while health.status(Probe::Ready) != Healthy {
            assert!(Now::now() < end, "it was never well");
            std::thread::sleep(MS);
        }
        stuck.blocks.store(true, Ordering::SeqCst);
        // Looked at only; nobody polls.
        loop {
            let looked = Now::now();
            if health.status(Probe::Ready) != Healthy {
                break;
            }
            // It was observed no later than it was made, and looked at no earlier than this.
            let age = looked.saturating_duration_since(stuck.last_good().unwrap());
            assert!(age <= Duration::from_millis(500), "held healthy for {age:?}");
            std::thread::sleep(MS);
        }
        assert!(Now::now() < end);
        stuck.release();
        drop(health);
        runtime.shutdown_background();
    }
}
