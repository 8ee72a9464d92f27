//! Runtimes whose workers are really blocked and whose pools are really full: what `RuntimeLag` and `BlockingLag` say.

use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use health_builtins::runtime::{BlockingLag, RuntimeLag};
use health_builtins::{Gauge, Pressure, Recommended as _};
use health_core::{HealthCheck, Status};
use health_deep_tests::asked::{Deep, Told};
use tokio::runtime::{Builder, Handle, Runtime};

/// Watched from elsewhere.
fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).max_blocking_threads(2).enable_all().build().unwrap()
}

fn asked<G: Gauge + 'static>(check: Pressure<G>) -> Deep
where
    Pressure<G>: HealthCheck,
{
    // That of the spec is for a machine that is not busy with other tests.
    Deep::started("lag", check.spec("lag").timeout("30s"), check)
}

/// Blocks what it runs on until the sender is dropped, and has begun when this returns.
fn block(begin: impl FnOnce(Box<dyn FnOnce() + Send>)) -> Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    begin(Box::new(move || {
        begun.send(()).unwrap();
        released.recv().unwrap_err();
    }));
    has_begun.recv().unwrap();
    release
}

fn waits(told: &Told, words: &str) -> Duration {
    let summary = told.summary.as_deref().unwrap();
    assert!(summary.starts_with(words) && summary.ends_with(", more than 100ms"), "{told:?}");
    Duration::from_millis(told.data["lag_ms"].as_u64().unwrap())
}

/// Everybody else is idle, so it is prompt; a busy machine may be late now and then.
async fn is_prompt(deep: &Deep) {
    deep.recovers().await;
}

async fn waits_longer_and_longer(deep: &Deep, words: &str) {
    let first = deep.told().await;
    assert_eq!(first.status, Ok(Status::Degraded), "{first:?}");
    let second = deep.told().await;
    assert_eq!(second.status, Ok(Status::Degraded), "{second:?}");
    let (first, second) = (waits(&first, words), waits(&second, words));
    assert!(first >= Duration::from_millis(500), "{first:?}");
    // It is the same task that is still waiting.
    assert!(second >= first + Duration::from_millis(500), "{first:?}, {second:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_blocked_makes_tasks_late() {
    let watched = runtime();
    let deep = asked(RuntimeLag::of(watched.handle()));
    is_prompt(&deep).await;
    let release = block(|blocking| drop(watched.spawn(async move { blocking() })));
    waits_longer_and_longer(&deep, "a task has been waiting for ").await;
    assert_eq!(watched.metrics().num_alive_tasks(), 2, "the one that blocks and the one that waits");
    // Nor does a check that was made for one run bring another.
    let late = RuntimeLag::of(watched.handle()).check().await.unwrap();
    assert_eq!(late.status(), Status::Degraded, "{late:?}");
    assert_eq!(watched.metrics().num_alive_tasks(), 2);
    drop(release);
    is_prompt(&deep).await;
    // An idle pool is none of its business.
    let full = [(); 2].map(|()| block(|blocking| drop(watched.spawn_blocking(blocking))));
    is_prompt(&deep).await;
    drop(full);
    watched.shutdown_background();
    deep.told().await.is_degraded("the runtime has ended, or has no timers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_is_full_makes_its_work_late() {
    let watched = runtime();
    let deep = asked(BlockingLag::of(watched.handle()));
    is_prompt(&deep).await;
    let full = [(); 2].map(|()| block(|blocking| drop(watched.spawn_blocking(blocking))));
    waits_longer_and_longer(&deep, "work for the blocking pool has been waiting for ").await;
    drop(full);
    is_prompt(&deep).await;
    watched.shutdown_background();
    deep.told().await.is_degraded("the runtime has ended");
}

/// The check itself runs where it is blocked, and sees the queue it stands in.
#[tokio::test(flavor = "current_thread")]
async fn a_task_that_does_not_yield_makes_its_own_runtime_late() {
    let deep = asked(RuntimeLag::of(&Handle::current()).degraded_above(0.02));
    is_prompt(&deep).await;
    let busy = tokio::spawn(async {
        loop {
            std::thread::sleep(Duration::from_millis(60));
            tokio::task::yield_now().await;
        }
    });
    let told = deep.told().await;
    assert_eq!(told.status, Ok(Status::Degraded), "{told:?}");
    busy.abort();
    is_prompt(&deep).await;
}

/// Where the limit is longer than one run waits, the next runs go on waiting for the same task.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_limit_is_reached_by_waiting_on() {
    let watched = runtime();
    let deep = asked(RuntimeLag::of(watched.handle()).degraded_above(0.3).unhealthy_above(1.2));
    let release = block(|blocking| drop(watched.spawn(async move { blocking() })));
    assert_eq!(deep.told().await.status, Ok(Status::Degraded));
    let mut runs = 1;
    while deep.told().await.status != Ok(Status::Unhealthy) {
        runs += 1;
        assert!(runs < 10, "it is never long enough");
    }
    drop(release);
    is_prompt(&deep).await;
    watched.shutdown_background();
}

/// It is far below its limit, and what is recommended leaves it the time to say so.
#[tokio::test(flavor = "current_thread")]
async fn a_stall_below_the_limit_is_no_timeout() {
    let check = RuntimeLag::of(&Handle::current()).unhealthy_above(60.0);
    let deep = Deep::started("lag", check.spec("lag"), check);
    is_prompt(&deep).await;
    let busy = tokio::spawn(async {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    });
    let told = deep.told().await;
    busy.abort();
    assert_eq!(told.status, Ok(Status::Degraded), "{told:?}");
    assert!(told.took >= Duration::from_millis(700), "{told:?}");
}
