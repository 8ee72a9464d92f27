//! Many pollers, many checks that misbehave, and a judge who knows the truth: what do answers take, and is one wrong?
//!
//! Run with:
//!
//! ```sh
//! cargo run --release --example storm
//! cargo run --release --example storm -- --pollers 256 --checks 1000 --seconds 60
//! ```
//!
//! Of ten checks four are steady, one is slow, and the others hang, fail, flap, panic and block their thread (see
//! `checks.rs`). A third of the pollers asks about ready, live and the whole each, half of them without a pause, and every
//! answer is judged (see `judge.rs`). It ends with code 1 if an answer was wrong, and with 2 if it does not understand its arguments.

mod arguments;
mod checks;
mod judge;
mod times;

use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use health_core::Health;
use tokio::runtime::{Builder, Handle};
use tokio::time::sleep;

use crate::arguments::Storm;
use crate::checks::World;
use crate::judge::{Asked, Findings, Judge};
use crate::times::Times;

fn main() -> ExitCode {
    let storm = match arguments::parse(std::env::args().skip(1)) {
        Ok(Some(storm)) => storm,
        Ok(None) => {
            println!("{}", arguments::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&storm) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Lets the storm pass and says what it did; the number of wrong answers.
fn run(storm: &Storm) -> Result<u64, Box<dyn Error>> {
    // The engine has a runtime of its own, and so have the pollers, as the workers of an HTTP server do.
    let runtime = || Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let (engine, polling) = (runtime()?, runtime()?);
    let world = Arc::new(World::new(storm.checks));
    let health = {
        let _engine = engine.enter();
        world.declare(Health::builder()).build()?.start()
    };
    let judge = Arc::new(Judge::new(Arc::clone(&world)));

    let (memory, threads) = (of_process("VmRSS:"), of_process("Threads:"));
    let until = Instant::now() + storm.duration;
    let pollers: Vec<_> = (0..storm.pollers)
        .map(|n| polling.spawn(poll(n, health.clone(), Arc::clone(&judge), until)))
        .collect();
    thread::sleep(until.saturating_duration_since(Instant::now()));
    let (memory_now, threads_now) = (of_process("VmRSS:"), of_process("Threads:"));
    let tasks = tasks(engine.handle());
    let mut findings = Findings::default();
    for poller in pollers {
        findings.add(&polling.block_on(poller)?);
    }
    findings.overlaps(world.overlaps());

    println!(
        "{} pollers, {} checks, {:?}, {} cores",
        storm.pollers,
        storm.checks,
        storm.duration,
        thread::available_parallelism()?
    );
    println!("\n{:<8}{:>12}{:>12}{:>12}{:>12}{:>12}", "", "answers", "p50", "p90", "p99", "max");
    for (asked, times) in Asked::ALL.iter().zip(&findings.times) {
        row(asked.as_str(), times);
    }
    row("all", &findings.all());
    println!("\n{:<12}{:>8}{:>12}{:>12}{:>12}", "runs of", "checks", "fewest", "median", "most");
    for (kind, mut runs) in world.runs() {
        runs.sort_unstable();
        let [fewest, median, most] = [0, runs.len() / 2, runs.len().saturating_sub(1)]
            .map(|rank| runs.get(rank).copied().unwrap_or_default());
        println!("{kind:<12}{:>8}{fewest:>12}{median:>12}{most:>12}", runs.len());
    }
    println!("\nmemory   {} before, {} after", shown(memory, " KiB"), shown(memory_now, " KiB"));
    println!("threads  {} before, {} after", shown(threads, ""), shown(threads_now, ""));
    println!("tasks    {tasks} in the runtime of the engine");
    println!("wrong    {}", findings.wrong);
    for example in &findings.examples {
        println!("         {example}");
    }
    Ok(findings.wrong)
}

/// One poller: asks the same again and again and judges, until the storm is over; of two, one does so without a pause.
async fn poll(number: usize, health: Health, judge: Arc<Judge>, until: Instant) -> Findings {
    let mut findings = Findings::default();
    let asked = match number % 3 {
        0 => Asked::Ready,
        1 => Asked::Live,
        _ => Asked::Whole,
    };
    let mut random = number as u64;
    while Instant::now() < until {
        let before = judge.before();
        let report = asked.of(&health).await;
        judge.hear(asked, &before, &report, &mut findings);
        if number % 2 == 1 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Up to 8 ms.
            sleep(Duration::from_micros(random >> 51)).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
    findings
}

fn row(name: &str, times: &Times) {
    let [half, most, nearly_all, all] = [0.5, 0.9, 0.99, 1.0].map(|share| {
        let time = times.quantile(share);
        format!("{time:.1?}")
    });
    println!("{name:<8}{:>12}{half:>12}{most:>12}{nearly_all:>12}{all:>12}", times.count());
}

fn tasks(engine: &Handle) -> usize {
    engine.metrics().num_alive_tasks()
}

/// A number that Linux knows about this process.
fn of_process(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

fn shown(number: Option<impl Display>, unit: &str) -> String {
    number.map_or_else(|| "unknown".to_owned(), |number| format!("{number}{unit}"))
}
