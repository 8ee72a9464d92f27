//! `stampede_256`: 256 pollers ask at once about a check that takes 100 ms; it must run exactly once, and how long do
//! they wait? `one_of_ten_hangs`: what pollers wait for when one of ten checks never ends.
//!
//! Run with: `cargo bench -p health-tests --bench stampede_256`
//!
//! The reference of the stampede is 256 tasks that share one bare sleep of 100 ms; rounds are interleaved. That of the
//! check that hangs is a bare sleep until the deadline, taken by as many tasks as there are pollers.

mod measuring;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::join_all;
use health_core::{Health, Probe, Spec};
use measuring::{Measured, ms, verdict};
use tokio::sync::Barrier;
use tokio::time::sleep;

const ROUNDS: usize = 21;
const POLLERS: usize = 256;
const WORK: Duration = Duration::from_millis(100);
const DEADLINE: Duration = Duration::from_millis(200);
const SLACK: Duration = Duration::from_millis(20);

/// How long each of so many tasks took that were let go together.
async fn together<W>(tasks: usize, work: impl Fn() -> W) -> Vec<f64>
where
    W: Future<Output = ()> + Send + 'static,
{
    let start = Arc::new(Barrier::new(tasks));
    let task = |_| {
        let (start, work) = (Arc::clone(&start), work());
        tokio::spawn(async move {
            start.wait().await;
            let began = Instant::now();
            work.await;
            ms(began.elapsed())
        })
    };
    let tasks: Vec<_> = (0..tasks).map(task).collect();
    join_all(tasks).await.into_iter().map(|took| took.expect("no panic")).collect()
}

fn line(name: &str, took: Vec<f64>) -> f64 {
    let (waits, took) = (took.len(), Measured::of(took));
    let (half, most) = (took.quantile(0.5), took.quantile(0.99));
    println!("{name:>28}  p50 {half:>7.2}  p99 {most:>7.2}  range {:>15}  ({waits} waits)", took.spread());
    most
}

async fn stampede() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let slow = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        sleep(WORK)
    };
    let spec = Spec::named("slow").interval("never").cache("50ms");
    let health = Health::builder().check_fn(spec, slow).build().expect("valid").start();
    let poll = || {
        let health = health.clone();
        async move { drop(health.report(Probe::Ready).await) }
    };
    let bare = || {
        let shared = async { sleep(WORK).await }.shared();
        together(POLLERS, move || shared.clone())
    };
    health.report(Probe::Ready).await;
    let (mut waits, mut reference, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // Each of these takes longer than what is known stays fresh.
        reference.extend(bare().await);
        let before = runs.load(Ordering::SeqCst);
        waits.extend(together(POLLERS, poll).await);
        assert_eq!(runs.load(Ordering::SeqCst) - before, 1, "runs for {POLLERS} simultaneous pollers");
        again.extend(bare().await);
    }
    println!("stampede_256: {ROUNDS} interleaved rounds, exactly one run in each; ms");
    line("one bare sleep, shared", reference);
    line("the same again", again);
    line("one check", waits);
}

async fn one_of_ten_hangs(timeout: &str) {
    const ASKING: usize = 32;
    let mut builder = Health::builder().deadline(DEADLINE);
    for n in 0..9 {
        builder = builder.check_fn(Spec::named(format!("check-{n}")), || async {});
    }
    let spec = Spec::named("hangs").timeout(timeout).interval("never").cache("1ms");
    let health = builder.check_fn(spec, pending::<()>).build().expect("valid").start();
    let poll = || {
        let health = health.clone();
        async move { drop(health.report(Probe::Ready).await) }
    };
    let (mut waits, mut reference) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        reference.extend(together(ASKING, || sleep(DEADLINE)).await);
        waits.extend(together(ASKING, poll).await);
    }
    println!(
        "\none_of_ten_hangs, timeout {timeout}, deadline {DEADLINE:?}: {ROUNDS} interleaved rounds of {ASKING}; ms"
    );
    line("a bare sleep", reference);
    let most = line("ready", waits);
    println!("p99 within deadline + {SLACK:?}: {}", verdict(most <= ms(DEADLINE + SLACK)));
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        // Spawned, so that all of it is on the workers.
        tokio::spawn(stampede()).await.expect("no panic");
        // Longer and shorter than the deadline: the answer is owed at the deadline, or at the timeout.
        tokio::spawn(one_of_ten_hangs("1m")).await.expect("no panic");
        tokio::spawn(one_of_ten_hangs("150ms")).await.expect("no panic");
    });
}
