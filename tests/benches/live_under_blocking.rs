//! `live_under_blocking`: some of ten ready checks block their thread for 100 ms, as no asynchronous check may. When
//! are the others known, and what does an answer about live take meanwhile, beside what it takes when all is idle?
//!
//! Run with: `cargo bench -p health-tests --bench live_under_blocking`
//!
//! The engine is on a runtime with two worker threads; pollers are on runtimes of their own, as those of an HTTP server
//! are. Rounds are interleaved: live while idle, live while idle again, live during a round of ready. That a check is
//! known is seen by asking, which takes up to 2 ms.

mod measuring;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use health_core::{Assembly, Health, Probe, Scope, Spec};
use measuring::{Measured, ms};
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 21;
const CHECKS: usize = 10;
const BLOCKED: Duration = Duration::from_millis(100);
/// How long live is asked about in each part of a round, at least.
const PART: Duration = Duration::from_millis(200);
/// How long what was observed stays fresh: no check runs twice in a round.
const FRESH: &str = "400ms";

type Start = fn(Assembly) -> Health;

/// The ways to start an engine, by name.
const STARTS: &[(&str, Start)] = &[
    ("start()", Assembly::start),
    ("start_dedicated()", |assembly| assembly.start_dedicated().expect("threads")),
];

fn assembly(blocking: usize) -> Assembly {
    let live = Spec::named("loop").probe(Probe::Live).scope(Scope::Local);
    let mut builder = Health::builder().check_fn(live, || async {});
    for n in 0..CHECKS {
        // Those that block are among the others, as names would have it.
        let blocks = n % (CHECKS / blocking) == 0 && n / (CHECKS / blocking) < blocking;
        let name = if blocks { format!("check-{n}/blocks") } else { format!("check-{n}") };
        let spec = Spec::named(name).interval("never").cache(FRESH);
        builder = builder.check_fn(spec, move || async move {
            if blocks {
                thread::sleep(BLOCKED);
            }
        });
    }
    builder.build().expect("valid")
}

fn poller() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Asks about live until it is told to end, in microseconds.
fn asks_live(health: &Health, ended: &AtomicBool) -> Vec<f64> {
    let mut took = Vec::new();
    poller().block_on(async {
        while !ended.load(Ordering::Relaxed) {
            let began = Instant::now();
            drop(health.report(Probe::Live).await);
            took.push(ms(began.elapsed()) * 1e3);
            thread::sleep(Duration::from_micros(200));
        }
    });
    took
}

/// What live took during this work, and what came of the work.
fn beside<R>(health: &Health, work: impl FnOnce() -> R) -> (Vec<f64>, R) {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = scope.spawn(|| asks_live(health, &ended));
        let began = Instant::now();
        let result = work();
        thread::sleep(PART.saturating_sub(began.elapsed()));
        ended.store(true, Ordering::Relaxed);
        (asking.join().expect("no panic"), result)
    })
}

/// Makes all ten checks run, and returns after how many milliseconds those that do not block were known.
fn round(health: &Health, runtime: &Runtime) -> f64 {
    let (began, at) = (Instant::now(), SystemTime::now());
    loop {
        let report = runtime.block_on(health.report_within(Probe::Ready, Duration::ZERO));
        let mut others = report.entries().iter().filter(|entry| !entry.name().ends_with("/blocks"));
        if others.all(|entry| entry.at().is_some_and(|run| run >= at)) {
            let known = ms(began.elapsed());
            // The next round begins when nothing of this one is under way.
            runtime.block_on(health.report(Probe::Ready));
            return known;
        }
        thread::sleep(Duration::from_micros(100));
    }
}

fn measure(name: &str, start: Start, blocking: usize) {
    let engine = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let health = engine.block_on(async { start(assembly(blocking)) });
    let runtime = poller();
    runtime.block_on(health.report(Probe::Ready));
    let (mut idle, mut again, mut busy, mut known) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        idle.extend(beside(&health, || ()).0);
        again.extend(beside(&health, || ()).0);
        let (live, others) = beside(&health, || round(&health, &runtime));
        busy.extend(live);
        known.push(others);
    }
    let known = Measured::of(known);
    println!("\n{name}, {blocking} of {CHECKS} block for {BLOCKED:?}");
    println!("  the others are known after {:.2} ms ({})", known.median(), known.spread());
    let (idle, again, busy) = (Measured::of(idle), Measured::of(again), Measured::of(busy));
    for (when, took) in [("idle", &idle), ("idle again", &again), ("blocked", &busy)] {
        let [half, most, all] = [0.5, 0.99, 1.0].map(|share| took.quantile(share));
        println!("  live, {when:<10} p50 {half:>9.1}  p99 {most:>9.1}  max {all:>9.1} µs");
    }
    println!(
        "  p99 of live beside idle: {:.2} (idle against itself {:.2})",
        busy.quantile(0.99) / idle.quantile(0.99),
        again.quantile(0.99) / idle.quantile(0.99)
    );
}

fn main() {
    println!("{ROUNDS} interleaved rounds, medians (smallest-largest)");
    for (name, start) in STARTS {
        for blocking in [1, 4] {
            measure(name, *start, blocking);
        }
    }
}
