//! Rules 5, 6 and 7: a run belongs to the engine, at most one of a check is in flight, and it makes one observation.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use futures::future::join_all;
use health_core::{Health, Outcome, Probe, Spec, Status, Unknown};
use health_tests::logs;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until};

#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn one(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn any_number_of_pollers_share_one_run() {
    let runs = Count::default();
    let counted = runs.clone();
    let slow = move || {
        counted.one();
        sleep(Duration::from_millis(100))
    };
    let spec = Spec::named("slow").interval("never").cache("1ms");
    let health = Health::builder().check_fn(spec, slow).build().unwrap().start();
    let reports = join_all((0..256).map(|_| health.report(Probe::Ready))).await;
    assert_eq!(runs.get(), 1);
    assert!(reports.iter().all(|report| report.status() == Status::Healthy));
    let at = reports[0].entry("slow").unwrap().at();
    assert!(
        reports.iter().all(|report| report.entry("slow").unwrap().at() == at),
        "one run, one observation"
    );
    health.report(Probe::Ready).await;
    assert_eq!(runs.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_poller_that_hangs_up_cancels_nothing_and_records_nothing() {
    // The run at the start ends at once, and the one that the poller begins when it is told to.
    let (begun, ended, go) = (Count::default(), Count::default(), Arc::new(Semaphore::new(1)));
    let inside = (begun.clone(), ended.clone(), Arc::clone(&go));
    let run = move || {
        let (begun, ended, go) = inside.clone();
        async move {
            begun.one();
            go.acquire().await.unwrap().forget();
            ended.one();
        }
    };
    let spec = Spec::named("slow").interval("never").cache("1ms").timeout("1m");
    let health = Health::builder().check_fn(spec, run).build().unwrap().start();
    let at = |report: &health_core::Report| report.entry("slow").unwrap().at();
    let before = health.report(Probe::Ready).await;
    sleep(Duration::from_millis(2)).await;
    {
        let poller = health.report(Probe::Ready);
        let mut poller = std::pin::pin!(poller);
        assert!(futures::poll!(poller.as_mut()).is_pending());
        yield_now().await;
        yield_now().await;
    }
    assert_eq!((begun.get(), ended.get()), (2, 1));
    let now = health.check_within("slow", Duration::ZERO).await.unwrap();
    assert_eq!((now.status(), at(&now)), (Status::Healthy, at(&before)));
    go.add_permits(1);
    let report = health.report(Probe::Ready).await;
    assert_eq!(report.status(), Status::Healthy);
    assert_eq!(
        (begun.get(), ended.get()),
        (2, 2),
        "the next poller was given the very run of the one who left"
    );
}

#[test]
fn a_hundred_thousand_polls_of_a_check_that_never_ends_leave_nothing_behind() {
    let begun = Count::default();
    let counted = begun.clone();
    let never = move || {
        counted.one();
        std::future::pending::<()>()
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let polls = |health: &Health, count| {
        runtime.block_on(async {
            for _ in 0..count {
                health.report_within(Probe::Ready, Duration::ZERO).await;
            }
        });
    };
    let spec = Spec::named("never").timeout("1000h");
    let health = runtime.block_on(async { Health::builder().check_fn(spec, never).build().unwrap().start() });
    polls(&health, 10);
    let tasks = runtime.metrics().num_alive_tasks();
    let left = allocation_counter::measure(|| polls(&health, 100_000));
    assert_eq!(begun.get(), 1);
    assert_eq!(runtime.metrics().num_alive_tasks(), tasks);
    assert!(left.count_total > 100_000 && left.count_current.abs() < 10, "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_overstays_is_not_begun_again_and_its_late_end_is_discarded() {
    logs::record();
    let begun = Count::default();
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let inside = (begun.clone(), Arc::clone(&entered), Arc::clone(&leave));
    let blocks = move || {
        let (begun, entered, leave) = &inside;
        begun.one();
        if begun.get() == 1 {
            entered.wait();
            leave.wait();
            Outcome::degraded("too late to be heard")
        } else {
            Outcome::healthy()
        }
    };
    let spec = Spec::named("late").timeout("20ms");
    let health = Health::builder().check_blocking(spec, blocks).build().unwrap().start();
    let first = tokio::spawn({
        let health = health.clone();
        async move { health.report(Probe::Ready).await }
    });
    tokio::task::spawn_blocking(move || entered.wait()).await.unwrap();
    first.await.unwrap();
    for _ in 0..100 {
        let report = health.report(Probe::Ready).await;
        assert_eq!(report.entry("late").unwrap().ended().map(|e| e.as_str()), Some("timeout"));
    }
    assert_eq!(begun.get(), 1, "it is still in flight");
    leave.wait();
    // The end of the first run is known to the engine only; whichever poll comes after it begins the second.
    let well = async {
        loop {
            let report = health.report(Probe::Ready).await;
            assert_ne!(report.status(), Status::Degraded, "the late end was heard");
            if report.status() == Status::Healthy {
                break;
            }
            yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), well).await.unwrap();
    assert_eq!(begun.get(), 2);
    assert_eq!(logs::lines_with(&["check=late", "too late to be heard"]), [""; 0], "the late end was heard");
    assert_eq!(logs::lines_with(&["check=late", "to=healthy"]).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_timed_out_run_is_dropped_and_its_destructors_run() {
    struct OnDrop(Count);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.one();
        }
    }
    let dropped = Count::default();
    let counted = dropped.clone();
    let hangs = move || {
        let guard = OnDrop(counted.clone());
        async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        }
    };
    let health = Health::builder().check_fn(Spec::named("hangs"), hangs).build().unwrap().start();
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Unhealthy);
    assert_eq!(dropped.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_observation_is_stamped_with_the_beginning_of_its_run() {
    let began = Instant::now();
    let health = Health::builder()
        .check_fn(Spec::named("slow").interval("never").max_age("30s"), || sleep(Duration::from_millis(500)))
        .build()
        .unwrap()
        .start();
    let report = health.report(Probe::Ready).await;
    assert_eq!(report.entry("slow").unwrap().duration().map(|d| d.as_millis() / 10), Some(50));
    // Usable for 30 s from the beginning, 0.5 s of which have passed at the end.
    let entry = |report: health_core::Report| report.entry("slow").unwrap().status();
    sleep_until(began + Duration::from_secs(30)).await;
    assert_eq!(entry(health.report_within(Probe::Ready, Duration::ZERO).await), Ok(Status::Healthy));
    sleep(Duration::from_millis(2)).await;
    assert_eq!(entry(health.report_within(Probe::Ready, Duration::ZERO).await), Err(Unknown::Stale));
}

#[tokio::test(start_paused = true)]
async fn a_report_that_is_kept_shows_what_it_showed_and_hinders_nothing() {
    let turns = Count::default();
    let counted = turns.clone();
    let counts = move || {
        counted.one();
        std::future::ready(Outcome::healthy().data("turn", counted.get()))
    };
    let spec = Spec::named("counts").interval("never").cache("1ms");
    let health = Health::builder().check_fn(spec, counts).build().unwrap().start();
    let turn = |report: &health_core::Report| report.entry("counts").unwrap().data()[0].value().clone();
    let asked_anew = async || {
        sleep(Duration::from_millis(2)).await;
        health.report(Probe::Ready).await
    };
    let first = health.report(Probe::Ready).await;
    let second = asked_anew().await;
    drop(asked_anew().await);
    let fourth = asked_anew().await;
    assert_eq!([&first, &second, &fourth].map(turn), [1, 2, 4].map(serde_json::Value::from));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_could_not_be_cut_off_is_timed_out_whoever_looked() {
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let barriers = (Arc::clone(&entered), Arc::clone(&leave));
    let blocks = move || {
        let barriers = barriers.clone();
        async move {
            barriers.0.wait();
            barriers.1.wait();
        }
    };
    let spec = Spec::named("never-yields").timeout("20ms");
    let health = Health::builder().deadline("1h").check_fn(spec, blocks).build().unwrap().start();
    let poll = tokio::spawn(async move { health.report(Probe::Ready).await });
    let left = tokio::task::spawn_blocking(move || {
        entered.wait();
        std::thread::sleep(Duration::from_millis(40));
        leave.wait();
    });
    left.await.unwrap();
    let report = poll.await.unwrap();
    assert_eq!(report.entry("never-yields").unwrap().ended().map(|ended| ended.as_str()), Some("timeout"));
}

/// A waker that asks the very engine that wakes it.
struct Asks(Health, std::sync::mpsc::Sender<Status>);

impl std::task::Wake for Asks {
    fn wake(self: Arc<Self>) {
        let _ = self.1.send(self.0.status(Probe::Ready));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waker_may_ask_the_engine_that_wakes_it() {
    let go = Arc::new(Semaphore::new(1));
    let gate = Arc::clone(&go);
    let waits = move || {
        let gate = Arc::clone(&gate);
        async move { gate.acquire().await.unwrap().forget() }
    };
    let spec = Spec::named("waits").interval("never").cache("1ms").timeout("1m");
    let health = Health::builder().deadline("1m").check_fn(spec, waits).build().unwrap().start();
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
    // Older than its cache, so that the next poll has to wait for a run.
    sleep(Duration::from_millis(5)).await;
    let (woken, answer) = std::sync::mpsc::channel();
    let waker = std::task::Waker::from(Arc::new(Asks(health.clone(), woken)));
    let mut poll = Box::pin(health.report(Probe::Ready));
    assert!(poll.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    go.add_permits(1);
    let answer = tokio::task::spawn_blocking(move || answer.recv_timeout(Duration::from_secs(60)));
    assert_eq!(answer.await.unwrap(), Ok(Status::Healthy));
}
