//! Whoever looks finds how everything stands, and no check ever feels it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use health_core::{Ended, Gate, Health, Outcome, Probe, Question, Runs, Spec, Status, Unknown};
use tokio::time::{advance, sleep};

/// A check that counts its runs, and is only run when somebody asks.
fn counted() -> (Health, Arc<AtomicU32>) {
    let runs = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&runs);
    let run = move || {
        counting.fetch_add(1, Ordering::SeqCst);
        async { Outcome::healthy() }
    };
    let spec = Spec::named("disk").interval("never").group("storage");
    (Health::builder().check_fn(spec, run).build().unwrap().start(), runs)
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_for_it() {
    let (health, runs) = counted();
    health.report(Probe::Ready).await;
    let ran = runs.load(Ordering::SeqCst);
    for question in [
        Question::Overview,
        Question::Probe(Probe::Ready),
        Question::Check("disk"),
        Question::Group("storage"),
        Question::Tree("disk"),
    ] {
        let report = health.look(question).unwrap();
        assert_eq!(report.entry("disk").unwrap().status(), Ok(Status::Healthy), "{question:?}");
        advance(Duration::from_secs(120)).await;
        let later = health.look(question).unwrap();
        assert_eq!(later.entry("disk").unwrap().status(), Err(Unknown::Stale), "{question:?}");
        // It is not asked, so that it is old is no failure.
        assert_eq!(health.look(Question::Probe(Probe::Ready)).unwrap().status(), Status::Healthy);
        sleep(Duration::from_millis(10)).await;
        assert_eq!(runs.load(Ordering::SeqCst), ran, "{question:?}");
        health.check("disk").await.unwrap();
        runs.store(ran, Ordering::SeqCst);
    }
    for unknown in [Question::Check("desk"), Question::Group("desk"), Question::Tree("desk")] {
        assert!(health.look(unknown).is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn every_end_of_a_run_is_counted_once_with_how_long_it_took() {
    let turn = Arc::new(AtomicU32::new(0));
    let run = move || {
        let turn = turn.fetch_add(1, Ordering::SeqCst);
        async move {
            sleep(Duration::from_millis(u64::from(turn) * 20)).await;
            match turn {
                0 => Ok(Outcome::healthy()),
                1 => Ok(Outcome::degraded("slow")),
                2 => Ok(Outcome::unhealthy("gone")),
                3 => Err(std::io::Error::other("refused")),
                4 => panic!("boom"),
                _ => std::future::pending().await,
            }
        }
    };
    let spec = Spec::named("disk").interval("never").cache("1ms").timeout("700ms");
    let health = Health::builder().check_fn(spec, run).build().unwrap().start();
    for _ in 0..6 {
        health.check("disk").await.unwrap();
        advance(Duration::from_millis(5)).await;
    }
    let runs = health.runs("disk").unwrap();
    let ends =
        Status::ALL.map(Ended::Returned).into_iter().chain([Ended::Error, Ended::Panic, Ended::Timeout]);
    for ended in ends {
        assert_eq!(runs.ended(ended), 1, "{ended:?}");
    }
    assert_eq!(runs.total(), 6);
    let within: Vec<_> = runs.within().map(|(bound, count)| (bound.as_millis(), count)).collect();
    // 0, 20, 40, 60 and 80 ms, and 700 ms after which the last one was given up.
    let expected = [(5, 1), (10, 1), (25, 2), (50, 3), (100, 5), (250, 5), (500, 5), (1000, 6)];
    assert_eq!(within[..8], expected);
    assert_eq!(within.len(), Runs::BOUNDS.len());
    assert!(within[8..].iter().all(|(_, count)| *count == 6));
    assert!(
        runs.took() >= Duration::from_millis(900) && runs.took() < Duration::from_millis(960),
        "{runs:?}"
    );
    assert_eq!(health.runs("desk"), None);
    // The first was healthy, then one degraded, then nothing but failures.
    let entered = |status| health.times_entered("disk", status);
    assert_eq!(Status::ALL.map(|status| entered(Ok(status))), [Some(1), Some(1), Some(1)]);
    assert_eq!(entered(Err(Unknown::Stale)), Some(0));
    assert_eq!(health.times_entered("desk", Ok(Status::Healthy)), None);
}

#[tokio::test]
async fn gates_are_seen_as_they_open() {
    let (first, second) = (Gate::new("migrations"), Gate::new("warm-up"));
    let health = Health::builder().gate(&first).gate(&second).build().unwrap().start();
    assert_eq!(health.gates().collect::<Vec<_>>(), [("migrations", false), ("warm-up", false)]);
    second.open();
    assert_eq!(health.gates().collect::<Vec<_>>(), [("migrations", false), ("warm-up", true)]);
}
