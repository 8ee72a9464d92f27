//! A dedicated engine: it needs no runtime of the application, and a check that blocks its thread costs itself alone.

use std::collections::HashSet;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use health_core::{Ended, Health, HealthBuilder, Probe, Report, Scope, Spec, Status};
use tokio::runtime::{Builder, Handle};

const PATIENCE: Duration = Duration::from_secs(60);
const CHECKS: usize = 12;

/// Checks wait here until they are let go, and with them the threads that poll them.
#[derive(Clone, Default)]
struct Barrier(Arc<(Mutex<bool>, Condvar)>);

impl Barrier {
    fn block(&self) {
        let is_open = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(is_open, |is_open| !*is_open).unwrap());
    }

    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

/// So that a test that fails leaves no thread behind.
impl Drop for Barrier {
    fn drop(&mut self) {
        if thread::panicking() {
            self.open();
        }
    }
}

/// Twelve checks, asked anew by every poll; the first so many of them block their thread.
struct Bench {
    health: Health,
    barrier: Barrier,
    begun: Vec<Arc<AtomicUsize>>,
}

fn name(check: usize) -> String {
    format!("check-{check:02}")
}

impl Bench {
    fn new(blocked: usize, configure: impl FnOnce(HealthBuilder) -> HealthBuilder) -> Self {
        let barrier = Barrier::default();
        let begun: Vec<_> = (0..CHECKS).map(|_| Arc::new(AtomicUsize::new(0))).collect();
        let live = Spec::named("live").probe(Probe::Live).scope(Scope::Local).cache("1ms");
        let mut builder = Health::builder().check_fn(live, async || {});
        for (check, begun) in begun.iter().enumerate() {
            let blocks = (check < blocked).then(|| barrier.clone());
            let begun = Arc::clone(begun);
            let spec = Spec::named(name(check)).timeout("100ms").interval("200ms").cache("1ms");
            builder = builder.check_fn(spec, move || {
                begun.fetch_add(1, Ordering::SeqCst);
                if let Some(barrier) = &blocks {
                    barrier.block();
                }
                async {}
            });
        }
        let health = configure(builder).build().unwrap().start_dedicated().unwrap();
        Self { health, barrier, begun }
    }

    fn begun(&self, check: usize) -> usize {
        self.begun[check].load(Ordering::SeqCst)
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn ended(report: &Report, check: usize) -> Option<Ended> {
    report.entry(&name(check)).unwrap().ended()
}

/// From the first moment on, with nothing released: the others are observed, live answers, what blocks is reported.
#[test]
fn what_blocks_its_thread_costs_itself_alone() {
    for blocked in [1, 4, 10] {
        let bench = Bench::new(blocked, |builder| builder);
        let Bench { health, barrier, .. } = &bench;
        for check in blocked..CHECKS {
            until("the others are known", || {
                let report = block_on(health.check(&name(check))).unwrap();
                report.status() == Status::Healthy
            });
        }
        assert_eq!(block_on(health.report(Probe::Live)).status(), Status::Healthy, "{blocked} block");
        until("what blocks is reported", || {
            let report = block_on(health.report(Probe::Ready));
            (0..blocked).all(|check| ended(&report, check) == Some(Ended::Timeout))
        });
        // And it stays so: the others are run again and again, what blocks is not begun a second time.
        let rounds: Vec<_> = (0..CHECKS).map(|check| bench.begun(check)).collect();
        until("the others go on", || {
            let report = block_on(health.report(Probe::Ready));
            assert_eq!(report.failing().count(), blocked, "{report:?}");
            (blocked..CHECKS).all(|check| bench.begun(check) > rounds[check] + 3)
        });
        assert_eq!(block_on(health.report(Probe::Live)).status(), Status::Healthy);
        for check in 0..blocked {
            assert_eq!(bench.begun(check), 1, "{} of {blocked} that block", name(check));
        }
        barrier.open();
        until("all are well when they are let go", || {
            block_on(health.report(Probe::Ready)).status() == Status::Healthy
        });
        assert!((0..blocked).all(|check| bench.begun(check) > 1));
    }
}

/// Neither a poll nor the next run comes by to see that it is past its timeout.
#[test]
fn what_blocks_is_noticed_though_nobody_asks() {
    let barrier = Barrier::default();
    let blocks = barrier.clone();
    let spec = Spec::named("blocks").timeout("100ms").interval("never");
    let builder = Health::builder().check_fn(spec, move || {
        blocks.block();
        async {}
    });
    let health = builder.build().unwrap().start_dedicated().unwrap();
    until("its timeout is observed", || health.history("blocks").unwrap().last_failure().is_some());
    barrier.open();
}

#[test]
fn what_blocks_gives_its_permit_back() {
    // Ten block, and there are permits for two.
    let bench = Bench::new(10, |builder| builder.max_runs(2));
    until("each gets its turn", || {
        let report = block_on(bench.health.report(Probe::Ready));
        let blocked = (0..10).all(|check| ended(&report, check) == Some(Ended::Timeout));
        blocked && (10..CHECKS).all(|check| ended(&report, check) == Some(Ended::Returned(Status::Healthy)))
    });
    assert!((0..10).all(|check| bench.begun(check) == 1));
    bench.barrier.open();
}

#[test]
fn dropping_it_waits_for_nothing() {
    for blocked in [1, 4, 10] {
        let bench = Bench::new(blocked, |builder| builder);
        until("they block", || (0..blocked).all(|check| bench.begun(check) == 1));
        let Bench { health, barrier, begun } = bench;
        let (says, said) = mpsc::channel();
        let drops = thread::spawn(move || {
            drop(health);
            says.send(()).unwrap();
        });
        // Nothing is released before it has returned.
        said.recv_timeout(PATIENCE).expect("it returns while they block");
        drops.join().unwrap();
        let runs: Vec<_> = begun.iter().map(|begun| begun.load(Ordering::SeqCst)).collect();
        barrier.open();
        // Who was let go takes what it had borrowed with it, and no run begins any more.
        until("nothing is left of the checks", || begun.iter().all(|begun| Arc::strong_count(begun) == 1));
        let after: Vec<_> = begun.iter().map(|begun| begun.load(Ordering::SeqCst)).collect();
        assert!(runs.iter().zip(&after).all(|(before, after)| after - before <= 1), "{runs:?} {after:?}");
    }
}

#[test]
fn the_process_ends_while_they_block() {
    let began = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_returns_while_stuck")).arg("dedicated").status().unwrap();
    assert!(status.success(), "{status}");
    // They block for a minute; a second is what is promised, and a busy machine is given ten.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn a_check_may_spawn_and_wait_and_is_dropped_at_its_timeout() {
    struct Dropped(mpsc::Sender<()>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            // Nobody listens to the later ones.
            let _ = self.0.send(());
        }
    }
    let (says, said) = mpsc::channel();
    let spawns = async || {
        let task = tokio::spawn(async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            thread::current().name().map(str::to_owned)
        });
        let served_by = task.await.unwrap();
        assert_ne!(
            served_by,
            thread::current().name().map(str::to_owned),
            "the engine's own threads poll checks"
        );
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (connected, accepted) =
            tokio::join!(tokio::net::TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        assert!(connected.is_ok() && accepted.is_ok());
    };
    let hangs = move || {
        let dropped = Dropped(says.clone());
        async move {
            let _dropped = dropped;
            std::future::pending::<()>().await;
        }
    };
    assert!(Handle::try_current().is_err(), "outside any runtime");
    let health = Health::builder()
        .check_fn(Spec::named("spawns").timeout("30s"), spawns)
        .check_fn(Spec::named("hangs").timeout("50ms"), hangs)
        .deadline("60s")
        .build()
        .unwrap()
        .start_dedicated()
        .unwrap();
    let report = block_on(health.report(Probe::Ready));
    assert_eq!(report.failing().collect::<Vec<_>>(), ["hangs"], "{report:?}");
    assert_eq!(report.entry("hangs").unwrap().ended(), Some(Ended::Timeout));
    said.recv_timeout(PATIENCE).expect("its destructor has run");
}

#[test]
fn a_poll_from_any_executor_is_answered_by_its_deadline() {
    let health = Health::builder()
        .check_fn(Spec::named("slow").timeout("1h"), std::future::pending::<()>)
        .deadline("50ms")
        .build()
        .unwrap()
        .start_dedicated()
        .unwrap();
    let without_timer = Builder::new_current_thread().build().unwrap();
    let with_timer = Builder::new_current_thread().enable_all().build().unwrap();
    let asks: [&dyn Fn() -> Report; 3] = [
        &|| block_on(health.report(Probe::Ready)),
        &|| without_timer.block_on(health.report(Probe::Ready)),
        &|| with_timer.block_on(health.report(Probe::Ready)),
    ];
    for (n, ask) in asks.into_iter().enumerate() {
        let asked = Instant::now();
        assert_eq!(ask().status(), Status::Unhealthy);
        assert!(asked.elapsed() >= Duration::from_millis(50) && asked.elapsed() < PATIENCE, "executor {n}");
    }
}

#[test]
fn the_application_may_say_on_which_runtime() {
    let named = |name: &str| {
        Builder::new_multi_thread().worker_threads(2).thread_name(name).enable_all().build().unwrap()
    };
    let (chosen, other) = (named("chosen"), named("other"));
    let (says, said) = mpsc::channel();
    let check = move || {
        let says = says.clone();
        let here = || (Handle::current().id(), thread::current().name().map(str::to_owned));
        async move {
            says.send(here()).unwrap();
            tokio::task::yield_now().await;
            tokio::spawn(async move { says.send(here()).unwrap() }).await.unwrap();
        }
    };
    let assembly = Health::builder().check_fn(Spec::named("where").cache("1ms"), check).build().unwrap();
    // Neither where it is started nor where it is asked decides it.
    let health = other.block_on(async { assembly.start_on(chosen.handle()) });
    assert_eq!(other.block_on(health.report(Probe::Ready)).status(), Status::Healthy);
    thread::sleep(Duration::from_millis(2));
    assert_eq!(block_on(health.report(Probe::Ready)).status(), Status::Healthy);
    let seen: HashSet<_> = said.try_iter().collect();
    assert_eq!(seen, HashSet::from([(chosen.handle().id(), Some("chosen".into()))]));
}
