//! Those who listen: all in order, until the engine stops, without a trace when they are gone.

use std::sync::Barrier;
use std::thread;

use futures::FutureExt;

use super::*;
use crate::{Change, Transition};

#[tokio::test]
async fn everything_noted_is_heard_in_order_then_the_end() {
    use Status::{Healthy, Unhealthy};
    let journal = journal(["a", "b"]);
    let mut subscription = journal.subscribe();
    assert!(subscription.next().now_or_never().is_none());
    journal.hears(first(1, Healthy));
    journal.hears(News::Phase { from: Phase::Running, to: Phase::Draining });
    journal.hears(News::Muted { check: 1, until: SystemTime::UNIX_EPOCH, reason: "planned".into() });
    journal.hears(flip(1, Healthy, Unhealthy));
    journal.close();
    // Nothing is noted of an engine that has stopped.
    journal.hears(flip(1, Unhealthy, Healthy));
    let mut heard = Vec::new();
    while let Some(transition) = subscription.next().await {
        heard.push(transition);
    }
    let numbers: Vec<_> = heard.iter().map(Transition::sequence).collect();
    assert_eq!(numbers, [2, 3, 4]);
    assert!(matches!(heard[0].change(), Change::Phase { to: Phase::Draining, .. }));
    assert!(matches!(heard[1].change(), Change::Muted { name, .. } if &**name == "b"));
    let merged =
        Change::Check { name: "b".into(), from: Err(Unknown::Pending), to: Ok(Unhealthy), summary: None };
    assert_eq!((heard[2].change(), heard[2].missed()), (&merged, 1));
    assert_eq!(subscription.next().await, None);
    assert_eq!(journal.subscribe().next().await, None);
    assert_eq!(journal.flips(1).last.len(), 2);
}

#[tokio::test]
async fn a_reader_that_waits_hears_that_the_journal_is_gone_and_does_not_keep_it() {
    let journal = journal([]);
    let weak = Arc::downgrade(&journal);
    let mut subscription = journal.subscribe();
    let reader = tokio::spawn(async move { subscription.next().await });
    tokio::task::yield_now().await;
    drop(journal);
    assert!(weak.upgrade().is_none());
    assert_eq!(reader.await.unwrap(), None);
}

#[test]
fn a_subscription_may_be_read_anywhere() {
    fn anywhere<T: Send + Sync + Unpin + 'static>() {}
    anywhere::<crate::Subscription>();
    anywhere::<Transition>();
    anywhere::<crate::History>();
}

#[test]
fn readers_that_are_gone_are_forgotten() {
    let journal = journal(["a"]);
    let stays = journal.subscribe();
    for _ in 0..100_000 {
        drop(journal.subscribe());
    }
    assert!(journal.known_readers() < 10, "{}", journal.known_readers());
    journal.hears(first(0, Status::Healthy));
    assert_eq!(journal.known_readers(), 1);
    drop(stays);
    journal.hears(flip(0, Status::Healthy, Status::Degraded));
    assert_eq!(journal.known_readers(), 0);
}

#[test]
fn of_those_who_are_counted_there_are_never_more_than_the_limit() {
    let journal = journal(["a"]);
    let (_uncounted, one) = (journal.subscribe(), journal.subscribe_if_fewer_than(2));
    let two = journal.subscribe_if_fewer_than(2);
    assert!(one.is_some() && two.is_some());
    assert!(journal.subscribe_if_fewer_than(2).is_none());
    assert!(journal.subscribe_if_fewer_than(0).is_none());
    assert!(journal.subscribe_if_fewer_than(3).is_some(), "and is gone");
    drop(one);
    let three = journal.subscribe_if_fewer_than(2);
    assert!(three.is_some() && journal.subscribe_if_fewer_than(2).is_none());
    // The count outlives the journal, and nothing else does.
    drop(journal);
    drop((two, three));
}

#[test]
fn from_many_threads_there_are_as_many_as_may_be() {
    let (journal, together) = (journal([]), Barrier::new(8));
    let came: usize = thread::scope(|scope| {
        let come = || {
            together.wait();
            (0..100).filter_map(|_| journal.subscribe_if_fewer_than(50)).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(come)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
            .iter()
            .map(Vec::len)
            .sum()
    });
    assert_eq!(came, 50);
    assert!(journal.subscribe_if_fewer_than(1).is_some(), "all have left");
}

#[tokio::test]
async fn a_reader_knows_after_which_transition_it_begins() {
    let journal = journal(["a"]);
    assert_eq!(journal.subscribe().begins_after(), 0);
    journal.hears(first(0, Status::Healthy));
    journal.hears(News::Phase { from: Phase::Running, to: Phase::Draining });
    let mut subscription = journal.subscribe();
    assert_eq!(subscription.begins_after(), 2);
    journal.hears(flip(0, Status::Healthy, Status::Degraded));
    assert_eq!(subscription.next().await.map(|transition| transition.sequence()), Some(3));
    assert_eq!(subscription.begins_after(), 2);
}

#[test]
fn a_check_that_never_flips_costs_next_to_nothing() {
    let journal = journal(["a"]);
    let idle = Journal::size_of_a_check();
    assert!(idle <= 96, "{idle}");
    journal.hears(first(0, Status::Healthy));
    let observed = journal.heap_of_a_check(0);
    assert!(observed <= 64, "{observed}");
    for turn in 0..1000 {
        journal.hears(flip(0, Status::ALL[turn % 2], Status::ALL[(turn + 1) % 2]));
    }
    assert!(journal.heap_of_a_check(0) < 4096, "{}", journal.heap_of_a_check(0));
    let flips = journal.flips(0);
    assert_eq!(flips.last.len(), 32);
    let numbers: Vec<_> = flips.last.iter().map(Transition::sequence).collect();
    assert_eq!(numbers, (970..=1001).collect::<Vec<_>>());
}

#[test]
fn from_many_threads_each_subject_is_a_chain() {
    const FLIPS: usize = 2_000;
    let journal = journal(["a", "b", "c", "d"]);
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let mut subscription = journal.subscribe();
            thread::spawn(move || {
                let (mut last, mut heard, mut stand) = (0, 0, [Err(Unknown::Pending); 4]);
                while let Some(transition) = futures::executor::block_on(subscription.next()) {
                    assert!(transition.sequence() > last);
                    last = transition.sequence();
                    heard += transition.missed() + 1;
                    let Change::Check { name, from, to, .. } = transition.change() else { panic!() };
                    let place = &mut stand["abcd".find(&**name).unwrap()];
                    assert_eq!(place, from);
                    *place = *to;
                }
                (heard, stand)
            })
        })
        .collect();
    let together = Barrier::new(4);
    thread::scope(|scope| {
        for check in 0..4 {
            let (journal, together) = (&journal, &together);
            scope.spawn(move || {
                together.wait();
                journal.hears(first(check, Status::ALL[0]));
                for turn in 0..FLIPS {
                    journal.hears(flip(check, Status::ALL[turn % 3], Status::ALL[(turn + 1) % 3]));
                }
            });
        }
    });
    journal.close();
    for reader in readers {
        let (heard, stand) = reader.join().unwrap();
        assert_eq!(heard, 4 * (FLIPS as u64 + 1));
        assert_eq!(stand, [Ok(Status::ALL[FLIPS % 3]); 4]);
    }
}
