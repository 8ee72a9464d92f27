//! Rule 8: a check that panics, hangs or blocks costs itself alone, and never the exit of the process.

use std::process::Command;
use std::sync::{Arc, Barrier, mpsc};
use std::time::{Duration, Instant};

use health_core::{Ended, Failure, Health, Outcome, Probe, Spec, Status};

#[tokio::test(start_paused = true)]
async fn two_checks_that_wait_for_each_other_both_complete() {
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let meet = |name| {
        let both = Arc::clone(&both);
        (Spec::named(name), both, |both: Arc<tokio::sync::Barrier>| async move {
            both.wait().await;
        })
    };
    let ((one, a, run), (two, b, same)) = (meet("one"), meet("two"));
    let health = Health::builder().check_with(one, a, run).check_with(two, b, same).build().unwrap().start();
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn two_blocking_checks_that_wait_for_each_other_both_complete() {
    let both = Arc::new(Barrier::new(2));
    let other = Arc::clone(&both);
    let health = Health::builder()
        .check_blocking(Spec::named("one"), move || {
            both.wait();
        })
        .check_blocking(Spec::named("two"), move || {
            other.wait();
        })
        .build()
        .unwrap()
        .start();
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_check_that_blocks_its_thread_delays_no_other_check() {
    let (release, block) = mpsc::channel::<()>();
    let block = Arc::new(std::sync::Mutex::new(block));
    let blocks = move || {
        let block = Arc::clone(&block);
        async move { block.lock().unwrap().recv().unwrap_or(()) }
    };
    let mut builder = Health::builder().check_fn(Spec::named("blocks").timeout("50ms"), blocks);
    for n in 0..50 {
        builder = builder
            .check_fn(Spec::named(format!("well-{n}")), || tokio::time::sleep(Duration::from_millis(1)));
    }
    let health = builder.build().unwrap().start();
    // Asked from a thread of its own, as from an HTTP worker.
    let asking = health.clone();
    let report =
        tokio::task::spawn_blocking(move || futures::executor::block_on(asking.report(Probe::Ready)));
    let report = report.await.unwrap();
    drop(release);
    let failing: Vec<_> = report.failing().collect();
    assert_eq!(failing, ["blocks"]);
    assert_eq!(report.entry("blocks").unwrap().ended(), Some(Ended::Timeout));
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("in a destructor");
        }
    }
}

/// An error whose text cannot be had.
#[derive(Debug)]
struct PanicsWhenShown;

impl std::fmt::Display for PanicsWhenShown {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("no words")
    }
}

impl std::error::Error for PanicsWhenShown {}

fn panics(payload: impl Send + 'static) {
    std::panic::panic_any(payload);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_wherever_it_happens_is_an_observation() {
    health_tests::panics::are_expected(&[
        "in a destructor",
        "no words",
        "before the future",
        "during it",
        "on a thread",
    ]);
    let hangs_then_panics = || {
        let guard = PanicsWhenDropped;
        async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        }
    };
    let ends_then_panics = || {
        let guard = PanicsWhenDropped;
        // Dropped with the future, after it has answered and before the run has ended.
        futures::future::poll_fn(move |_| {
            let _held = &guard;
            std::task::Poll::Ready(Outcome::healthy())
        })
    };
    let named = |name| Spec::named(name).cache("1ms");
    let health = Health::builder()
        .check_fn(named("before"), || -> std::future::Ready<()> { panic!("before the future") })
        .check_fn(named("during"), || async { panics("during it".to_owned()) })
        .check_fn(named("payload"), || async { panics(PanicsWhenDropped) })
        .check_fn(named("error-text"), || async { Err::<(), _>(PanicsWhenShown) })
        .check_fn(named("timed-out").timeout("20ms"), hangs_then_panics)
        .check_fn(named("ended"), ends_then_panics)
        .check_blocking(named("thread"), || panics("on a thread"))
        .check_fn(named("well"), || async {})
        .build()
        .unwrap()
        .start();
    let mut seen = Vec::new();
    for _ in 0..3 {
        // Older than the cache, so that each is run anew.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let report = health.report(Probe::Ready).await;
        let at = |entry: &health_core::Entry| entry.at().unwrap();
        assert!(seen.iter().all(|before| report.entries().iter().all(|entry| at(entry) > *before)));
        seen.push(report.entries().iter().map(at).max().unwrap());
        let ended = |name| report.entry(name).unwrap().ended().unwrap();
        for name in ["before", "during", "payload", "error-text", "ended", "thread"] {
            assert_eq!(ended(name), Ended::Panic, "{name}");
        }
        assert_eq!(ended("timed-out"), Ended::Timeout);
        assert_eq!(ended("well"), Ended::Returned(Status::Healthy));
        assert_eq!(report.entry("during").unwrap().summary(), Some("panicked"));
        assert_eq!(report.entry("during").unwrap().cause(), Some("during it"));
    }
}

#[tokio::test]
async fn the_runtime_that_goes_away_hurts_no_poller() {
    let other = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let health = {
        let _other = other.enter();
        let slow = || async { Err::<(), _>(Failure::new("never seen")) };
        Health::builder()
            .check_fn(Spec::named("a"), slow)
            .check_fn(Spec::named("b"), slow)
            .build()
            .unwrap()
            .start()
    };
    other.shutdown_background();
    let report = tokio::time::timeout(Duration::from_secs(60), health.report(Probe::Ready)).await.unwrap();
    assert_eq!(report.status(), Status::Unhealthy, "what cannot be asked is not well");
}

#[test]
fn a_blocking_check_that_is_stuck_does_not_hold_up_the_exit() {
    for runtime in ["tokio", "current-thread"] {
        let began = Instant::now();
        let status = Command::new(env!("CARGO_BIN_EXE_returns_while_stuck")).arg(runtime).status().unwrap();
        assert!(status.success(), "{status}");
        // The check is stuck for a minute; a second is what is promised, and a busy machine is given ten.
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
}

#[test]
fn a_start_outside_a_runtime_or_without_a_timer_says_so_at_its_own_place() {
    let starts_in = |runtime: Option<tokio::runtime::Runtime>| {
        let _inside = runtime.as_ref().map(tokio::runtime::Runtime::enter);
        let place = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let seen = std::sync::Arc::clone(&place);
        std::panic::set_hook(Box::new(move |info| {
            *seen.lock().unwrap() = info.location().unwrap().to_string()
        }));
        let result = std::panic::catch_unwind(|| Health::builder().build().unwrap().start());
        drop(std::panic::take_hook());
        assert!(result.is_err());
        place.lock().unwrap().clone()
    };
    assert!(starts_in(None).contains("one_check_cannot_hurt_another.rs"));
    let timeless = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(starts_in(Some(timeless)).contains("one_check_cannot_hurt_another.rs"));
}
