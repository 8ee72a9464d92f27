//! Runtimes that are blocked, busy, idle and gone, and a clock that moves when it is told to.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::Status;

const PATIENCE: Duration = Duration::from_secs(60);

/// Runtimes and a clock that moves when it is told to, a tenth of a second at a time.
struct Bench {
    runtimes: Runtimes,
    now: Instant,
    last: Status,
    summary: String,
    said: usize,
}

impl Bench {
    fn new(limit: u64) -> Self {
        let runtimes = Runtimes::new(Duration::from_secs(limit));
        Self { runtimes, now: Instant::now(), last: Status::Healthy, summary: String::new(), said: 0 }
    }

    fn watching(name: &str, runtime: &Runtime) -> Self {
        let bench = Self::new(10);
        bench.watch(name, runtime);
        bench
    }

    fn watch(&self, name: &str, runtime: &Runtime) {
        self.runtimes.watch(name, runtime.handle().clone(), self.now);
    }

    fn names(&self) -> Vec<String> {
        self.runtimes.state().watched.iter().map(|watched| watched.name.clone()).collect()
    }

    /// Time that is kept.
    fn pass(&mut self, millis: u64) -> Status {
        for _ in 0..millis / 100 {
            self.now += Duration::from_millis(100);
            if let Some(outcome) = self.runtimes.sample(self.now) {
                self.last = outcome.status();
                self.summary = outcome.summary().unwrap_or_default().into();
                self.said += 1;
            }
        }
        self.last
    }

    /// Time in which the process was paused.
    fn pause(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.runtimes.resumed(self.now);
    }
}

/// Runs nothing until it is given the chance to.
fn idle() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// Gives it the chance to run all that it was given.
fn drive(runtime: &Runtime) {
    runtime.block_on(async {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn one_that_makes_no_progress_is_stuck_and_free_again_with_the_first() {
    let runtime = idle();
    let mut bench = Bench::watching("main", &runtime);
    assert_eq!(bench.pass(10_000), Status::Healthy, "pinged with the first look, a tenth of a second ago");
    assert_eq!(bench.pass(100), Status::Unhealthy);
    assert_eq!(bench.summary, "runtime `main` made no progress for 10s");
    bench.pass(62_000);
    assert_eq!(bench.summary, "runtime `main` made no progress for 1m 12s");
    drive(&runtime);
    assert_eq!(bench.pass(100), Status::Healthy);
    assert_eq!(bench.pass(9_900), Status::Healthy, "counted anew");
    assert_eq!(bench.pass(1_100), Status::Unhealthy);
}

#[test]
fn one_that_makes_progress_stays_well() {
    let runtime = idle();
    let mut bench = Bench::watching("main", &runtime);
    for _ in 0..100 {
        assert_eq!(bench.pass(9_900), Status::Healthy);
        drive(&runtime);
    }
    assert!((980..=1_000).contains(&bench.said), "about one in a second: {}", bench.said);
}

#[test]
fn one_is_given_a_task_once_a_second() {
    let runtime = idle();
    let mut bench = Bench::watching("main", &runtime);
    let mut pings = HashSet::new();
    for _ in 0..100 {
        bench.pass(100);
        drive(&runtime);
        pings.extend(bench.runtimes.state().watched.iter().map(|watched| watched.pinged));
    }
    assert_eq!(pings.len(), 10);
}

#[test]
fn time_that_was_not_kept_does_not_count() {
    let runtime = idle();
    let mut bench = Bench::watching("main", &runtime);
    for _ in 0..10 {
        assert_eq!(bench.pass(9_900), Status::Healthy);
        bench.pause(3_600);
    }
    assert_eq!(bench.pass(9_900), Status::Healthy);
    assert_eq!(bench.pass(200), Status::Unhealthy);
    bench.pause(3_600);
    assert_eq!(bench.pass(1_000), Status::Unhealthy, "a pause repairs nothing");
    drive(&runtime);
    assert_eq!(bench.pass(100), Status::Healthy);
}

#[test]
fn the_longest_stuck_is_named_and_the_others_counted() {
    let (first, second, third, well) = (idle(), idle(), idle(), idle());
    let mut bench = Bench::watching("worker 0", &first);
    bench.watch("well", &well);
    bench.pass(5_000);
    bench.watch("worker 1", &second);
    drive(&well);
    assert_eq!(bench.pass(6_000), Status::Unhealthy);
    drive(&well);
    bench.watch("worker 2", &third);
    bench.pass(5_000);
    assert_eq!(bench.summary, "runtime `worker 0` made no progress for 15s, and one other is stuck");
    drive(&well);
    bench.pass(6_000);
    assert_eq!(bench.summary, "runtime `worker 0` made no progress for 21s, and 2 others are stuck");
}

#[test]
fn one_that_is_shut_down_is_forgotten() {
    for after in [0, 500, 20_000] {
        let (runtime, other) = (idle(), idle());
        let mut bench = Bench::watching("gone", &runtime);
        bench.watch("other", &other);
        bench.pass(after);
        drop(runtime);
        drive(&other);
        assert_eq!(bench.pass(200), Status::Healthy);
        assert_eq!(bench.names(), ["other"]);
    }
}

#[test]
fn one_is_watched_once() {
    let (runtime, other) = (idle(), idle());
    let bench = Bench::watching("main", &runtime);
    bench.watch("again", &runtime);
    bench.watch("main", &other);
    assert_eq!(bench.names(), ["main", "main"]);
}

#[test]
fn without_any_there_is_nothing_wrong() {
    assert_eq!(Bench::new(10).pass(60_000), Status::Healthy);
}

/// Waits, in real time, until the ping has been taken up.
fn await_pong(bench: &Bench) {
    let (start, is_waiting) =
        (Instant::now(), |watched: &Watched| watched.ping.as_ref().is_none_or(|ping| !ping.is_finished()));
    while bench.runtimes.state().watched.iter().any(is_waiting) {
        assert!(start.elapsed() < PATIENCE, "the ping comes back");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn one_whose_only_thread_is_blocked_is_found() {
    let runtime = idle();
    let mut bench = Bench::watching("main", &runtime);
    let (barrier, (begins, has_begun)) = (Arc::new(Barrier::new(2)), mpsc::channel());
    let (ends, end) = tokio::sync::oneshot::channel::<()>();
    let held = Arc::clone(&barrier);
    let thread = thread::spawn(move || {
        runtime.block_on(async move {
            begins.send(()).unwrap();
            held.wait();
            assert!(end.await.is_err());
        });
    });
    has_begun.recv_timeout(PATIENCE).unwrap();
    assert_eq!(bench.pass(10_000), Status::Healthy);
    assert_eq!(bench.pass(1_000), Status::Unhealthy);
    barrier.wait();
    await_pong(&bench);
    assert_eq!(bench.pass(100), Status::Healthy);
    drop(ends);
    thread.join().unwrap();
    bench.pass(2_000);
    assert_eq!(bench.names(), [""; 0]);
}

#[test]
fn one_that_is_busy_and_yields_takes_its_ping_up() {
    const PINGS: usize = 5;
    for runtime in
        [Builder::new_current_thread().build(), Builder::new_multi_thread().worker_threads(2).build()]
    {
        let runtime = runtime.unwrap();
        let mut bench = Bench::watching("main", &runtime);
        let (stop, turns) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let load = async |stop: Arc<AtomicBool>, turns: Arc<AtomicUsize>| {
            while !stop.load(Ordering::Acquire) {
                let begun = Instant::now();
                while begun.elapsed() < Duration::from_millis(1) {
                    std::hint::spin_loop();
                }
                turns.fetch_add(1, Ordering::AcqRel);
                tokio::task::yield_now().await;
            }
        };
        let loads: Vec<_> =
            (0..20).map(|_| runtime.spawn(load(Arc::clone(&stop), Arc::clone(&turns)))).collect();
        let thread = thread::spawn(move || {
            runtime.block_on(async move {
                for load in loads {
                    load.await.unwrap();
                }
            });
        });
        for _ in 0..PINGS {
            let before = turns.load(Ordering::Acquire);
            assert_eq!(bench.pass(1_000), Status::Healthy);
            await_pong(&bench);
            let taken = turns.load(Ordering::Acquire) - before;
            // At 50 ms each, in turns on two cores, this is five seconds.
            assert!(taken <= 200, "it was passed over {taken} times");
        }
        stop.store(true, Ordering::Release);
        thread.join().unwrap();
    }
}
