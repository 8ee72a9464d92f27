//! Rules 8 and 16: when the last handle is gone, no task, thread or descriptor of the engine is left, whatever its
//! checks and its pollers did.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::future::pending;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use health_actix::endpoints;
use health_core::{Gate, Health, HealthBuilder, Probe, Reporter, Spec, Status};
use health_tests::http::{Wire, get, serve};
use health_tests::leaks::{self, Left, PATIENCE, PLACES, Place};
use health_tests::panics;
use health_tests::servers::eventually;

/// Long enough to see that something stays that nobody ends.
const A_GLANCE: Duration = Duration::from_millis(300);

/// The scenario leaves nothing behind wherever it is run.
fn leaves_nothing(test: &str, scenario: impl AsyncFn()) {
    leaks::alone(test, || {
        panics::are_expected(&["on purpose"]);
        for place in PLACES {
            assert_eq!(leaks::after(place, PATIENCE, &scenario), Left::nothing(), "on {place:?}");
        }
    });
}

/// Checks of every kind of ill will; the blocking one is stuck until the sender is dropped.
fn ill_willed() -> (HealthBuilder, mpsc::Sender<()>) {
    let (release, released) = mpsc::channel();
    let released = Mutex::new(released);
    let panics = || async { assert!(std::hint::black_box(false), "on purpose") };
    let stuck = move || released.lock().unwrap().recv().unwrap_or(());
    let builder = Health::builder()
        .deadline("200ms")
        .check_fn(Spec::named("well").cache("1ms"), || async {})
        .check_fn(Spec::named("hangs").timeout("1h"), pending::<()>)
        .check_fn(Spec::named("times-out").timeout("20ms"), pending::<()>)
        .check_fn(Spec::named("panics").cache("1ms"), panics)
        .check_fn(Spec::named("late").probe(Probe::Startup), || async { Status::Unhealthy })
        .check_blocking(Spec::named("stuck").timeout("20ms"), stuck)
        .check_blocking(Spec::named("brief").cache("1ms"), || thread::sleep(Duration::from_millis(1)))
        .reporter(&Reporter::new(Spec::named("consumer").max_age("1m")))
        .gate(&Gate::new("gate"));
    (builder, release)
}

#[test]
fn by_checks_that_hang_panic_and_block() {
    leaves_nothing("by_checks_that_hang_panic_and_block", async || {
        let (builder, release) = ill_willed();
        let health = builder.build().unwrap().start();
        for _ in 0..3 {
            assert_eq!(health.report(Probe::Ready).await.status(), Status::Unhealthy);
        }
        drop(health);
        drop(release);
    });
}

#[test]
fn by_pollers_that_hang_up() {
    leaves_nothing("by_pollers_that_hang_up", async || {
        let (builder, _release) = ill_willed();
        let health = builder.build().unwrap().start();
        for _ in 0..1_000 {
            let mut poll = Box::pin(health.report(Probe::Ready));
            let _ = futures::poll!(poll.as_mut());
        }
        let elsewhere = health.clone();
        tokio::spawn(async move { elsewhere.report(Probe::Ready).await }).abort();
    });
}

#[test]
fn by_engines_that_come_and_go() {
    leaves_nothing("by_engines_that_come_and_go", async || {
        for number in 0..50 {
            let (builder, _release) = ill_willed();
            let health = builder.build().unwrap().start();
            match number % 3 {
                // Before anything has begun, while everything begins, and in the midst of it.
                0 => {}
                1 => tokio::task::yield_now().await,
                _ => drop(health.report_within(Probe::Ready, Duration::from_millis(1)).await),
            }
        }
    });
}

#[test]
fn by_an_engine_on_threads_of_its_own() {
    leaves_nothing("by_an_engine_on_threads_of_its_own", async || {
        let (builder, release) = ill_willed();
        let (unblock, blocked) = mpsc::channel::<()>();
        let blocked = Arc::new(Mutex::new(blocked));
        let blocks = move || {
            let blocked = Arc::clone(&blocked);
            async move { blocked.lock().unwrap().recv().unwrap_or(()) }
        };
        let builder = builder.check_fn(Spec::named("blocks").timeout("20ms"), blocks);
        let health = builder.build().unwrap().start_dedicated().unwrap();
        assert_eq!(health.report(Probe::Ready).await.status(), Status::Unhealthy);
        drop(health);
        drop((release, unblock));
    });
}

#[test]
fn by_endpoints_that_were_served() {
    leaves_nothing("by_endpoints_that_were_served", async || {
        let (builder, release) = ill_willed();
        let health = builder.build().unwrap().start();
        let served = {
            let health = health.clone();
            serve(2, move |config| {
                config.service(endpoints(health.clone()));
            })
        };
        assert_eq!(get(served.address, "/health/live").await.code, 200);
        assert_eq!(get(served.address, "/health/ready").await.code, 503);
        let mut kept = Wire::to(served.address).await;
        for _ in 0..3 {
            kept.send("GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n").await;
            assert_eq!(kept.answer().await.code, 503);
        }
        let mut killed = Wire::to(served.address).await;
        killed.send("GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n").await;
        killed.reset();
        drop((kept, served, health, release));
    });
}

#[test]
fn by_a_handle_that_outlives_its_runtime() {
    leaks::alone("by_a_handle_that_outlives_its_runtime", || {
        panics::are_expected(&["on purpose"]);
        let kept = Mutex::new(None);
        let left = leaks::after(Place::OneThread, PATIENCE, async || {
            let elsewhere = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            let (builder, release) = ill_willed();
            let health = builder.build().unwrap().start_on(elsewhere.handle());
            drop(health.report(Probe::Ready).await);
            elsewhere.shutdown_background();
            drop(release);
            assert_eq!(health.report(Probe::Ready).await.status(), Status::Unhealthy);
            *kept.lock().unwrap() = Some(health.phase());
        });
        assert_eq!(left, Left::nothing());
        assert!(kept.into_inner().unwrap().is_some());
    });
}

/// Everything above would be worth nothing if this were not seen.
#[test]
fn and_what_is_planted_is_found() {
    leaks::alone("and_what_is_planted_is_found", || {
        for place in PLACES {
            let left = leaks::after(place, A_GLANCE, async || drop(tokio::spawn(pending::<()>())));
            assert_eq!(left, Left { tasks: 1, ..Left::nothing() }, "on {place:?}");

            let (release, released) = mpsc::channel::<()>();
            let left = leaks::after(place, A_GLANCE, async || {
                let thread = thread::Builder::new().name("planted".into());
                drop(thread.spawn(move || released.recv().unwrap_or(())).unwrap());
            });
            assert_eq!(left, Left { threads: vec!["planted".into()], ..Left::nothing() }, "on {place:?}");
            drop(release);

            let mut planted = None;
            let left =
                leaks::after(place, A_GLANCE, async || planted = Some(File::open("/dev/null").unwrap()));
            assert_eq!(
                left,
                Left { descriptors: vec!["/dev/null".into()], ..Left::nothing() },
                "on {place:?}"
            );
            drop(planted);
        }
    });
}

#[test]
fn and_a_handle_that_is_kept_is_found() {
    leaks::alone("and_a_handle_that_is_kept_is_found", || {
        for place in PLACES {
            let mut kept = None;
            let left = leaks::after(place, A_GLANCE, async || {
                let health =
                    Health::builder().check_fn(Spec::named("well"), || async {}).build().unwrap().start();
                eventually("it runs", async || health.status(Probe::Ready) == Status::Healthy).await;
                kept = Some(health);
            });
            assert!(left.tasks >= 1, "{left:?} on {place:?}");
            drop(kept);
        }
    });
}
