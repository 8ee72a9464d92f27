//! `memory_idle`: what an idle check takes in memory when there are 10 000, after `start()` and one round; and whether
//! that stays as it is over an hour in which one of a hundred hangs.
//!
//! Run with: `cargo bench -p health-tests --bench memory_idle`
//!
//! Each measurement is a process of its own. Two counts: what the allocator was asked for and did not get back, and
//! what the process grew by in the memory of the machine, both less those of a `Health` without checks, per check. The
//! hour passes on a paused clock, with a poll every minute.

mod measuring;

use std::future::pending;
use std::process::Command;
use std::time::Duration;

use allocation_counter::measure;
use health_core::{Health, Probe, Spec};
use measuring::{Measured, verdict};
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 21;
const CHECKS: usize = 10_000;
const BAR: f64 = 2048.0;
/// Set for the processes in which it is measured.
const CHILD: &str = "MEMORY_IDLE_CHECKS";

fn started(runtime: &Runtime, checks: usize, hangs: impl Fn(usize) -> bool) -> Health {
    let mut builder = Health::builder().deadline("10s");
    for n in 0..checks {
        let spec = Spec::named(format!("check-{n:05}"));
        builder = if hangs(n) {
            builder.check_fn(spec, pending::<()>)
        } else {
            builder.check_fn(spec, || async {})
        };
    }
    runtime.block_on(async { builder.build().expect("valid").start() })
}

/// What of this process is in memory, in bytes.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    let kib: i64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024
}

/// Prints what the allocator still lends after the start, after a round, and by how much the process has grown.
fn child(checks: usize) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (before, mut health) = (resident(), None);
    let started = measure(|| health = Some(started(&runtime, checks, |_| false))).bytes_current;
    let round = measure(|| {
        drop(runtime.block_on(health.as_ref().expect("it has started").report(Probe::Ready)));
    });
    println!("{} {} {}", started, started + round.bytes_current, resident() - before);
}

/// The three figures of a process with so many checks.
fn of_process(checks: usize) -> [f64; 3] {
    let this = std::env::current_exe().expect("it runs");
    let output = Command::new(this).env(CHILD, checks.to_string()).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let figures: Vec<f64> = text.split_whitespace().map(|word| word.parse().expect("a number")).collect();
    figures.try_into().expect("three figures")
}

fn an_hour() {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    let health = started(&runtime, CHECKS, |n| n % 100 == 0);
    let ten_minutes = || {
        runtime.block_on(async {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_secs(60)).await;
                drop(health.report(Probe::Ready).await);
            }
        });
    };
    ten_minutes();
    let (mut grown, mut changes) = (0, Vec::new());
    for _ in 0..5 {
        grown += measure(ten_minutes).bytes_current;
        changes.push(grown.to_string());
    }
    println!(
        "\nan hour of paused time with one check of a hundred hanging, one poll a minute: bytes more than after the"
    );
    println!(
        "first ten minutes, every ten minutes: {}; flat: {}",
        changes.join(", "),
        verdict(grown < 64 << 10)
    );
}

fn main() {
    if let Ok(checks) = std::env::var(CHILD) {
        return child(checks.parse().expect("a number"));
    }
    let (mut none, mut again, mut full) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        none.push(of_process(0));
        full.push(of_process(CHECKS));
        again.push(of_process(0));
    }
    let column = |rows: &[[f64; 3]], n: usize| Measured::of(rows.iter().map(|row| row[n]).collect());
    println!("{ROUNDS} interleaved rounds, one process each, medians");
    println!(
        "{:>26} {:>15} {:>15} {:>12} {:>22}",
        "", "no checks, B", "again, B", "B per check", "spread of 10 000, KiB"
    );
    let mut worst: f64 = 0.0;
    for (n, name) in
        ["allocated after start", "allocated after a round", "resident after a round"].iter().enumerate()
    {
        let (none, again, full) = (column(&none, n), column(&again, n), column(&full, n));
        let each = (full.median() - none.median()) / CHECKS as f64;
        worst = worst.max(each);
        let spread = Measured::of(vec![full.quantile(0.0) / 1024.0, full.quantile(1.0) / 1024.0]).spread();
        println!("{name:>26} {:>15.0} {:>15.0} {each:>12.0} {spread:>22}", none.median(), again.median());
    }
    println!("at most {BAR} bytes per idle check: {}", verdict(worst <= BAR));
    an_hour();
}
