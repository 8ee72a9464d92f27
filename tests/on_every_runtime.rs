//! The same promises on every runtime an application may have: one thread of Tokio, several, and actix's.

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures::future::join_all;
use health_core::{
    Ended, Failure, Health, HealthBuilder, Phase, Probe, Reporter, Scope, Spec, Status, Unknown,
};
use health_tests::panics;
use health_tests::servers::eventually;
use tokio::sync::{Semaphore, oneshot};

/// How long an answer may take that comes within milliseconds unless it waits for what never comes.
const PATIENCE: Duration = Duration::from_secs(30);

macro_rules! on_every_runtime {
    ($($scenario:ident),* $(,)?) => {$(
        mod $scenario {
            #[tokio::test]
            async fn on_one_thread() {
                super::scenarios::$scenario().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_several_threads() {
                super::scenarios::$scenario().await;
            }

            #[actix_web::test]
            async fn on_actix() {
                super::scenarios::$scenario().await;
            }
        }
    )*};
}

/// With an async check that blocks its thread, which it must not: with one thread that thread would be the test's.
macro_rules! on_several_threads {
    ($($scenario:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
        async fn $scenario() {
            scenarios::$scenario().await;
        }
    )*};
}

on_every_runtime! {
    any_number_of_pollers_share_one_run,
    what_hangs_is_answered_in_time_and_delays_nothing_else,
    a_panic_is_an_observation_of_that_check,
    draining_turns_ready_red_and_nothing_else,
    a_threshold_counts_observations,
    a_blocking_check_has_a_thread_of_its_own,
    what_is_not_renewed_expires_by_itself,
    what_is_reported_is_seen_at_once,
    a_poller_that_hangs_up_cancels_nothing,
    startup_passes_although_nobody_asks,
    everything_ends_with_the_last_handle,
}

on_several_threads! {
    an_async_check_that_blocks_its_thread_costs_itself_alone,
}

/// Only there is it certain that nothing begins before the test waits.
#[tokio::test]
async fn what_a_waker_takes_is_not_the_time_of_the_next_run() {
    scenarios::what_a_waker_takes_is_not_the_time_of_the_next_run().await;
}

/// How often something has happened.
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

/// One whose answers wait for what is asked.
fn patient() -> HealthBuilder {
    Health::builder().deadline("1m")
}

fn start(builder: HealthBuilder) -> Health {
    builder.build().unwrap().start()
}

mod scenarios {
    use super::*;

    pub(crate) async fn any_number_of_pollers_share_one_run() {
        let (runs, go) = (Count::default(), Arc::new(Semaphore::new(0)));
        let (counted, gate) = (runs.clone(), Arc::clone(&go));
        let slow = move || {
            counted.one();
            let gate = Arc::clone(&gate);
            async move { gate.acquire().await.unwrap().forget() }
        };
        let spec = Spec::named("slow").timeout("1m").cache("1h").max_age("3h");
        let health = start(patient().check_fn(spec, slow));
        let elsewhere = (0..128).map(|_| {
            let health = health.clone();
            tokio::spawn(async move { health.report(Probe::Ready).await })
        });
        let elsewhere: Vec<_> = elsewhere.collect();
        let mut here = Box::pin(join_all((0..128).map(|_| health.report(Probe::Ready))));
        assert!(futures::poll!(here.as_mut()).is_pending());
        go.add_permits(1);
        let reports = here.await;
        let elsewhere = join_all(elsewhere).await.into_iter().map(Result::unwrap);
        let stamps: Vec<_> =
            reports.into_iter().chain(elsewhere).map(|report| report.entry("slow").unwrap().at()).collect();
        assert_eq!((stamps.len(), runs.get()), (256, 1));
        assert!(stamps[0].is_some() && stamps.iter().all(|at| *at == stamps[0]), "one observation for all");
    }

    pub(crate) async fn what_hangs_is_answered_in_time_and_delays_nothing_else() {
        let health = start(
            Health::builder()
                .deadline("1s")
                .check_fn(Spec::named("timed-out").timeout("50ms"), pending::<()>)
                .check_fn(Spec::named("unknown").timeout("1h"), pending::<()>)
                .check_fn(Spec::named("well"), || async {}),
        );
        let asked = Instant::now();
        let report = health.report(Probe::Ready).await;
        assert!(asked.elapsed() < PATIENCE);
        assert_eq!(report.status(), Status::Unhealthy);
        assert_eq!(report.entry("timed-out").unwrap().ended(), Some(Ended::Timeout));
        assert_eq!(report.entry("unknown").unwrap().status(), Err(Unknown::Pending));
        assert_eq!(report.entry("well").unwrap().status(), Ok(Status::Healthy));
    }

    pub(crate) async fn a_panic_is_an_observation_of_that_check() {
        panics::are_expected(&["on purpose"]);
        let runs = Count::default();
        let counted = runs.clone();
        let panics = move || {
            counted.one();
            async { panic!("on purpose") }
        };
        let blocks = || panic!("on purpose");
        let health = start(
            patient()
                .check_fn::<_, std::pin::Pin<Box<dyn Future<Output = ()> + Send>>>(
                    Spec::named("panics").cache("1ms"),
                    move || Box::pin(panics()),
                )
                .check_blocking::<_, ()>(Spec::named("blocks"), blocks)
                .check_fn(Spec::named("well"), || async {}),
        );
        while runs.get() < 3 {
            let report = health.report(Probe::Ready).await;
            assert_eq!(report.failing().collect::<Vec<_>>(), ["blocks", "panics"]);
            assert_eq!(report.entry("panics").unwrap().ended(), Some(Ended::Panic));
            assert_eq!(report.entry("blocks").unwrap().ended(), Some(Ended::Panic));
        }
    }

    pub(crate) async fn draining_turns_ready_red_and_nothing_else() {
        let spec = Spec::named("well").probe([Probe::Ready, Probe::Live]).scope(Scope::Local);
        let health = start(patient().check_fn(spec, || async {}));
        assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
        health.drain();
        assert_eq!(health.status(Probe::Ready), Status::Unhealthy);
        assert_eq!(health.report(Probe::Ready).await.status(), Status::Unhealthy);
        assert_eq!(health.report(Probe::Live).await.status(), Status::Healthy);
        assert_eq!(health.report(Probe::Startup).await.status(), Status::Healthy);
        assert_eq!(health.phase(), Phase::Draining);
        health.resume();
        assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
    }

    pub(crate) async fn a_threshold_counts_observations() {
        let (fails, failures) = (Arc::new(AtomicBool::new(false)), Count::default());
        let (is_failing, counted) = (Arc::clone(&fails), failures.clone());
        let flips = move || {
            let fails = is_failing.load(Ordering::SeqCst);
            if fails {
                counted.one();
            }
            async move { if fails { Status::Unhealthy } else { Status::Healthy } }
        };
        let spec = Spec::named("flips").interval("never").cache("1ms").failure_threshold(3);
        let health = start(patient().check_fn(spec, flips));
        assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
        fails.store(true, Ordering::SeqCst);
        let asked = Instant::now();
        loop {
            let status = health.report(Probe::Ready).await.status();
            // The engine asks by itself too, while what it holds is not what it saw.
            let failures = failures.get();
            assert!(failures >= 3 || status == Status::Healthy, "{failures} are not enough");
            if status == Status::Unhealthy {
                break;
            }
            assert!(asked.elapsed() < PATIENCE);
        }
    }

    pub(crate) async fn a_blocking_check_has_a_thread_of_its_own() {
        let (entered, has_entered) = oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let once = Mutex::new(Some((entered, released)));
        let blocks = move || {
            let (entered, released) = once.lock().unwrap().take().expect("one run");
            entered.send(thread::current().name().map(str::to_owned)).unwrap();
            let _ = released.recv();
        };
        let spec = Spec::named("blocks").timeout("1h").interval("never").cache("1h");
        let health = start(
            Health::builder()
                .deadline("500ms")
                .check_blocking(spec, blocks)
                .check_fn(Spec::named("well"), || async {}),
        );
        assert_eq!(has_entered.await.unwrap().as_deref(), Some("health-check"));
        let report = health.report(Probe::Ready).await;
        assert_eq!(report.failing().collect::<Vec<_>>(), ["blocks"]);
        assert_eq!(report.entry("well").unwrap().status(), Ok(Status::Healthy));
        release.send(()).unwrap();
        eventually("what it said is known", async || {
            health.report(Probe::Ready).await.status() == Status::Healthy
        })
        .await;
    }

    pub(crate) async fn what_is_not_renewed_expires_by_itself() {
        let consumer = Reporter::new(Spec::named("consumer").max_age("200ms"));
        let health = start(Health::builder().reporter(&consumer));
        let reported = Instant::now();
        consumer.healthy();
        let status = health.status(Probe::Ready);
        assert!(status == Status::Healthy || reported.elapsed() > Duration::from_millis(200));
        eventually("it is stale", async || health.status(Probe::Ready) == Status::Unhealthy).await;
        assert!(reported.elapsed() > Duration::from_millis(200), "not before its time");
        let report = health.report(Probe::Ready).await;
        assert_eq!(report.entry("consumer").unwrap().status(), Err(Unknown::Stale));
    }

    pub(crate) async fn what_is_reported_is_seen_at_once() {
        let consumer = Reporter::new(Spec::named("consumer").max_age("1h"));
        let health = start(Health::builder().reporter(&consumer));
        assert_eq!(health.status(Probe::Ready), Status::Unhealthy, "nothing was reported yet");
        let says: [(&dyn Fn(), _); 6] = [
            (&|| consumer.healthy(), Status::Healthy),
            (&|| consumer.degraded("slow"), Status::Degraded),
            (&|| consumer.beat(), Status::Degraded),
            (&|| consumer.unhealthy(Failure::new("gone")), Status::Unhealthy),
            (&|| consumer.beat(), Status::Unhealthy),
            (&|| consumer.idle(), Status::Healthy),
        ];
        for (step, (say, status)) in says.into_iter().enumerate() {
            say();
            assert_eq!(health.status(Probe::Ready), status, "after step {step}");
            assert_eq!(health.report(Probe::Ready).await.status(), status, "after step {step}");
        }
    }

    pub(crate) async fn a_poller_that_hangs_up_cancels_nothing() {
        let (begun, ended, go) = (Count::default(), Count::default(), Arc::new(Semaphore::new(0)));
        let inside = (begun.clone(), ended.clone(), Arc::clone(&go));
        let run = move || {
            let (begun, ended, go) = inside.clone();
            async move {
                begun.one();
                go.acquire().await.unwrap().forget();
                ended.one();
            }
        };
        let spec = Spec::named("slow").timeout("1m").cache("1h").max_age("3h");
        let health = start(patient().check_fn(spec, run));
        eventually("it has begun", async || begun.get() == 1).await;
        for _ in 0..10 {
            let mut poller = Box::pin(health.report(Probe::Ready));
            assert!(futures::poll!(poller.as_mut()).is_pending());
        }
        go.add_permits(1);
        assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
        assert_eq!((begun.get(), ended.get()), (1, 1));
    }

    pub(crate) async fn startup_passes_although_nobody_asks() {
        let runs = Count::default();
        let counted = runs.clone();
        let third = move || {
            counted.one();
            let is_late = counted.get() >= 3;
            async move { if is_late { Status::Healthy } else { Status::Unhealthy } }
        };
        let health = start(Health::builder().check_fn(Spec::named("late").probe(Probe::Startup), third));
        assert_eq!((health.status(Probe::Startup), health.phase()), (Status::Unhealthy, Phase::Starting));
        eventually("it has passed", async || health.phase() == Phase::Running).await;
        assert_eq!((health.status(Probe::Startup), runs.get()), (Status::Healthy, 3));
    }

    pub(crate) async fn everything_ends_with_the_last_handle() {
        let (witness, begun) = (Arc::new(()), Count::default());
        let (weak, counted) = (Arc::downgrade(&witness), begun.clone());
        let hangs = move |held: Arc<()>| {
            counted.one();
            async move {
                pending::<()>().await;
                drop(held);
            }
        };
        let spec = Spec::named("hangs").timeout("1h");
        let health = start(Health::builder().deadline("10ms").check_with(spec, witness, hangs));
        let clone = health.clone();
        eventually("it has begun", async || begun.get() == 1).await;
        drop(health);
        assert_eq!(clone.report(Probe::Ready).await.status(), Status::Unhealthy);
        assert!(weak.strong_count() > 0);
        drop(clone);
        eventually("the run has been dropped", async || weak.strong_count() == 0).await;
    }

    pub(crate) async fn an_async_check_that_blocks_its_thread_costs_itself_alone() {
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let blocks = move || {
            let released = Arc::clone(&released);
            async move { released.lock().unwrap().recv().unwrap_or(()) }
        };
        let mut builder = patient().check_fn(Spec::named("blocks").timeout("50ms"), blocks);
        for number in 0..20 {
            builder = builder.check_fn(Spec::named(format!("well-{number}")), || async {
                tokio::time::sleep(Duration::from_millis(1)).await;
            });
        }
        let health = start(builder);
        let report = health.report(Probe::Ready).await;
        drop(release);
        assert_eq!(report.failing().collect::<Vec<_>>(), ["blocks"]);
        assert_eq!(report.entry("blocks").unwrap().ended(), Some(Ended::Timeout));
    }

    pub(crate) async fn what_a_waker_takes_is_not_the_time_of_the_next_run() {
        struct Slow;
        impl std::task::Wake for Slow {
            fn wake(self: Arc<Self>) {
                thread::sleep(Duration::from_millis(700));
            }
        }
        let next = Spec::named("b-next").timeout("500ms");
        let builder = patient().max_runs(1).check_fn(Spec::named("a-first"), || async {});
        let health = start(builder.check_fn(next, || async {}));
        let waker = Waker::from(Arc::new(Slow));
        let mut poll = Box::pin(health.check("a-first"));
        assert!(poll.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "nothing has begun yet");
        let report = health.report(Probe::Ready).await;
        assert_eq!(report.failing().collect::<Vec<_>>(), <[&str; 0]>::default());
    }
}
