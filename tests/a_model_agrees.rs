//! Whatever happens, the engine says what a small model of the design says.
//!
//! `HEALTH_MODEL_CASES=100000 cargo test --release -p health-tests --test a_model_agrees -- --nocapture` tries more
//! sequences.

#[path = "a_model_agrees/declared.rs"]
mod declared;
#[path = "a_model_agrees/events.rs"]
mod events;
#[path = "a_model_agrees/laws.rs"]
mod laws;
#[path = "a_model_agrees/model.rs"]
mod model;
#[path = "a_model_agrees/play.rs"]
mod play;
#[path = "a_model_agrees/world.rs"]
mod world;

use std::cell::Cell;

use declared::{NAMES, drawn};
use events::event;
use play::plays;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// How many sequences are tried where nobody says otherwise.
const CASES: u32 = 1_000;

#[test]
fn whatever_happens_the_engine_says_what_the_model_says() {
    health_tests::panics::are_expected(&["on purpose"]);
    let wanted = std::env::var("HEALTH_MODEL_CASES").ok().map(|cases| cases.parse().unwrap());
    let cases = wanted.unwrap_or(CASES);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let (tried, events) = (Cell::new(0_u64), Cell::new(0_usize));
    let sequence = (
        any::<u64>(),
        proptest::collection::vec(drawn(), NAMES.len()),
        proptest::collection::vec(event(), 1..60),
    );
    // The short run is the same everywhere, so that it says something about the change it is run for; a long one explores.
    let mut runner = match wanted {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let result = runner.run(&sequence, |(seed, drawn, sequence)| {
        tried.set(tried.get() + 1);
        events.set(events.get() + sequence.len());
        plays(seed, &drawn, &sequence).map_err(TestCaseError::fail)
    });
    println!("{} sequences tried, {} events", tried.get(), events.get());
    match result {
        Ok(()) => {}
        Err(TestError::Fail(fault, (seed, drawn, sequence))) => {
            panic!("{fault}\nplays({seed}, &{drawn:?}, &{sequence:?})")
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}
