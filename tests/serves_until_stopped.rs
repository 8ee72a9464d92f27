//! A program that serves its health, says what its checks do, and obeys the lines on its input: `hold` holds the next
//! run of those that can be held, `release` lets go of two of them, `tell` tells what was observed.

use std::io::{self, BufRead as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use actix_web::{App, HttpServer};
use health_core::{Exposure, Health, HealthConfig, Heartbeat, Outcome, Probe, Scope, Spec, Status, Unknown};
use tokio::sync::Semaphore;

const CHECKS: [&str; 6] = ["alive", "blocking", "quick", "released", "runtime", "stuck"];

/// A check whose next run can be held. What a run says that was held is of the time before it was held.
struct Held {
    name: &'static str,
    runs: AtomicUsize,
    is_next: AtomicBool,
    release: Semaphore,
    is_released: Mutex<bool>,
    has_released: Condvar,
}

impl Held {
    fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name,
            runs: AtomicUsize::new(0),
            is_next: AtomicBool::new(false),
            release: Semaphore::new(0),
            is_released: Mutex::new(false),
            has_released: Condvar::new(),
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
            let is_released = self.is_released.lock().expect("no panic");
            drop(self.has_released.wait_while(is_released, |is_released| !*is_released));
            return Outcome::degraded("from before");
        }
        Outcome::healthy().with_summary(run.to_string())
    }

    fn release(&self) {
        self.release.add_permits(1);
        *self.is_released.lock().expect("no panic") = true;
        self.has_released.notify_all();
    }
}

/// Says when a run that is held is over or dropped.
struct Gone(&'static str, usize);

impl Drop for Gone {
    fn drop(&mut self) {
        println!("{} {} is gone", self.0, self.1);
    }
}

fn obey(health: &Health, [stuck, released, blocking]: [Arc<Held>; 3]) {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        match &*line {
            "hold" => {
                for held in [&stuck, &released, &blocking] {
                    held.is_next.store(true, Ordering::SeqCst);
                }
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
    let obeys = health.clone();
    std::thread::spawn(move || obey(&obeys, held));
    let endpoints = health_actix::endpoints(health).exposure(Exposure::Checks);
    let server =
        HttpServer::new(move || App::new().service(endpoints.clone())).workers(2).bind(("127.0.0.1", 0))?;
    println!("listening on {}", server.addrs().first().expect("it is bound"));
    server.run().await
}
