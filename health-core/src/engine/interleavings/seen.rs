//! What pollers, gauges and the log see of it: never something older than what was recorded before they looked.

use std::sync::Mutex;

use shuttle::future::block_on;

use super::super::cell::Saying;
use super::super::lifecycle;
use super::super::observation::{Evidence, Observation};
use super::*;
use crate::engine::{Manner, Subject};
use crate::{Change, Health, Outcome, Phase, Probe, Report, Reporter, Spec, Status, Transition, Unknown};

const READY: Subject<'_> = Subject::Probe(Probe::Ready);

/// One that is only reported about, and unknown so far.
fn consumer() -> HealthBuilder {
    Health::builder().reporter(&Reporter::new(Spec::named("consumer").max_age("1h")))
}

fn push(engine: &Engine, outcome: Outcome) {
    pass(A_MOMENT);
    engine.cells[0].report(Observation::reported(Ok(outcome), Evidence::Work), Saying::Now);
}

/// The number that was last reported.
fn number(report: &Report) -> usize {
    let entry = report.entry("consumer").unwrap();
    entry.summary().map_or(0, |summary| summary.parse().unwrap_or(0))
}

#[test]
fn an_answer_is_never_older_than_what_was_recorded_before_it_was_asked_for() {
    explore(|| {
        with_engine(consumer(), |engine| {
            // How many reports have been recorded. No point at which threads meet.
            let recorded = Arc::new(AtomicUsize::new(0));
            let pushes = {
                let (engine, recorded) = (Arc::clone(&engine), Arc::clone(&recorded));
                Box::new(move || {
                    for number in 1..=3 {
                        push(&engine, Outcome::degraded(number.to_string()));
                        recorded.store(number, Ordering::SeqCst);
                    }
                })
            };
            let poll = || -> Box<dyn FnOnce() + Send> {
                let (engine, recorded) = (Arc::clone(&engine), Arc::clone(&recorded));
                Box::new(move || {
                    for _ in 0..3 {
                        let least = recorded.load(Ordering::SeqCst);
                        let answer = number(&block_on(engine.ask(READY, Manner::default())));
                        assert!(answer >= least, "{answer} after {least} had been recorded");
                        let least = recorded.load(Ordering::SeqCst);
                        let fresh = engine.fresh(READY, Duration::ZERO).map_or(least, |fresh| number(&fresh));
                        assert!(fresh >= least, "{fresh} after {least} had been recorded");
                    }
                })
            };
            side_by_side(vec![pushes, poll(), poll()]);
            assert_eq!(number(&block_on(engine.ask(READY, Manner::default()))), 3);
        });
    });
}

#[test]
fn nobody_who_looks_after_the_draining_is_told_that_it_is_ready() {
    explore(|| {
        with_engine(consumer(), |engine| {
            push(&engine, Outcome::healthy());
            let is_draining = Arc::new(AtomicUsize::new(0));
            let drain = {
                let (engine, is_draining) = (Arc::clone(&engine), Arc::clone(&is_draining));
                Box::new(move || {
                    engine.drain();
                    is_draining.store(1, Ordering::SeqCst);
                })
            };
            let look = || -> Box<dyn FnOnce() + Send> {
                let (engine, is_draining) = (Arc::clone(&engine), Arc::clone(&is_draining));
                Box::new(move || {
                    for _ in 0..2 {
                        let was_draining = is_draining.load(Ordering::SeqCst) == 1;
                        let seen = [
                            engine.status(Probe::Ready),
                            block_on(engine.ask(READY, Manner::default())).status(),
                        ];
                        assert!(!was_draining || seen == [Status::Unhealthy; 2], "{seen:?}");
                    }
                })
            };
            let reports = {
                let engine = Arc::clone(&engine);
                Box::new(move || push(&engine, Outcome::healthy()))
            };
            side_by_side(vec![drain, look(), look(), reports]);
            engine.resume();
            assert_eq!(block_on(engine.ask(READY, Manner::default())).status(), Status::Healthy);
            assert_eq!(engine.status(Probe::Ready), Status::Healthy);
        });
    });
}

/// How a reader that looks after it has subscribed believes it to stand in the end.
struct Believed {
    phase: Phase,
    ready: Status,
    consumer: Result<Status, Unknown>,
}

impl Believed {
    fn of(report: &Report) -> Self {
        let consumer = report.entry("consumer").unwrap().status();
        Self { phase: report.phase(), ready: report.status(), consumer }
    }

    fn hears(&mut self, transition: &Transition) {
        match transition.change() {
            Change::Phase { to, .. } => self.phase = *to,
            Change::Probe { probe: Probe::Ready, to, .. } => self.ready = *to,
            Change::Check { to, .. } => self.consumer = *to,
            _ => {}
        }
    }
}

#[test]
fn nothing_is_lost_between_a_subscription_and_a_look() {
    explore(|| {
        with_engine(consumer(), |engine| {
            push(&engine, Outcome::healthy());
            let changes = {
                let engine = Arc::clone(&engine);
                Box::new(move || {
                    push(&engine, Outcome::degraded("slow"));
                    engine.reconsider_if_changed();
                    engine.drain();
                })
            };
            // Others have it reconsidered in the middle of that.
            let reconsiders = {
                let engine = Arc::clone(&engine);
                Box::new(move || engine.reconsider())
            };
            let readers = Arc::new(Mutex::new(Vec::new()));
            let read = || -> Box<dyn FnOnce() + Send> {
                let (engine, readers) = (Arc::clone(&engine), Arc::clone(&readers));
                Box::new(move || {
                    for _ in 0..2 {
                        // What may be shown to whoever looks.
                        drop(block_on(engine.ask(Subject::Whole, Manner::default())));
                        let subscription = engine.journal().subscribe();
                        let believed = Believed::of(&engine.look_at(Subject::Whole));
                        readers.lock().unwrap().push((subscription, believed));
                    }
                })
            };
            side_by_side(vec![changes, reconsiders, read(), read()]);
            engine.reconsider();
            for (mut subscription, mut believed) in readers.lock().unwrap().drain(..) {
                while let Some(Some(transition)) = subscription.next().now_or_never() {
                    believed.hears(&transition);
                }
                assert_eq!(believed.phase, Phase::Draining);
                assert_eq!(believed.ready, Status::Unhealthy);
                assert_eq!(believed.consumer, Ok(Status::Degraded));
            }
        });
    });
}

#[test]
fn whoever_waited_for_a_run_is_answered_with_what_it_said() {
    explore(|| {
        let run = || async {
            shuttle::future::yield_now().await;
            pass(A_MOMENT);
        };
        let builder = Health::builder().check_fn(Spec::named("slow").timeout("1h").cache("1m"), run);
        with_engine(builder, |engine| {
            let poll = || -> Box<dyn FnOnce() + Send> {
                let engine = Arc::clone(&engine);
                Box::new(move || {
                    let report = block_on(engine.ask(READY, Manner::default()));
                    assert_eq!(report.entry("slow").unwrap().status(), Ok(Status::Healthy));
                })
            };
            side_by_side(vec![poll(), poll(), poll()]);
            sync::join_all();
            assert_at_rest(&engine);
        });
    });
}

/// What the engine last saw of ready.
fn last_seen(engine: &Engine) -> Option<Status> {
    let seen = engine.seen.lock().unwrap();
    seen.as_ref().map(|(_, probes)| *probes.get(Probe::Ready))
}

#[test]
fn what_has_changed_is_noticed_although_nobody_asks_any_more() {
    explore(|| {
        with_engine(consumer(), |engine| {
            push(&engine, Outcome::healthy());
            // Left behind at the end, since the engine outlives the scenario.
            drop(shuttle::future::spawn(lifecycle::watch(Arc::downgrade(&engine))));
            let fail = {
                let engine = Arc::clone(&engine);
                Box::new(move || {
                    pass(A_MOMENT);
                    let failure = Observation::reported(Err("down".into()), Evidence::Work);
                    engine.cells[0].report(failure, Saying::Now);
                })
            };
            let poll = {
                let engine = Arc::clone(&engine);
                // What a poll that hangs up leaves to others.
                Box::new(move || block_on(engine.round(&[0], FOR_EVER, Duration::ZERO)))
            };
            side_by_side(vec![fail, poll]);
            let is_seen = (0..500).any(|_| {
                thread::yield_now();
                last_seen(&engine) == Some(Status::Unhealthy)
            });
            assert!(is_seen, "nobody has noticed");
        });
    });
}

#[test]
fn whoever_sleeps_until_the_next_item_is_woken_for_an_earlier_one() {
    explore(|| {
        let agenda = Arc::new(super::super::agenda::Agenda::default());
        let now = Instant::now();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let keep = {
            let (agenda, taken) = (Arc::clone(&agenda), Arc::clone(&taken));
            Box::new(move || {
                let mut due = Vec::new();
                while due.len() < 3 {
                    if agenda.take_due(now, &mut due).is_none() && due.len() < 3 {
                        block_on(agenda.earlier());
                    }
                }
                taken.lock().unwrap().extend(due.into_iter().map(|(_, item)| item));
            })
        };
        let add = |check| -> Box<dyn FnOnce() + Send> {
            let agenda = Arc::clone(&agenda);
            Box::new(move || agenda.add(now, super::super::agenda::Item::Run(check)))
        };
        side_by_side(vec![keep, add(0), add(1), add(2)]);
        let mut taken = std::mem::take(&mut *taken.lock().unwrap());
        taken.sort();
        assert_eq!(taken, [0, 1, 2].map(super::super::agenda::Item::Run));
    });
}
