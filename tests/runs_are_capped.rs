//! There are never more runs at once than may be, each gets its turn, and what hangs does not starve the rest.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant as Now};

use futures::future::join_all;
use health_core::{Exposure, Health, HealthBuilder, Outcome, Phase, Probe, ProblemKind, Spec, Status};
use health_tests::scripts::Script;
use tokio::time::{Instant, sleep, sleep_until};

const MS: Duration = Duration::from_millis(1);

/// With as many checks more, all of them of this script.
fn many(
    builder: HealthBuilder,
    count: usize,
    script: &Script,
    spec: impl Fn(String) -> Spec,
) -> HealthBuilder {
    (0..count).fold(builder, |builder, n| builder.check_fn(spec(format!("check-{n:05}")), script.check()))
}

#[tokio::test(start_paused = true)]
async fn there_are_never_more_runs_at_once_than_may_be() {
    for (max_runs, expected) in [(None, 64), (Some(3), 3), (Some(1), 1), (Some(500), 200)] {
        let script = Script::default();
        script.takes(MS * 50);
        let builder = max_runs.map_or_else(Health::builder, |runs| Health::builder().max_runs(runs));
        let builder = many(builder, 200, &script, |name| Spec::named(name).interval("1s"));
        let health = builder.build().unwrap().start();
        for _ in 0..20 {
            join_all((0..10).map(|_| health.report(Probe::Ready))).await;
            sleep(MS * 100).await;
        }
        assert_eq!(script.most_at_once(), expected, "of {max_runs:?}");
    }
}

#[test]
fn a_cap_of_none_is_a_problem() {
    let error = Health::builder().max_runs(0).build().unwrap_err();
    assert_eq!(error.problems()[0].kind(), ProblemKind::Spec);
    assert!(error.to_string().contains("runs_are_capped.rs"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn first_come_first_served() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut builder = Health::builder().max_runs(1);
    for name in ["a", "b", "c", "d", "e"] {
        let order = Arc::clone(&order);
        let check = move || {
            order.lock().unwrap().push(name);
            sleep(MS * 10)
        };
        builder = builder.check_fn(Spec::named(name).interval("never").cache("1ms"), check);
    }
    let health = builder.build().unwrap().start();
    sleep(MS * 60).await;
    assert_eq!(*order.lock().unwrap(), ["a", "b", "c", "d", "e"], "all at the start");
    order.lock().unwrap().clear();
    // One after the other; the greedy one asks again and again, and still comes after those who came before.
    let mut polls = Vec::new();
    for name in ["d", "a", "e", "a", "c", "a", "b"] {
        let health = health.clone();
        polls.push(tokio::spawn(async move { health.check(name).await }));
        sleep(MS).await;
    }
    join_all(polls).await;
    assert_eq!(*order.lock().unwrap(), ["d", "a", "e", "c", "b"]);
    order.lock().unwrap().clear();
    let end = Instant::now() + MS * 2_000;
    let greedy = async |name: &'static str| {
        while Instant::now() < end {
            health.check(name).await;
            sleep(2 * MS).await;
        }
    };
    tokio::join!(greedy("a"), greedy("a"), greedy("a"), greedy("b"), greedy("c"), greedy("d"));
    let order = order.lock().unwrap();
    for name in ["a", "b", "c", "d"] {
        let runs = order.iter().filter(|ran| **ran == name).count();
        assert!((order.len() / 4).abs_diff(runs) <= 2, "{name} ran {runs} of {} times", order.len());
    }
}

#[tokio::test(start_paused = true)]
async fn the_timeout_counts_from_the_start_of_the_run_and_the_time_in_the_queue_is_shown() {
    let script = Script::default();
    script.takes(MS * 60);
    let builder = Health::builder().deadline("2s").max_runs(1);
    let builder = many(builder, 10, &script, |name| Spec::named(name).timeout("100ms").interval("never"));
    let health = builder.build().unwrap().start();
    assert_eq!(health.queued_too_long(), 0);
    let report = health.report(Probe::Ready).await;
    assert_eq!(report.status(), Status::Healthy, "{report:?}");
    let json = serde_json::to_value(report.view(Exposure::Checks)).unwrap();
    for (n, entry) in report.entries().iter().enumerate() {
        // Each waits for those before it; timers have a millisecond of their own.
        let waited = MS * 60 * u32::try_from(n).unwrap();
        let shown = json["checks"][n]["queued_ms"].as_f64();
        if waited < MS * 100 {
            assert_eq!((entry.queued(), shown), (None, None), "shorter than its timeout: {}", entry.name());
        } else {
            let queued = entry.queued().unwrap();
            assert!((waited..=waited + 20 * MS).contains(&queued), "{}: {queued:?}", entry.name());
            assert_eq!(shown, Some((queued.as_secs_f64() * 1e4).round() / 1e1));
        }
        assert!(entry.duration().unwrap() <= MS * 62, "the queue is no part of the run");
    }
    assert_eq!(health.queued_too_long(), 8);
    // It is about the last run.
    sleep(MS * 1_100).await;
    let alone = health.check("check-00009").await.unwrap();
    assert_eq!((alone.entries()[0].queued(), health.queued_too_long()), (None, 8));
}

#[tokio::test(start_paused = true)]
async fn what_hangs_does_not_starve_the_rest() {
    let (well, stuck) = (Script::default(), Script::default());
    stuck.hangs(true);
    let mut builder = Health::builder();
    for n in 0..10_000 {
        // Informational or not, one in a hundred never ends.
        let (name, script) = if n % 100 == 50 { ("stuck", &stuck) } else { ("well", &well) };
        builder = builder.check_fn(Spec::named(format!("{n:05}-{name}")), script.check());
    }
    let health = builder.build().unwrap().start();
    let began = Instant::now();
    // A hundred that hang, 64 at a time, each for 700 ms.
    sleep(MS * 1_410).await;
    let report = health.report_within(Probe::Ready, Duration::ZERO).await;
    let observed = report.entries().iter().filter(|entry| entry.status().is_ok()).count();
    assert_eq!((report.entries().len(), observed), (10_000, 10_000), "every one has had its turn");
    let end = began + Duration::from_secs(60);
    while Instant::now() < end {
        sleep(MS * 4_900).await;
        let report = health.report_within(Probe::Ready, Duration::ZERO).await;
        let failing: Vec<_> = report.failing().collect();
        assert_eq!(failing.len(), 100, "after {:?}", began.elapsed());
        assert!(failing.iter().all(|name| name.ends_with("-stuck")));
        sleep_until(Instant::now() + MS * 100).await;
    }
    // Polls asked for some more; without them there would be one in ten seconds.
    assert!(well.runs() >= 9_900 * 6, "{}", well.runs());
    assert!(well.most_at_once() + stuck.most_at_once() <= 128 && stuck.most_at_once() <= 64);
}

/// Holds the threads of whoever waits, until it is opened.
#[derive(Default)]
struct Hold(Mutex<bool>, Condvar);

impl Hold {
    fn wait(&self) {
        let mut open = self.0.lock().unwrap();
        while !*open {
            open = self.1.wait(open).unwrap();
        }
    }
}

/// Opened also when the test fails, so that nothing waits for ever.
struct Opens(Arc<Hold>);

impl Drop for Opens {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }
}

/// The check `stuck` holds the only permit; `well` passes startup as soon as it has had its turn.
async fn gets_its_turn(stuck: impl FnOnce(HealthBuilder, Spec) -> HealthBuilder, polls: bool) {
    let builder = stuck(Health::builder().max_runs(1), Spec::named("a-stuck").timeout("20ms"));
    let well = Spec::named("well").probe(Probe::Startup);
    let health = builder.check_fn(well, || async { Outcome::healthy() }).build().unwrap().start();
    let end = Now::now() + Duration::from_secs(20);
    while health.phase() != Phase::Running {
        assert!(Now::now() < end, "the permit was never given back");
        if polls {
            health.report_within(Probe::Ready, MS).await;
        }
        sleep(MS).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_async_run_that_overstays_gives_its_permit_back() {
    gets_its_turn(|builder, spec| builder.check_fn(spec, std::future::pending::<()>), false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_run_that_overstays_gives_its_permit_back() {
    let hold = Arc::new(Hold::default());
    let _opens = Opens(Arc::clone(&hold));
    gets_its_turn(|builder, spec| builder.check_blocking(spec, move || hold.wait()), false).await;
}

/// What an async check must not do, and what it then costs on a runtime with more threads than one: itself.
async fn blocks_its_thread(polls: bool) {
    let hold = Arc::new(Hold::default());
    let _opens = Opens(Arc::clone(&hold));
    let blocks = move || {
        let hold = Arc::clone(&hold);
        async move { hold.wait() }
    };
    gets_its_turn(|builder, spec| builder.check_fn(spec, blocks), polls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_async_run_that_blocks_its_thread_gives_its_permit_back_when_somebody_asks() {
    blocks_its_thread(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_async_run_that_blocks_its_thread_gives_its_permit_back_although_nobody_asks() {
    blocks_its_thread(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_threads_that_are_stuck_do_not_starve_the_rest() {
    let hold = Arc::new(Hold::default());
    let _opens = Opens(Arc::clone(&hold));
    let script = Script::default();
    let mut builder = many(Health::builder(), 1_000, &script, |name| Spec::named(name).interval("1s"));
    for n in 0..100 {
        let hold = Arc::clone(&hold);
        let spec = Spec::named(format!("a-stuck-{n}")).timeout("20ms").probe(health_core::ProbeSet::NONE);
        builder = builder.check_blocking(spec, move || hold.wait());
    }
    let health = builder.build().unwrap().start();
    let end = Now::now() + Duration::from_secs(60);
    while script.runs() < 5_000 || health.status(Probe::Ready) != Status::Healthy {
        assert!(Now::now() < end, "only {} runs", script.runs());
        sleep(MS * 5).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_a_cap_a_run_behind_those_that_block_begins_too() {
    let (release, block) = std::sync::mpsc::channel::<()>();
    let block = Arc::new(Mutex::new(block));
    let blocks = || {
        let block = Arc::clone(&block);
        move || {
            let block = Arc::clone(&block);
            async move { block.lock().unwrap().recv().unwrap_or(()) }
        }
    };
    // In the order of their names: one for each lane, and one behind them.
    let health = Health::builder()
        .max_runs(usize::MAX)
        .deadline("10s")
        .check_fn(Spec::named("a-blocks").timeout("100ms"), blocks())
        .check_fn(Spec::named("b-blocks").timeout("100ms"), blocks())
        .check_fn(Spec::named("well"), || async {})
        .build()
        .unwrap()
        .start();
    let asking = health.clone();
    let report =
        tokio::task::spawn_blocking(move || futures::executor::block_on(asking.report(Probe::Ready)));
    let report = report.await.unwrap();
    drop(release);
    assert_eq!(report.entry("well").unwrap().status(), Ok(Status::Healthy));
}
