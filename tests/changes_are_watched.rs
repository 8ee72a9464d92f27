//! Whoever subscribes, observes or asks for the past hears of every change, and cannot harm what it watches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use health_core::{
    Change, Failure, Gate, Health, Phase, Probe, Reporter, Scope, Spec, Status, Subscription, Transition,
    Unknown,
};
use health_tests::logs::{lines_with, record};
use health_tests::transitions::{is_a_chain, pending, told};
use tokio::time::sleep;

const PATIENCE: Duration = Duration::from_secs(60);
const MS: Duration = Duration::from_millis(1);

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One check that says what it is told to.
fn reported(name: &'static str) -> (Health, Reporter) {
    let reporter = Reporter::new(Spec::named(name).max_age("10h"));
    (Health::builder().reporter(&reporter).build().unwrap().start(), reporter)
}

fn says(reporter: &Reporter, status: Status) {
    match status {
        Status::Healthy => reporter.healthy(),
        Status::Degraded => reporter.degraded("slow"),
        Status::Unhealthy => reporter.unhealthy(Failure::new("gone").because("secret")),
    }
}

#[tokio::test(start_paused = true)]
async fn every_change_is_told_in_its_order() {
    let gate = Gate::new("gate");
    let reporter = Reporter::new(Spec::named("db").max_age("10h"));
    let health = Health::builder().gate(&gate).reporter(&reporter).build().unwrap().start();
    let mut subscription = health.subscribe();
    sleep(MS).await;
    assert_eq!(pending(&mut subscription), [], "what was true before is not told");
    let mut each = Vec::new();
    for step in 0..8 {
        match step {
            0 | 5 => says(&reporter, Status::Healthy),
            1 => gate.open(),
            2 => says(&reporter, Status::Degraded),
            3 | 4 => says(&reporter, Status::Unhealthy),
            6 => health.drain(),
            _ => health.resume(),
        }
        sleep(MS).await;
        let new = pending(&mut subscription);
        assert!(new.iter().all(|transition| transition.missed() == 0));
        each.extend(new);
    }
    is_a_chain(&each);
    assert!(!format!("{each:?}").contains("secret"), "no private cause: {each:?}");
    assert_eq!(
        each.iter().map(told).collect::<Vec<_>>(),
        [
            "db unknown-healthy",
            "phase starting-running",
            "ready unhealthy-healthy",
            "db healthy-degraded",
            "ready healthy-degraded",
            "db degraded-unhealthy",
            "ready degraded-unhealthy",
            "db unhealthy-healthy",
            "ready unhealthy-healthy",
            "phase running-draining",
            "ready healthy-unhealthy",
            "phase draining-running",
            "ready unhealthy-healthy",
        ]
    );
    let Change::Check { summary, .. } = each[5].change() else { panic!("{each:?}") };
    assert_eq!(summary.as_deref(), Some("gone"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_finds_the_way_from_the_oldest_to_the_newest() {
    let (health, reporter) = reported("db");
    says(&reporter, Status::Healthy);
    sleep(MS).await;
    let (mut slow, mut quick) = (health.subscribe(), health.subscribe());
    let mut seen = Vec::new();
    for turn in 0..1_000 {
        says(&reporter, if turn % 2 == 0 { Status::Unhealthy } else { Status::Degraded });
        sleep(MS).await;
        seen.extend(pending(&mut quick));
    }
    assert_eq!(seen.len(), 2_000);
    is_a_chain(&seen);
    let late = pending(&mut slow);
    assert_eq!(late.iter().map(told).collect::<Vec<_>>(), ["db healthy-degraded", "ready healthy-degraded"]);
    assert!(late.iter().all(|transition| transition.missed() == 999), "{late:?}");
    assert_eq!(late.iter().map(Transition::sequence).max(), seen.iter().map(Transition::sequence).max());
}

#[test]
fn the_last_word_is_never_lost_whoever_changes_what() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let health = runtime.block_on(async { Health::builder().build().unwrap().start() });
    let readers: Vec<_> = (0..4)
        .map(|reader| {
            let mut subscription = health.subscribe();
            let (says, said) = mpsc::channel();
            thread::spawn(move || {
                let mut all = Vec::new();
                while let Some(transition) = block_on(subscription.next()) {
                    all.push(transition);
                    if reader % 2 == 1 {
                        thread::sleep(MS);
                    }
                }
                says.send(all).unwrap();
            });
            said
        })
        .collect();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    health.drain();
                    health.resume();
                }
            });
        }
    });
    health.drain();
    drop(health);
    for said in readers {
        let all = said.recv_timeout(PATIENCE).expect("it is told of the end");
        is_a_chain(&all);
        let last_phase = all.iter().rev().find_map(|transition| match transition.change() {
            Change::Phase { to, .. } => Some(*to),
            _ => None,
        });
        assert_eq!(last_phase, Some(Phase::Draining));
        let last_ready = all.iter().rev().map(told).find(|told| told.starts_with("ready "));
        assert!(last_ready.is_some_and(|told| told.ends_with("-unhealthy")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_keeps_nothing_alive_and_ends_after_the_last_word() {
    let witness = Arc::new(());
    let weak = Arc::downgrade(&witness);
    let held = |_: Arc<()>| std::future::pending::<()>();
    let health = Health::builder()
        .check_with(Spec::named("holds").timeout("1h"), witness, held)
        .check_fn(Spec::named("well"), async || {})
        .build()
        .unwrap()
        .start();
    let (mut subscription, unread) = (health.subscribe(), health.subscribe());
    let waits = tokio::spawn({
        let mut subscription = health.subscribe();
        async move { while subscription.next().await.is_some() {} }
    });
    sleep(s(1)).await;
    assert!(weak.strong_count() > 0 && !waits.is_finished());
    drop(health);
    sleep(MS).await;
    assert_eq!(weak.strong_count(), 0, "while two subscriptions are held");
    assert!(waits.is_finished(), "who waits is told of the end");
    assert_eq!(pending(&mut subscription).iter().map(told).collect::<Vec<_>>(), ["well unknown-healthy"]);
    assert_eq!(subscription.next().await, None);
    assert_eq!(subscription.next().await, None, "and again");
    drop(unread);
}

/// What an observer was told, in words.
fn telling(says: mpsc::Sender<String>) -> impl FnMut(&Transition) + Send {
    // Nobody may be listening any more.
    move |transition| drop(says.send(told(transition)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observers_that_misbehave_harm_nobody() {
    health_tests::panics::are_expected(&["an observer"]);
    record();
    let (release, released) = mpsc::channel::<()>();
    let (panics, has_panicked) = mpsc::channel();
    let (blocks, has_blocked) = mpsc::channel();
    let (calls, has_called) = mpsc::channel();
    let (tells, heard) = mpsc::channel();
    let handle: Arc<Mutex<Option<Health>>> = Arc::default();
    let (given, mut has_acted) = (Arc::clone(&handle), false);
    let reporter = Reporter::new(Spec::named("watched").max_age("10h"));
    let health = Health::builder()
        .check_fn(Spec::named("alive").probe(Probe::Live).scope(Scope::Local).cache("1ms"), async || {})
        .reporter(&reporter)
        .observe(move |transition| {
            drop(panics.send(told(transition)));
            panic!("an observer");
        })
        .observe(move |_| {
            let _ = blocks.send(());
            assert!(released.recv().is_err());
        })
        .observe(move |transition| {
            let Some(health) = given.lock().unwrap().clone() else { return };
            let live = block_on(health.report(Probe::Live)).status();
            // Slow as it may be, it hears that the check is not well, and acts on it once.
            let acts = told(transition).ends_with("-unhealthy") && told(transition).starts_with("watched ");
            if acts && !std::mem::replace(&mut has_acted, true) {
                health.mute("watched", "1h", "seen").unwrap();
                health.drain();
                health.resume();
            }
            let history = health.history("watched").unwrap().transitions().len();
            drop(calls.send((told(transition), live, history > 0, health.status(Probe::Ready))));
        })
        .observe(telling(tells))
        .build()
        .unwrap()
        .start();
    *handle.lock().unwrap() = Some(health.clone());

    reporter.healthy();
    let hears = |expected: &str| {
        while heard.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{expected} was not told")) != expected {
        }
    };
    hears("watched unknown-healthy");
    has_blocked.recv_timeout(PATIENCE).unwrap();
    for turn in 0..20 {
        reporter.unhealthy(Failure::new("gone").because("secret"));
        hears("watched healthy-unhealthy");
        assert_eq!(health.report(Probe::Live).await.status(), Status::Healthy, "in turn {turn}");
        if turn == 0 {
            // Out of the callback, and told to everybody.
            hears("watched muted");
            while !has_called.recv_timeout(PATIENCE).unwrap().0.ends_with("-unhealthy") {}
        }
        reporter.healthy();
        hears("watched unhealthy-healthy");
    }
    assert_eq!(health.status(Probe::Ready), Status::Healthy);
    let called: Vec<_> = has_called.try_iter().collect();
    assert!(
        called.iter().all(|(_, live, has_history, _)| *live == Status::Healthy && *has_history),
        "{called:?}"
    );
    // It goes on being called, and its panics are logged once.
    assert!(has_panicked.recv_timeout(PATIENCE).is_ok() && has_panicked.recv_timeout(PATIENCE).is_ok());
    assert_eq!(lines_with(&["an observer panicked", "error=an observer"]).len(), 1);

    let (ends, has_ended) = mpsc::channel();
    let last = handle.lock().unwrap().take();
    thread::spawn(move || {
        drop((last, health));
        ends.send(()).unwrap();
    });
    has_ended.recv_timeout(PATIENCE).expect("the end waits for no observer");
    // The others are let go with it, the one that blocks when it is released.
    while heard.recv_timeout(PATIENCE).is_ok() {}
    assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn the_past_of_a_check_is_bounded_and_counts_everything() {
    let (health, reporter) = reported("db");
    assert!(health.history("dv").is_none());
    let empty = health.history("db").unwrap();
    assert!(empty.transitions().is_empty() && empty.since().is_none() && empty.last_failure().is_none());
    says(&reporter, Status::Healthy);
    for turn in 0..50 {
        says(&reporter, if turn % 2 == 0 { Status::Unhealthy } else { Status::Healthy });
        // The same again is no transition.
        says(&reporter, if turn % 2 == 0 { Status::Unhealthy } else { Status::Healthy });
    }
    let history = health.history("db").unwrap();
    assert_eq!(history.transitions().len(), 32);
    is_a_chain(history.transitions());
    assert!(history.transitions().iter().all(|transition| transition.missed() == 0));
    assert_eq!(history.transitions().last().map(told).as_deref(), Some("db unhealthy-healthy"));
    let entered = |status| history.times_entered(status);
    assert_eq!((entered(Ok(Status::Healthy)), entered(Ok(Status::Unhealthy))), (26, 25));
    assert_eq!((entered(Ok(Status::Degraded)), entered(Err(Unknown::Stale))), (0, 0));
    let (success, failure) = (history.last_success().unwrap(), history.last_failure().unwrap());
    assert!(success >= failure && history.since().unwrap() >= failure, "{history:?}");
}

#[tokio::test(start_paused = true)]
async fn the_time_in_each_status_adds_up() {
    let (health, reporter) = reported("db");
    let mut expected = HashMap::new();
    let steps = [
        (Status::Unhealthy, s(3)),
        (Status::Healthy, s(3_600)),
        (Status::Degraded, s(60)),
        (Status::Unhealthy, s(7)),
        (Status::Healthy, s(11)),
        (Status::Unhealthy, s(1)),
    ];
    for (status, time) in steps {
        says(&reporter, status);
        sleep(time).await;
        *expected.entry(status).or_insert(Duration::ZERO) += time;
    }
    let ready = health.time_in(Probe::Ready);
    for (status, time) in expected {
        assert!(
            ready.spent(status).abs_diff(time) <= 5 * MS,
            "{status}: {:?}, not {time:?}",
            ready.spent(status)
        );
    }
    let times = Status::ALL.map(|status| ready.times_entered(status));
    assert_eq!(times, [2, 1, 2], "it began unhealthy");
    let live = health.time_in(Probe::Live);
    assert!(live.spent(Status::Healthy).abs_diff(s(3_682)) <= 5 * MS);
    assert_eq!(Status::ALL.map(|status| live.times_entered(status)), [0; 3]);
}

/// Stays with the process: nobody may rely on a reader that reads.
static UNREAD: OnceLock<Mutex<Vec<Subscription>>> = OnceLock::new();

#[tokio::test(start_paused = true)]
async fn readers_that_never_read_hold_up_nobody() {
    let (health, reporter) = reported("db");
    UNREAD.set(Mutex::new((0..1_000).map(|_| health.subscribe()).collect())).unwrap();
    let mut subscription = health.subscribe();
    for turn in 0..100 {
        says(&reporter, if turn % 2 == 0 { Status::Unhealthy } else { Status::Healthy });
    }
    assert_eq!(pending(&mut subscription).iter().map(Transition::missed).max(), Some(99));
    drop(health);
    assert_eq!(subscription.next().await, None);
}
