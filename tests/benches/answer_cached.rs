//! `answer_cached`: what `health.report(Probe::Ready).await` costs inside the process when every check is fresh, from 1
//! to 10 000 checks. It must not depend on their number.
//!
//! Run with: `cargo bench -p health-tests --bench answer_cached`
//!
//! Rounds are interleaved: every number of checks in turn. The reference is the answer of one check, measured twice in
//! every round. Everything happens in one thread, so that the engine's own allocations are counted as well.

mod measuring;

use std::hint::black_box;
use std::time::{Duration, Instant};

use health_core::{Health, Probe, Spec, Status};
use measuring::{Measured, verdict};
use tokio::runtime::Runtime;

const ROUNDS: usize = 31;
/// What one round of one number of checks takes, about.
const ROUND: Duration = Duration::from_millis(10);
/// What counts as flat: noise is below it, anything that grows with the number is far above.
const FLAT: f64 = 1.5;

struct Subject {
    checks: usize,
    health: Health,
    /// Answers in one round.
    answers: u32,
    nanoseconds: Vec<f64>,
}

impl Subject {
    fn new(runtime: &Runtime, checks: usize) -> Self {
        let mut builder = Health::builder().deadline("10s");
        for n in 0..checks {
            // Fresh for as long as this takes.
            builder = builder.check_fn(Spec::named(format!("check-{n}")).interval("1h"), || async {});
        }
        let health = runtime.block_on(async { builder.build().expect("valid").start() });
        let mut subject = Self { checks, health, answers: 1, nanoseconds: Vec::new() };
        assert_eq!(runtime.block_on(subject.health.report(Probe::Ready)).status(), Status::Healthy);
        while subject.timed(runtime) < ROUND {
            subject.answers *= 2;
        }
        subject
    }

    fn timed(&self, runtime: &Runtime) -> Duration {
        runtime.block_on(async {
            let began = Instant::now();
            for _ in 0..self.answers {
                assert_eq!(black_box(self.health.report(Probe::Ready).await).status(), Status::Healthy);
            }
            began.elapsed()
        })
    }

    fn round(&mut self, runtime: &Runtime) {
        self.nanoseconds.push(self.timed(runtime).as_nanos() as f64 / f64::from(self.answers));
    }

    fn allocations(&self, runtime: &Runtime) -> f64 {
        let counted = allocation_counter::measure(|| {
            self.timed(runtime);
        });
        counted.count_total as f64 / f64::from(self.answers)
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut subjects = [1, 1, 10, 100, 1_000, 10_000].map(|checks| Subject::new(&runtime, checks));
    for _ in 0..ROUNDS {
        for subject in &mut subjects {
            subject.round(&runtime);
        }
    }
    println!("current-thread runtime, {ROUNDS} interleaved rounds, medians; the first line is the reference");
    println!(
        "{:>8} {:>12} {:>19} {:>9} {:>19}",
        "checks", "ns/answer", "spread", "ratio", "allocations/answer"
    );
    let mut reference = None;
    let mut ratio = 0.0;
    for subject in &mut subjects {
        let figures = Measured::of(std::mem::take(&mut subject.nanoseconds));
        ratio = figures.median() / *reference.get_or_insert(figures.median());
        println!(
            "{:>8} {:>12.0} {:>19} {ratio:>9.2} {:>19.2}",
            subject.checks,
            figures.median(),
            figures.spread(),
            subject.allocations(&runtime)
        );
    }
    println!("flat from 1 to 10 000 checks (at most {FLAT} x): {}", verdict(ratio <= FLAT));
}
