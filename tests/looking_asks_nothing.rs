//! Whoever looks finds how everything stands, and no check ever feels it.

use std::cell::Cell;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use health_core::{
    Ended, Exposure, Gate, Health, Inquiry, Outcome, Probe, Question, Reporter, Runs, Spec, Status, Unknown,
};
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

/// How often each of a hundred who look has it rendered anew, in a format of its own.
fn rendered(health: &Health, question: Question<'_>) -> usize {
    let count = Cell::new(0);
    for _ in 0..100 {
        let report = health.look(question).unwrap();
        let render = || -> Result<Vec<u8>, Infallible> {
            count.set(count.get() + 1);
            Ok(Vec::new())
        };
        report.view(Exposure::Checks).rendered(&"counted", render).unwrap();
    }
    count.get()
}

#[tokio::test(start_paused = true)]
async fn what_has_not_changed_is_rendered_once_for_all_who_look_though_nobody_asks() {
    let consumer = Reporter::new(Spec::named("consumer").max_age("1h"));
    let disk = Spec::named("disk").interval("never").cache("1s").max_age("1m");
    let health = Health::builder().check_fn(disk, || async {}).reporter(&consumer).build().unwrap().start();
    let questions = [Question::Overview, Question::Probe(Probe::Live), Question::Probe(Probe::Ready)];
    let each = |expected: usize, when: &str| {
        for question in questions {
            assert_eq!(rendered(&health, question), expected, "{question:?} {when}");
        }
    };
    each(1, "before anything is known");
    each(0, "and nothing has happened");
    consumer.healthy();
    each(1, "after a report");
    let ready = || health.look(Question::Probe(Probe::Ready)).unwrap();
    health.check("disk").await.unwrap();
    assert_eq!(ready().entry("disk").unwrap().status(), Ok(Status::Healthy));
    each(1, "after a run");
    advance(Duration::from_secs(60)).await;
    each(0, "while it is no older than it may be");
    advance(Duration::from_millis(1)).await;
    each(1, "when it is too old");
    assert_eq!(ready().entry("disk").unwrap().status(), Err(Unknown::Stale));
    each(0, "and stays so");
    health.mute("consumer", Duration::from_secs(60), "for a while").unwrap();
    each(1, "after a mute");
    advance(Duration::from_secs(60)).await;
    assert_eq!(rendered(&health, Question::Overview), 1, "when it is over");
    advance(Duration::from_secs(3600)).await;
    assert_eq!(ready().status(), Status::Unhealthy, "nothing has been reported for too long");
}

/// What has expired and nobody has asked for weighs nothing for those who look, and all for those who ask.
#[tokio::test(start_paused = true)]
async fn nobody_who_asks_is_answered_with_what_others_have_seen() {
    let is_stuck = Arc::new(AtomicU32::new(0));
    let stuck = Arc::clone(&is_stuck);
    let run = move || {
        let stuck = stuck.load(Ordering::SeqCst) > 0;
        async move {
            if stuck {
                std::future::pending().await
            }
        }
    };
    let disk = Spec::named("disk").interval("never").cache("1s").max_age("1m").timeout("30s");
    let health = Health::builder().check_fn(disk, run).build().unwrap().start();
    health.report(Probe::Ready).await;
    advance(Duration::from_secs(61)).await;
    let look = |question| health.look(question).unwrap().status();
    let both = [Question::Overview, Question::Probe(Probe::Ready)];
    assert_eq!(both.map(look), [Status::Healthy; 2]);
    is_stuck.store(1, Ordering::SeqCst);
    for question in both {
        // Even who takes what is not quite fresh.
        let inquiry = Inquiry::about(question).cached_for(Duration::from_secs(5));
        assert_eq!(health.ask(inquiry).await.unwrap().status(), Status::Unhealthy, "{question:?}");
    }
    assert_eq!(both.map(look), [Status::Unhealthy; 2], "somebody has asked");
}
