//! Rule 16: the engine stops with the last `Health`.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use health_core::{Gate, Health, Probe, Spec, Status};
use tokio::time::sleep;

/// A system with a startup check that fails, a check that hangs and a gate, and a witness of its existence.
fn system(runs: &Arc<AtomicUsize>) -> (Health, Gate, Weak<()>) {
    let (witness, gate) = (Arc::new(()), Gate::new("gate"));
    let weak = Arc::downgrade(&witness);
    let counted = Arc::clone(runs);
    let startup = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Status::Unhealthy)
    };
    let health = Health::builder()
        .check_fn(Spec::named("startup").probe(Probe::Startup), startup)
        .check_with(Spec::named("hangs").timeout("1h"), witness, |held| async move {
            pending::<()>().await;
            drop(held);
        })
        .gate(&gate)
        .build()
        .unwrap()
        .start();
    (health, gate, weak)
}

#[tokio::test(start_paused = true)]
async fn everything_stops_with_the_last_handle() {
    let runs = Arc::new(AtomicUsize::new(0));
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let (health, gate, witness) = system(&runs);
    let clone = health.clone();
    health.report(Probe::Ready).await;
    assert!(tasks() > before);
    drop(health);
    sleep(Duration::from_secs(20)).await;
    let while_alive = runs.load(Ordering::SeqCst);
    assert!(while_alive > 3 && witness.strong_count() > 0, "a clone keeps it running");
    drop(clone);
    // As long as tasks need to end that have been told to; the engine itself would not have looked for seconds.
    sleep(Duration::from_millis(1)).await;
    assert_eq!(witness.strong_count(), 0, "the gate that is left, and the run that hung, hold nothing");
    assert_eq!(tasks(), before);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(runs.load(Ordering::SeqCst), while_alive);
    gate.open();
    assert!(gate.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_is_under_way_is_answered_before_the_end() {
    let runs = Arc::new(AtomicUsize::new(0));
    let (health, _gate, witness) = system(&runs);
    let poll = tokio::spawn(async move { health.report(Probe::Ready).await });
    assert_eq!(poll.await.unwrap().status(), Status::Unhealthy);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(witness.strong_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_is_kept_keeps_no_value_of_the_application() {
    let witness = Arc::new(());
    let weak = Arc::downgrade(&witness);
    let held = |_: Arc<()>| async {};
    let health = Health::builder().check_with(Spec::named("holds"), witness, held).build().unwrap().start();
    let report = health.report(Probe::Ready).await;
    drop(health);
    sleep(Duration::from_millis(1)).await;
    assert_eq!((report.status(), weak.strong_count()), (Status::Healthy, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_claimed_and_not_begun_never_begins_after_the_end() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counts = |runs: Arc<AtomicUsize>| async move {
        runs.fetch_add(1, Ordering::SeqCst);
    };
    let (a, b) = (Spec::named("a"), Spec::named("b"));
    let builder = Health::builder().check_with(a, Arc::clone(&runs), counts);
    let health = builder.check_with(b, Arc::clone(&runs), counts).build().unwrap().start();
    {
        let poll = std::pin::pin!(health.report(Probe::Ready));
        assert!(futures::poll!(poll).is_pending());
    }
    drop(health);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}
