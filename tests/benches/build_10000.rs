//! `build_10000`: what `build()` costs with 10 000 checks, a tenth of which depend on another.
//!
//! Run with: `cargo bench -p health-tests --bench build_10000`

use std::time::{Duration, Instant};

use health_core::{Health, HealthBuilder, Quorum, Spec};

const ROUNDS: usize = 41;

fn described(checks: usize) -> HealthBuilder {
    let mut builder = Health::builder().group("replicas", Quorum::majority());
    for n in 0..checks {
        let mut spec = Spec::named(format!("check-{n:05}")).timeout("2s");
        if n % 10 == 9 {
            spec = spec.depends_on([format!("check-{:05}", n - 9)]);
        }
        if n % 100 == 0 {
            spec = spec.group("replicas");
        }
        builder = builder.check_fn(spec, || async {});
    }
    builder
}

fn main() {
    for checks in [100, 1_000, 10_000] {
        let mut took: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let builder = described(checks);
                let began = Instant::now();
                let assembly = builder.build().expect("valid");
                let took = began.elapsed();
                drop(assembly);
                took
            })
            .collect();
        took.sort_unstable();
        let [fastest, median, slowest] = [0, ROUNDS / 2, ROUNDS - 1].map(|rank| took[rank]);
        println!(
            "build of {checks} checks: median {median:.2?} (of {ROUNDS}, {fastest:.2?} to {slowest:.2?})"
        );
    }
}
