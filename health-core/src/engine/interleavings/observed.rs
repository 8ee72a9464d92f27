//! What is known of a check: what was stamped last, and one observation of each run.

use std::sync::Mutex;

use futures::channel::oneshot;
use shuttle::future::block_on;

use super::super::cell::{Saying, Verdict};
use super::super::observation::{Beginning, Ended, Evidence, Observation};
use super::*;
use crate::{Health, Outcome, Reporter, Spec, Status};

type Thread = Box<dyn FnOnce() + Send>;

/// What the application reports at a moment of its own.
fn reported(outcome: Outcome) -> Observation {
    pass(A_MOMENT);
    Observation::reported(Ok(outcome), Evidence::Work)
}

/// Pushes this, and notes its stamp.
fn push(cell: &Arc<Cell>, stamps: &Arc<Mutex<Vec<Instant>>>, outcome: fn() -> Outcome) -> Thread {
    let (cell, stamps) = (Arc::clone(cell), Arc::clone(stamps));
    Box::new(move || {
        let observation = reported(outcome());
        stamps.lock().unwrap().push(observation.began);
        cell.report(observation, Saying::Now);
    })
}

fn healthy() -> Outcome {
    Outcome::healthy()
}

fn degraded() -> Outcome {
    Outcome::degraded("slow")
}

fn consumer() -> HealthBuilder {
    Health::builder().reporter(&Reporter::new(Spec::named("consumer").max_age("1h")))
}

#[test]
fn what_was_stamped_last_is_what_is_known() {
    explore(|| {
        with_engine(consumer(), |engine| {
            let cell = &engine.cells[0];
            let stamps = Arc::default();
            let watch = {
                let cell = Arc::clone(cell);
                Box::new(move || {
                    let looks: Vec<_> =
                        (0..3).map(|_| cell.knowledge().last.as_ref().map(|last| last.began)).collect();
                    assert!(looks.is_sorted(), "an older one replaced a newer one");
                })
            };
            let pushes = [healthy, degraded, healthy].map(|outcome| push(cell, &stamps, outcome));
            side_by_side(pushes.into_iter().chain([watch as Thread]).collect());
            let last = cell.knowledge().last.unwrap().began;
            assert_eq!(Some(&last), stamps.lock().unwrap().iter().max());
        });
    });
}

#[test]
fn traffic_and_the_run_of_a_canary_leave_what_was_stamped_last() {
    explore(|| {
        let builder = Health::builder().check_fn(Spec::named("canary").idle("1m"), || async {
            for _ in 0..3 {
                shuttle::future::yield_now().await;
            }
        });
        with_engine(builder, |engine| {
            sync::join_all();
            let cell = &engine.cells[0];
            let stamps = Arc::new(Mutex::new(Vec::new()));
            let run = {
                let (cell, stamps, queue) =
                    (Arc::clone(cell), Arc::clone(&stamps), Arc::clone(&engine.queue));
                Box::new(move || {
                    let claim = claim(&cell).unwrap();
                    stamps.lock().unwrap().push(pass(A_MOMENT));
                    queue.submit(vec![claim]);
                    sync::join_all();
                })
            };
            let pushes = [degraded, healthy].map(|outcome| push(cell, &stamps, outcome));
            side_by_side(pushes.into_iter().chain([run as Thread]).collect());
            sync::join_all();
            assert_at_rest(&engine);
            let last = cell.knowledge().last.unwrap().began;
            assert!(Some(&last) >= stamps.lock().unwrap().iter().max());
        });
    });
}

#[test]
fn no_run_is_stamped_before_what_was_known_when_it_began() {
    explore(|| {
        let builder = Health::builder().check_fn(Spec::named("canary").idle("1m"), || async {});
        with_engine(builder, |engine| {
            sync::join_all();
            let cell = &engine.cells[0];
            let run = {
                let cell = Arc::clone(cell);
                Box::new(move || {
                    // A turn that comes late: others were quicker.
                    let turn = (Beginning::now(), cell.stamp());
                    let known = cell.knowledge().last.unwrap().began;
                    let Joined::Begin(id) = cell.join(Wanted::ByEngine, Instant::now()) else { panic!() };
                    let beginning = cell.begins(id, turn, None);
                    assert!(beginning.began >= known);
                    let verdict = cell.ends(id, beginning.ended(Ok(Ok(healthy()))));
                    assert!(matches!(verdict, Verdict::Done(None)));
                    assert!(cell.knowledge().last.unwrap().began >= beginning.began);
                })
            };
            let pushes = [degraded, healthy].map(|outcome| push(cell, &Arc::default(), outcome));
            side_by_side(pushes.into_iter().chain([run as Thread]).collect());
            assert_at_rest(&engine);
        });
    });
}

/// A check that runs until it is released, and is now running.
fn running(cache: Duration, scenario: impl FnOnce(Arc<Engine>, oneshot::Sender<()>)) {
    let (begun, has_begun) = oneshot::channel();
    let (release, released) = oneshot::channel();
    let once = Mutex::new(Some((begun, released)));
    let run = move || {
        let (begun, released) = once.lock().unwrap().take().expect("one run");
        async move {
            begun.send(()).unwrap();
            released.await.unwrap();
        }
    };
    let spec = Spec::named("slow").timeout("1s").cache(cache).max_age("3h");
    with_engine(Health::builder().check_fn(spec, run), |engine| {
        block_on(has_begun).unwrap();
        scenario(engine, release);
    });
}

#[test]
fn a_run_that_overstays_is_observed_once_whoever_notices_first() {
    explore(|| {
        running(FOR_EVER, |engine, release| {
            let cell = Arc::clone(&engine.cells[0]);
            pass(Duration::from_secs(2));
            let notice = {
                let cell = Arc::clone(&cell);
                Box::new(move || cell.settle_overdue())
            };
            let poll = {
                let engine = Arc::clone(&engine);
                Box::new(move || block_on(engine.round(&[0], FOR_EVER, Duration::ZERO)))
            };
            side_by_side(vec![notice, poll, Box::new(move || release.send(()).unwrap())]);
            sync::join_all();
            assert_at_rest(&engine);
            assert_eq!(cell.knowledge().last.unwrap().ended, Ended::Timeout);
            assert_eq!(cell.state().failures, 1, "the late end is discarded");
        });
    });
}

#[test]
fn while_a_run_overstays_nobody_waits_for_it() {
    explore(|| {
        running(A_MOMENT, |engine, release| {
            let poll = || -> Thread {
                let engine = Arc::clone(&engine);
                Box::new(move || {
                    for _ in 0..2 {
                        pass(Duration::from_secs(2));
                        assert!(
                            engine.round(&[0], FOR_EVER, Duration::ZERO).now_or_never().is_some(),
                            "answered at once"
                        );
                    }
                })
            };
            side_by_side(vec![poll(), poll()]);
            release.send(()).unwrap();
            sync::join_all();
            assert_at_rest(&engine);
            assert_eq!(engine.cells[0].state().failures, 1);
        });
    });
}

#[test]
fn a_run_that_ends_as_its_timeout_is_noticed_is_observed_once() {
    explore(|| {
        running(FOR_EVER, |engine, release| {
            let cell = Arc::clone(&engine.cells[0]);
            let id = cell.state().run.as_ref().unwrap().id;
            // Exactly its timeout: whoever is first is right.
            pass(Duration::from_secs(1));
            let overstays = || {
                let cell = Arc::clone(&cell);
                Box::new(move || assert!(matches!(cell.overstays(id), Verdict::Done(_))))
            };
            let poll = {
                let engine = Arc::clone(&engine);
                Box::new(move || block_on(engine.round(&[0], FOR_EVER, Duration::ZERO)))
            };
            side_by_side(vec![overstays(), overstays(), poll, Box::new(move || release.send(()).unwrap())]);
            sync::join_all();
            assert_at_rest(&engine);
            let known = cell.knowledge();
            let seen = (
                known.last.unwrap().ended,
                known.last_success.is_some(),
                known.last_failure.is_some(),
                cell.state().failures,
            );
            let (timed_out, returned) =
                ((Ended::Timeout, false, true, 1), (Ended::Returned(Status::Healthy), true, false, 0));
            assert!(seen == timed_out || seen == returned, "{seen:?}");
        });
    });
}

#[test]
fn a_beat_never_takes_back_what_was_reported_meanwhile() {
    explore(|| {
        with_engine(consumer(), |engine| {
            let cell = &engine.cells[0];
            cell.report(reported(healthy()), Saying::Now);
            let beat = {
                let cell = Arc::clone(cell);
                Box::new(move || {
                    pass(A_MOMENT);
                    cell.beat();
                })
            };
            side_by_side(vec![push(cell, &Arc::default(), degraded), beat]);
            let last = cell.knowledge().last.unwrap();
            assert_eq!(last.status, Status::Degraded, "nothing better was said after it");
        });
    });
}
