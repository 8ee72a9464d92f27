//! A program that serves its health, says what its checks do, and obeys the lines on its input: `hold` holds the next
//! run of those that can be held, `stall` the thread of the engine until the blocking one has been begun anew, `release`
//! lets go of two of them, `tell` tells what was observed.

use std::io::{self, BufRead as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use actix_web::{App, HttpServer};
use health_core::{Exposure, Health, HealthConfig, Heartbeat, Outcome, Probe, Scope, Spec, Status, Unknown};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

const CHECKS: [&str; 6] = ["alive", "blocking", "quick", "released", "runtime", "stuck"];

/// A check whose next run can be held. What a run says that was held is of the time before it was held.
struct Held {
    name: &'static str,
    runs: AtomicUsize,
    is_next: AtomicBool,
    release: Semaphore,
    released: Latch,
    was_held: AtomicBool,
    begun_anew: Latch,
}

#[derive(Default)]
struct Latch(Mutex<bool>, Condvar);

impl Latch {
    fn open(&self) {
        *self.0.lock().expect("no panic") = true;
        self.1.notify_all();
    }

    fn wait(&self) {
        let is_open = self.0.lock().expect("no panic");
        drop(self.1.wait_while(is_open, |is_open| !*is_open));
    }
}

impl Held {
    fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name,
            runs: AtomicUsize::new(0),
            is_next: AtomicBool::new(false),
            release: Semaphore::new(0),
            released: Latch::default(),
            was_held: AtomicBool::new(false),
            begun_anew: Latch::default(),
        })
    }

    /// The number of the run, and whether it is held.
    fn begins(&self) -> (usize, bool) {
        let run = self.runs.fetch_add(1, Ordering::SeqCst) + 1;
        let is_held = self.is_next.swap(false, Ordering::SeqCst);
        println!("{} {run} {}", self.name, if is_held { "is held" } else { "begins" });
        (run, is_held)
    }

    async fn run(self: Arc<Self>) -> Outcome {
        let (run, is_held) = self.begins();
        if is_held {
            let gone = Gone(self.name, run);
            self.release.acquire().await.expect("never closed").forget();
            drop(gone);
            return Outcome::degraded("from before");
        }
        Outcome::healthy().with_summary(run.to_string())
    }

    fn block(&self) -> Outcome {
        let (run, is_held) = self.begins();
        if is_held {
            self.released.wait();
            self.was_held.store(true, Ordering::SeqCst);
            return Outcome::degraded("from before");
        }
        if self.was_held.swap(false, Ordering::SeqCst) {
            self.begun_anew.open();
            // As long as it takes the engine to look at it.
            std::thread::sleep(Duration::from_millis(200));
        }
        Outcome::healthy().with_summary(run.to_string())
    }

    fn release(&self) {
        self.release.add_permits(1);
        self.released.open();
    }
}

/// Says when a run that is held is over or dropped.
struct Gone(&'static str, usize);

impl Drop for Gone {
    fn drop(&mut self) {
        println!("{} {} is gone", self.0, self.1);
    }
}

fn obey(health: &Health, engine: &Handle, [stuck, released, blocking]: [Arc<Held>; 3]) {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        match &*line {
            "hold" => {
                for held in [&stuck, &released, &blocking] {
                    held.is_next.store(true, Ordering::SeqCst);
                }
            }
            "stall" => {
                let blocking = Arc::clone(&blocking);
                engine.spawn(async move {
                    println!("stalled");
                    blocking.begun_anew.wait();
                });
            }
            "release" => [&released, &blocking].into_iter().for_each(|held| held.release()),
            "tell" => {
                for name in CHECKS {
                    let history = health.history(name).expect("it is there");
                    let entered = |status| history.times_entered(status);
                    println!(
                        "{name} failed {} degraded {} unhealthy {} stale {}",
                        history.last_failure().is_some(),
                        entered(Ok(Status::Degraded)),
                        entered(Ok(Status::Unhealthy)),
                        entered(Err(Unknown::Stale)),
                    );
                }
                println!("told");
            }
            other => panic!("{other:?} is no order"),
        }
    }
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let [alive, quick, stuck, released, blocking] =
        ["alive", "quick", "stuck", "released", "blocking"].map(Held::new);
    let (calls, held) = (Arc::clone(&blocking), [&stuck, &released, &blocking].map(Arc::clone));
    let live = Spec::named("alive").probe(Probe::Live).scope(Scope::Local);
    let health = Health::builder()
        .check_with(live, alive, Held::run)
        .check_with(Spec::named("quick"), quick, Held::run)
        .check_with(Spec::named("stuck"), stuck, Held::run)
        .check_with(Spec::named("released"), released, Held::run)
        .check_blocking(Spec::named("blocking"), move || calls.block())
        .heartbeat(Heartbeat::new().unhealthy_after("3s"))
        .deadline("10s")
        .config(HealthConfig::from_env())
        .build()?
        .start();
    let (obeys, engine) = (health.clone(), Handle::current());
    std::thread::spawn(move || obey(&obeys, &engine, held));
    let endpoints = health_actix::endpoints(health).exposure(Exposure::Checks);
    let server =
        HttpServer::new(move || App::new().service(endpoints.clone())).workers(2).bind(("127.0.0.1", 0))?;
    println!("listening on {}", server.addrs().first().expect("it is bound"));
    server.run().await
}
