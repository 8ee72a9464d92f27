//! Logs and observers that panic, block or call back, and harm nobody.

use std::sync::{Mutex, OnceLock, Weak, mpsc};
use std::thread;

use futures::FutureExt;

use super::recorder::{everywhere, record, record_and};
use super::*;
use crate::Change;

const DRAINS: News = News::Phase { from: Phase::Running, to: Phase::Draining };

#[tokio::test]
async fn a_log_that_panics_loses_its_own_line_alone() {
    let (log, _guard) = record_and(|line| assert!(!line.contains("phase changed"), "an expected panic"));
    let journal = journal(["db"]);
    let mut subscription = journal.subscribe();
    journal.note(DRAINS);
    journal.note(first(0, Status::Unhealthy));
    journal.say();
    assert_eq!(log.take().len(), 2);
    journal.hears(flip(0, Status::Unhealthy, Status::Healthy));
    assert_eq!(log.take().len(), 1, "it is not stuck");
    assert!(matches!(subscription.next().await.unwrap().change(), Change::Phase { .. }));
    assert!(subscription.next().now_or_never().is_some());
}

#[test]
fn what_a_log_changes_itself_is_said_after_it_returns() {
    static JOURNAL: OnceLock<Weak<Journal>> = OnceLock::new();
    let (log, _guard) = record_and(|line| {
        if line.contains("to=draining") {
            let journal = JOURNAL.get().and_then(Weak::upgrade).unwrap();
            journal.hears(News::Phase { from: Phase::Draining, to: Phase::Running });
            drop(journal.subscribe());
            assert!(journal.flips(0).last.is_empty());
        }
    });
    let journal = journal(["db"]);
    JOURNAL.set(Arc::downgrade(&journal)).unwrap();
    journal.hears(DRAINS);
    let phases = ["running to=draining", "draining to=running"];
    assert_eq!(log.take(), phases.map(|phase| format!("INFO message=phase changed from={phase}")));
}

#[test]
fn a_log_that_blocks_holds_up_neither_the_engine_nor_those_who_listen() {
    let (has_begun, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let journal = journal(["db"]);
    let (other, mut subscription) = (Arc::clone(&journal), journal.subscribe());
    let stuck = thread::spawn(move || {
        let (log, _guard) = record_and(move |line| {
            if line.contains("to=draining") {
                has_begun.send(()).unwrap();
                let _ = released.lock().unwrap().recv();
            }
        });
        other.hears(DRAINS);
        log.take()
    });
    begun.recv().unwrap();
    let reader = thread::spawn(move || {
        let mut heard = Vec::new();
        while let Some(transition) = futures::executor::block_on(subscription.next()) {
            heard.push(transition);
        }
        heard
    });
    journal.hears(first(0, Status::Healthy));
    for turn in 0..10_000 {
        journal.hears(flip(0, Status::ALL[turn % 2], Status::ALL[(turn + 1) % 2]));
    }
    journal.close();
    let heard = reader.join().unwrap();
    assert_eq!(heard.last().unwrap().sequence(), 10_002);
    release.send(()).unwrap();
    let lines = stuck.join().unwrap();
    // The first draining, the first observation, six flips, and that it flaps.
    assert_eq!(lines.len(), 9, "{lines:#?}");
}

#[test]
fn an_observer_that_panics_goes_on_and_is_mentioned_once() {
    let log = everywhere();
    let journal = journal(["db"]);
    let (hears, heard) = mpsc::channel();
    journal
        .observe(move |transition| {
            let name = thread::current().name().map(str::to_owned);
            hears.send((transition.sequence(), name)).unwrap();
            panic!("expected of observer-4711");
        })
        .unwrap();
    for turn in 0..3 {
        journal.hears(flip(0, Status::ALL[turn % 2], Status::ALL[(turn + 1) % 2]));
        assert_eq!(heard.recv().unwrap(), (turn as u64 + 1, Some("health-observer".into())));
    }
    journal.close();
    // The channel ends when the thread has let go of the observer.
    assert!(heard.recv().is_err());
    assert_eq!(log.lines_with("error=expected of observer-4711"), 1);
}

#[test]
fn an_observer_that_blocks_holds_up_nobody_and_hears_the_rest_after_the_end() {
    let (_log, _guard) = record();
    let journal = journal(["db"]);
    let (hears, heard) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    journal
        .observe(move |transition| {
            hears.send(transition.clone()).unwrap();
            let _ = released.recv();
        })
        .unwrap();
    journal.hears(first(0, Status::ALL[0]));
    assert_eq!(heard.recv().unwrap().sequence(), 1);
    for turn in 0..1000 {
        journal.hears(flip(0, Status::ALL[turn % 3], Status::ALL[(turn + 1) % 3]));
    }
    journal.close();
    drop(journal);
    drop(release);
    let last = heard.recv().unwrap();
    assert_eq!((last.sequence(), last.missed()), (1001, 999));
    assert!(heard.recv().is_err());
}

#[test]
fn an_observer_may_call_back_even_to_stop_the_engine() {
    let journal = journal(["db"]);
    let (hears, heard) = mpsc::channel();
    let mut held = Some(Arc::clone(&journal));
    journal
        .observe(move |transition| {
            if let Some(journal) = &held {
                assert_eq!(journal.flips(0).last.len(), 1);
                journal.hears(DRAINS);
            }
            if transition.sequence() == 2 {
                held = None;
            }
            hears.send(transition.sequence()).unwrap();
        })
        .unwrap();
    journal.hears(first(0, Status::Healthy));
    drop(journal);
    // The last journal is dropped by the observer's own thread, with one more transition pending.
    assert_eq!(heard.iter().collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn an_observer_whose_captures_panic_when_dropped_ends_quietly() {
    struct Bomb(mpsc::Sender<()>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            // What a thread leaves behind must not panic when it is dropped: the process would abort.
            std::panic::panic_any(Fuse);
        }
    }
    struct Fuse;
    impl Drop for Fuse {
        fn drop(&mut self) {
            std::panic::panic_any(Fuse);
        }
    }
    let journal = journal([]);
    let (ends, ended) = mpsc::channel();
    let bomb = Bomb(ends);
    journal.observe(move |_| bomb.0.send(()).unwrap()).unwrap();
    journal.close();
    assert!(ended.recv().is_err());
}
