//! `round_ready_N`: what a round of N ready checks costs, beside N bare futures spawned with a timeout each in the same
//! run.
//!
//! Run with: `cargo bench -p health-tests --bench round`, for some sizes only `... --bench round -- 100 1000`
//!
//! Rounds are interleaved: reference, round, reference, round. Printed are medians, the ratio of the medians, the same
//! ratio of the reference to itself, and the allocations of one round.

use std::hint::black_box;
use std::time::{Duration, Instant};

use health_core::{Health, Probe, Spec, Status};
use tokio::runtime::Runtime;

const ROUNDS: usize = 41;

fn health(checks: usize) -> Health {
    let mut builder = Health::builder().deadline("10s");
    for n in 0..checks {
        // Never fresh, so that every poll is a round; never run by itself, so that none is beside it.
        let spec = Spec::named(format!("check-{n}")).interval("never").cache("1ns");
        builder = builder.check_fn(spec, || async {});
    }
    builder.build().expect("valid").start()
}

async fn reference(checks: usize) {
    let spawn = |_| {
        let work: futures::future::BoxFuture<'static, ()> = Box::pin(async {});
        tokio::spawn(tokio::time::timeout(Duration::from_millis(700), work))
    };
    let tasks: Vec<_> = (0..checks).map(spawn).collect();
    for task in tasks {
        task.await.expect("no panic").expect("in time");
    }
}

async fn round(health: &Health) {
    assert_eq!(black_box(health.report(Probe::Ready).await).status(), Status::Healthy);
}

/// Nanoseconds per check, of as many repetitions as make the clock's own cost vanish.
fn timed(runtime: &Runtime, checks: usize, mut work: impl AsyncFnMut()) -> f64 {
    let repetitions = (2_000 / checks).max(1);
    runtime.block_on(async {
        let began = Instant::now();
        for _ in 0..repetitions {
            work().await;
        }
        began.elapsed().as_nanos() as f64 / (repetitions * checks) as f64
    })
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn measure(what: &str, runtime: &Runtime) {
    println!("{what}, {ROUNDS} interleaved rounds, medians in ns per check");
    println!(
        "{:>8} {:>10} {:>10} {:>7} {:>11} {:>19}",
        "checks", "reference", "round", "ratio", "ref/ref", "allocations/check"
    );
    let wanted: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    for checks in [1, 10, 100, 1_000, 10_000] {
        if !wanted.is_empty() && !wanted.contains(&checks) {
            continue;
        }
        let health = runtime.block_on(async { health(checks) });
        runtime.block_on(round(&health));
        let (mut bare, mut again, mut rounds) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bare.push(timed(runtime, checks, async || reference(checks).await));
            rounds.push(timed(runtime, checks, async || round(&health).await));
            again.push(timed(runtime, checks, async || reference(checks).await));
        }
        let (bare, again, rounds) = (median(&mut bare), median(&mut again), median(&mut rounds));
        let allocated = allocation_counter::measure(|| runtime.block_on(round(&health))).count_total;
        println!(
            "{checks:>8} {bare:>10.0} {rounds:>10.0} {:>7.2} {:>11.2} {:>19.2}",
            rounds / bare,
            again / bare,
            allocated as f64 / checks as f64
        );
    }
}

fn main() {
    let one = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    measure("current-thread runtime", &one);
    let two = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    println!("\n(on several threads, the allocations counted are those of the polling thread alone)");
    measure("multi-thread runtime with 2 workers", &two);
}
