//! The heartbeat: live turns red when a runtime of this process makes no progress, and only then.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::web;
use health_core::{Exposure, Health, Heartbeat, Probe, Report, Spec, Status};
use health_tests::http::{Wire, serve};
use tokio::runtime::{Builder, Runtime};

const PATIENCE: Duration = Duration::from_secs(60);

fn runtime(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap()
}

fn with_heartbeat(limit: &str) -> Health {
    let builder = Health::builder().heartbeat(Heartbeat::new().unhealthy_after(limit.to_owned()));
    builder.check_fn(Spec::named("other"), async || {}).build().unwrap().start()
}

fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn summary(report: &Report) -> String {
    report.entry("runtime").unwrap().summary().unwrap_or_default().to_owned()
}

#[test]
fn the_runtime_of_the_engine_that_is_stuck_turns_live_red_until_it_goes_on() {
    for workers in [1, 2] {
        let (engines, other) = (runtime(workers), runtime(1));
        let health = engines.block_on(async { with_heartbeat("1s") });
        let live = || other.block_on(health.report(Probe::Live));
        assert_eq!(live().status(), Status::Healthy);
        // Every thread of it waits for a message that does not come.
        let (stuck, has_stuck) = mpsc::channel();
        let began = Instant::now();
        let releases: Vec<_> = (0..workers)
            .map(|_| {
                let ((release, released), stuck) = (mpsc::channel::<()>(), stuck.clone());
                engines.spawn(async move {
                    stuck.send(()).unwrap();
                    assert!(released.recv().is_err());
                });
                has_stuck.recv_timeout(PATIENCE).unwrap();
                release
            })
            .collect();
        let (red, words) = until("live turns red", || {
            let report = live();
            (report.status() == Status::Unhealthy).then(|| (began.elapsed(), summary(&report)))
        });
        assert!(words.starts_with("runtime `of the engine` made no progress for "), "{words}");
        // A poll may wait for its deadline once, and a busy machine is slow.
        assert!(red >= Duration::from_secs(1) && red < Duration::from_secs(6), "{red:?}");
        assert_eq!(health.status(Probe::Live), Status::Unhealthy);
        assert_eq!(other.block_on(health.report(Probe::Live)).failing().collect::<Vec<_>>(), ["runtime"]);
        drop(releases);
        until("live is green again", || (live().status() == Status::Healthy).then_some(()));
    }
}

#[test]
fn one_thread_of_several_that_blocks_is_not_a_runtime_that_is_stuck() {
    let (engines, other) = (runtime(2), runtime(1));
    let health = engines.block_on(async { with_heartbeat("1s") });
    let (release, released) = mpsc::channel::<()>();
    let (stuck, has_stuck) = mpsc::channel();
    engines.spawn(async move {
        stuck.send(()).unwrap();
        assert!(released.recv().is_err());
    });
    has_stuck.recv_timeout(PATIENCE).unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        let report = other.block_on(health.report(Probe::Live));
        assert_eq!(report.status(), Status::Healthy, "{report:?}");
        thread::sleep(Duration::from_millis(50));
    }
    drop(release);
}

async fn where_it_is() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

async fn ask(wire: &mut Wire, path: &str) -> (u16, String) {
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    let answer = wire.answer().await;
    (answer.code, answer.body)
}

/// A server with two workers, under an actix system or under a runtime of Tokio alone, which run their workers
/// differently. It serves until the process ends.
fn start(is_actix: bool, released: mpsc::Receiver<()>) -> SocketAddr {
    let (says, said) = mpsc::channel();
    let released = Arc::new(Mutex::new(released));
    thread::spawn(move || {
        let serving = async {
            let endpoints = health_actix::endpoints(with_heartbeat("1s")).exposure(Exposure::Checks);
            let served = serve(2, move |config| {
                let released = Arc::clone(&released);
                let block = web::to(move || {
                    // What no handler may do.
                    assert!(released.lock().unwrap().recv().is_err());
                    std::future::ready("released")
                });
                config
                    .service(endpoints.clone())
                    .route("/where", web::to(where_it_is))
                    .route("/block", block);
            });
            says.send(served.address).unwrap();
            std::future::pending::<()>().await;
        };
        if is_actix { actix_web::rt::System::new().block_on(serving) } else { runtime(1).block_on(serving) }
    });
    said.recv_timeout(PATIENCE).unwrap()
}

async fn a_worker_is_blocked(is_actix: bool) {
    let (release, released) = mpsc::channel::<()>();
    let address = start(is_actix, released);
    // A connection to each worker, each of which has been asked.
    let mut wires = HashMap::new();
    while wires.len() < 2 {
        let mut wire = Wire::to(address).await;
        assert_eq!(ask(&mut wire, "/health/live").await.0, 200);
        let (_, worker) = ask(&mut wire, "/where").await;
        wires.entry(worker).or_insert(wire);
    }
    let mut wires: Vec<_> = wires.into_iter().collect();
    let ((_, mut good), (blocked, mut bad)) = (wires.remove(0), wires.remove(0));

    bad.send("GET /block HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let began = Instant::now();
    let body = loop {
        let (code, body) = ask(&mut good, "/health/live").await;
        if code == 503 {
            break body;
        }
        assert!(began.elapsed() < PATIENCE, "live turns red");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let red = began.elapsed();
    assert!(red >= Duration::from_secs(1) && red < Duration::from_secs(6), "{red:?}");
    let said = format!("runtime `{blocked}` made no progress for ");
    assert!(body.contains(&said), "`{said}` in {body}");
    drop(release);
    assert_eq!(bad.answer().await.body, "released");
    for wire in [&mut good, &mut bad] {
        let began = Instant::now();
        while ask(wire, "/health/live").await.0 != 200 {
            assert!(began.elapsed() < PATIENCE, "live is green again");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn a_worker_of_actix_that_is_blocked_turns_live_red_on_the_other() {
    a_worker_is_blocked(true).await;
}

#[tokio::test]
async fn a_worker_under_tokio_alone_that_is_blocked_turns_live_red_on_the_other() {
    a_worker_is_blocked(false).await;
}

/// Ten tasks for each processor, each of which lets the others go on after 50 ms.
#[test]
fn a_runtime_that_is_busy_and_yields_stays_green() {
    let (limit, long_enough) = match std::env::var("HEALTH_LONG").as_deref() {
        Ok("1") => ("10s", Duration::from_secs(60)),
        // Half as patient as it is busy, so that it could turn red.
        _ => ("3s", Duration::from_secs(6)),
    };
    let processors = thread::available_parallelism().unwrap().get();
    let (engines, other) = (runtime(processors), runtime(1));
    let health = engines.block_on(async { with_heartbeat(limit) });
    let (is_over, turns) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    for _ in 0..10 * processors {
        let (is_over, turns) = (Arc::clone(&is_over), Arc::clone(&turns));
        engines.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let began = Instant::now();
                while began.elapsed() < Duration::from_millis(50) {
                    std::hint::spin_loop();
                }
                turns.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
    }
    let began = Instant::now();
    while began.elapsed() < long_enough {
        let report = other.block_on(health.report(Probe::Live));
        assert_eq!(report.status(), Status::Healthy, "after {:?}: {report:?}", began.elapsed());
        thread::sleep(Duration::from_millis(100));
    }
    is_over.store(true, Ordering::Relaxed);
    // It was busy: the tasks had most of the time of all its threads.
    let worked = Duration::from_millis(50) * u32::try_from(turns.load(Ordering::Relaxed)).unwrap();
    let all = began.elapsed() * u32::try_from(processors).unwrap();
    assert!(worked > all / 2, "{worked:?} of {all:?}");
}

#[tokio::test]
async fn without_a_heartbeat_nothing_is_called_runtime() {
    let health = Health::builder().check_fn(Spec::named("other"), async || {}).build().unwrap().start();
    health.watch_runtime("nobody looks");
    assert!(health.check("runtime").await.is_none() && health.history("runtime").is_none());
    for report in [health.overview().await, health.report(Probe::Live).await] {
        assert!(report.entry("runtime").is_none(), "{report:?}");
    }
    let with = with_heartbeat("10s");
    assert_eq!(with.report(Probe::Live).await.entry("runtime").unwrap().status(), Ok(Status::Healthy));
    assert!(with.report(Probe::Ready).await.entry("runtime").is_none(), "it joins live alone");
}
