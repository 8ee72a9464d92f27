//! Which runs are begun: one of a check at a time, no more than the cap, each claim once, none after the end.

use std::future::pending;
use std::sync::Arc;

use shuttle::future::{block_on, yield_now};

use super::*;
use crate::{Health, Spec};

fn spec(name: &'static str) -> Spec {
    Spec::named(name).timeout("1h").cache(A_MOMENT)
}

/// A run that counts itself, and is over after this many turns.
fn counted(
    tallies: Vec<Tally>,
    turns: usize,
) -> impl Fn() -> futures::future::BoxFuture<'static, ()> + Send + Sync {
    move || {
        let tallies = tallies.clone();
        Box::pin(async move {
            tallies.iter().for_each(Tally::enter);
            for _ in 0..turns {
                yield_now().await;
            }
            pass(A_MOMENT);
            tallies.iter().for_each(Tally::leave);
        })
    }
}

#[test]
fn pollers_share_a_run_and_each_is_answered_when_its_runs_are_over() {
    explore(|| {
        let (a, b) = (Tally::default(), Tally::default());
        let builder = Health::builder().check_fn(spec("a"), counted(vec![a.clone()], 1));
        let builder = builder.check_fn(spec("b"), counted(vec![b.clone()], 0));
        with_engine(builder, |engine| {
            let poll = || -> Box<dyn FnOnce() + Send> {
                let engine = Arc::clone(&engine);
                Box::new(move || {
                    for _ in 0..2 {
                        let known = || engine.cells.iter().map(|cell| Some(cell.knowledge().last?.began));
                        let before: Vec<_> = known().collect();
                        let asked = pass(2 * A_MOMENT);
                        block_on(engine.round(&[0, 1], FOR_EVER, Duration::ZERO));
                        for (before, after) in before.into_iter().zip(known()) {
                            let is_fresh = after.is_some_and(|began| began + A_MOMENT >= asked);
                            assert!(is_fresh || after > before, "answered before its run was over");
                        }
                    }
                })
            };
            side_by_side(vec![poll(), poll(), poll()]);
            sync::join_all();
            assert_at_rest(&engine);
        });
        assert_eq!((a.most(), b.most()), (1, 1));
        assert!((1..=7).contains(&a.begun()) && (1..=7).contains(&b.begun()));
    });
}

#[test]
fn whoever_waits_for_a_run_that_is_lost_is_let_go() {
    explore(|| {
        let runs = Tally::default();
        let builder = Health::builder().check_fn(spec("a"), counted(vec![runs.clone()], 1));
        with_engine(builder, |engine| {
            let poll = || -> Box<dyn FnOnce() + Send> {
                let engine = Arc::clone(&engine);
                Box::new(move || {
                    pass(2 * A_MOMENT);
                    block_on(engine.round(&[0], FOR_EVER, Duration::ZERO));
                })
            };
            let cell = Arc::clone(&engine.cells[0]);
            let lose = Box::new(move || (0..3).for_each(|_| drop(claim(&cell))));
            side_by_side(vec![poll(), lose, poll()]);
            sync::join_all();
            assert_at_rest(&engine);
        });
        assert_eq!(runs.most(), 1);
    });
}

#[test]
fn a_poller_that_hangs_up_is_waited_for_by_nobody_and_takes_nothing_with_it() {
    explore(|| {
        let (a, b) = (Tally::default(), Tally::default());
        let builder = Health::builder().check_fn(spec("a"), counted(vec![a.clone()], 2));
        let builder = builder.check_fn(spec("b"), counted(vec![b.clone()], 1));
        with_engine(builder, |engine| {
            let hangs_up = {
                let engine = Arc::clone(&engine);
                Box::new(move || {
                    for _ in 0..2 {
                        pass(2 * A_MOMENT);
                        let _ = engine.round(&[0, 1], FOR_EVER, Duration::ZERO).now_or_never();
                        let is_kept = |cell: &Arc<Cell>| cell.state().waiters.len() > 1;
                        assert!(!engine.cells.iter().any(is_kept), "only the one who stays");
                    }
                })
            };
            let stays = {
                let engine = Arc::clone(&engine);
                Box::new(move || {
                    pass(2 * A_MOMENT);
                    block_on(engine.round(&[0, 1], FOR_EVER, Duration::ZERO));
                })
            };
            side_by_side(vec![hangs_up, stays]);
            sync::join_all();
            assert_at_rest(&engine);
            assert!(engine.cells.iter().all(|cell| cell.knowledge().last.is_some()));
        });
        assert_eq!((a.most(), b.most()), (1, 1));
    });
}

/// Checks that are over at once and others, with all that there is to count.
fn several(cap: usize) -> (HealthBuilder, Vec<Tally>, Tally) {
    let all = Tally::default();
    let each: Vec<_> = (0..4).map(|_| Tally::default()).collect();
    let mut builder = Health::builder().max_runs(cap);
    for ((name, turns), own) in [("a", 0), ("b", 1), ("c", 0), ("d", 2)].into_iter().zip(&each) {
        builder = builder.check_fn(spec(name), counted(vec![own.clone(), all.clone()], turns));
    }
    (builder, each, all)
}

#[test]
fn every_claim_is_begun_once_and_no_more_than_the_cap_at_a_time() {
    for cap in [1, 2] {
        explore(move || {
            let (builder, each, all) = several(cap);
            with_engine(builder, |engine| {
                let claimed = Tally::default();
                // Those of the start.
                engine.cells.iter().for_each(|_| claimed.enter());
                let submit = || -> Box<dyn FnOnce() + Send> {
                    let (engine, claimed) = (Arc::clone(&engine), claimed.clone());
                    Box::new(move || {
                        for _ in 0..2 {
                            let claims: Vec<_> = engine.cells.iter().filter_map(claim).collect();
                            claims.iter().for_each(|_| claimed.enter());
                            engine.queue.submit(claims);
                        }
                    })
                };
                let queue = Arc::clone(&engine.queue);
                let relieve = Box::new(move || (0..3).for_each(|_| queue.relieve()));
                side_by_side(vec![submit(), relieve, submit()]);
                sync::join_all();
                assert_at_rest(&engine);
                assert_eq!(all.begun(), claimed.begun());
            });
            assert!(all.most() <= cap && each.iter().all(|check| check.most() == 1));
        });
    }
}

#[test]
fn a_queue_longer_than_a_stretch_is_begun_to_its_end() {
    explore(|| {
        let all = Tally::default();
        let mut builder = Health::builder().max_runs(1);
        for number in 0..70 {
            builder = builder.check_fn(Spec::named(format!("c{number}")), counted(vec![all.clone()], 0));
        }
        with_engine(builder, |engine| {
            let queue = Arc::clone(&engine.queue);
            side_by_side(vec![Box::new(move || queue.relieve())]);
            sync::join_all();
            assert_at_rest(&engine);
        });
        assert_eq!((all.begun(), all.most()), (70, 1));
    });
}

#[test]
fn what_waits_when_the_queue_closes_is_lost_and_nobody_waits_for_it() {
    explore(|| {
        let (builder, _, all) = several(1);
        with_engine(builder, |engine| {
            let poll = || -> Box<dyn FnOnce() + Send> {
                let engine = Arc::clone(&engine);
                Box::new(move || {
                    pass(2 * A_MOMENT);
                    block_on(engine.round(&[0, 1, 2, 3], FOR_EVER, Duration::ZERO));
                })
            };
            let queue = Arc::clone(&engine.queue);
            let close = Box::new(move || {
                queue.close();
                assert!(!queue.is_busy().0, "nothing waits any more");
            });
            side_by_side(vec![poll(), close, poll()]);
            sync::join_all();
            assert_at_rest(&engine);
            let begun = all.begun();
            engine.begin(&[0, 1, 2, 3]);
            sync::join_all();
            assert_at_rest(&engine);
            assert_eq!(all.begun(), begun, "nothing is begun any more");
        });
    });
}

#[test]
fn the_end_of_the_engine_ends_every_run() {
    explore(|| {
        let runs = Tally::default();
        let mut builder = Health::builder().max_runs(2);
        for name in ["a", "b", "c"] {
            let runs = runs.clone();
            builder = builder.check_fn(spec(name), move || {
                runs.enter();
                pending::<()>()
            });
        }
        with_engine(builder, |engine| {
            let queue = Arc::clone(&engine.queue);
            let cells = engine.cells.clone();
            side_by_side(vec![Box::new(move || drop(engine))]);
            // A run that goes on after the end is found here: nobody ever ends it.
            sync::join_all();
            assert_eq!(queue.is_busy(), (false, false));
            assert!(cells.iter().all(|cell| cell.state().run.is_none()));
        });
        assert!(runs.begun() <= 2);
    });
}
