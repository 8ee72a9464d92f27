//! What is declared about each check of a case, and what follows from it.

use std::time::Duration;

use health_core::{Interval, Probe, Scope, Spec, Status};
use proptest::prelude::*;

/// What is declared about one check, defaults resolved; times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub critical: bool,
    pub is_run: bool,
    /// The engine refreshes it by itself.
    pub is_kept: bool,
    pub is_canary: bool,
    pub timeout: u64,
    pub interval: u64,
    /// The longest interval while it fails.
    pub backoff: u64,
    pub cache: u64,
    pub max_age: u64,
    pub failure: usize,
    pub success: usize,
}

/// What is said about a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// A run has begun.
    Begun,
    /// It is past its timeout and still in flight.
    Late,
    /// It has ended.
    Ran(Status),
    /// The application reports this.
    Pushed(Status),
    /// Alive, and what was last said is still so.
    Beat,
    /// Alive, with nothing to do.
    Idle,
}

/// The checks of every case: one of each kind.
pub const NAMES: [&str; 8] = ["alive", "blocked", "canary", "never", "plain", "pushed", "slow", "steady"];
pub const ALIVE: usize = 0;
/// Blocks a thread from its first run on; each of its runs is as bad as the one before.
pub const BLOCKED: usize = 1;
pub const CANARY: usize = 2;
const NEVER: usize = 3;
pub const PUSHED: usize = 5;
const SLOW: usize = 6;

/// What is drawn for one check.
#[derive(Clone, Copy, Debug)]
pub struct Drawn {
    pub takes_part: bool,
    is_soft: bool,
    timeout: u64,
    /// How often it is run, or how long a canary waits for traffic.
    period: Option<u64>,
    cache: Option<u64>,
    backoff: Option<u64>,
    /// How much longer than it must be; in the place of the default.
    max_age: Option<u64>,
    failure: u32,
    success: u32,
    /// What it does when it is first run.
    pub first: Mood,
}

/// What a check does when it is run.
#[derive(Clone, Copy, Debug)]
pub enum Mood {
    /// It works for so many milliseconds and returns this.
    Says(Status, u64),
    Fails(u64),
    Panics(u64),
    Hangs,
}

pub fn mood() -> impl Strategy<Value = Mood> {
    let work = || prop::sample::select(&[0_u64, 10, 290, 650, 1_250, 2_400][..]);
    prop_oneof![
        4 => (status(), work()).prop_map(|(status, work)| Mood::Says(status, work)),
        1 => work().prop_map(Mood::Fails),
        1 => work().prop_map(Mood::Panics),
        1 => Just(Mood::Hangs),
    ]
}

pub fn status() -> impl Strategy<Value = Status> {
    prop::sample::select(&Status::ALL[..])
}

pub fn drawn() -> impl Strategy<Value = Drawn> {
    let or_default = |values: &'static [u64]| proptest::option::of(prop::sample::select(values));
    (
        any::<bool>(),
        any::<bool>(),
        prop::sample::select(&[300_u64, 700, 1_500][..]),
        or_default(&[2_000, 5_000, 20_000]),
        or_default(&[100, 1_000, 3_000]),
        proptest::option::weighted(0.2, prop::sample::select(&[2_u64, 5][..])),
        or_default(&[1, 2_000, 30_000]),
        1..4_u32,
        1..4_u32,
        proptest::option::of(mood()),
    )
        .prop_map(
            |(takes_part, is_soft, timeout, period, cache, backoff, max_age, failure, success, first)| {
                let first = first.unwrap_or(Mood::Says(Status::Healthy, 0));
                Drawn {
                    takes_part,
                    is_soft,
                    timeout,
                    period,
                    cache,
                    backoff,
                    max_age,
                    failure,
                    success,
                    first,
                }
            },
        )
}

impl Drawn {
    /// The description, and what the design says that it means.
    pub fn declares(&self, check: usize) -> (Spec, Rules) {
        let ms = Duration::from_millis;
        let (is_canary, is_run) = (check == CANARY, check != PUSHED);
        let is_never = check == NEVER;
        let timeout = if check == SLOW { self.timeout + 1_000 } else { self.timeout };
        let mut spec = Spec::named(NAMES[check]).critical(!self.is_soft);
        if check == ALIVE {
            spec = spec.probe(Probe::Live).scope(Scope::Local);
        }
        let interval = self.period.unwrap_or(10_000);
        let mut cache = 1_000;
        let mut backoff = interval;
        if is_run {
            spec = spec.timeout(ms(timeout));
            if is_canary {
                spec = spec.idle(ms(interval));
                cache = interval;
            } else if is_never {
                spec = spec.interval(Interval::Never);
            } else if let Some(period) = self.period {
                spec = spec.interval(ms(period));
                cache = interval;
            } else if timeout >= 800 {
                cache = interval;
            }
            if let Some(declared) = self.cache.filter(|_| !is_canary) {
                spec = spec.cache(ms(declared));
                cache = declared;
            }
            if let Some(times) = self.backoff.filter(|_| !is_never) {
                backoff = interval * times;
                spec = spec.backoff(ms(backoff));
            }
        }
        let longest = if is_never { cache } else { cache.max(backoff) };
        let declared = self.max_age.map(|extra| longest + if is_run { timeout } else { 0 } + extra);
        let declared = declared.or((!is_run).then_some(interval));
        let max_age = declared.unwrap_or(3 * if is_never { 10_000 } else { backoff } + timeout);
        if let Some(declared) = declared {
            spec = spec.max_age(ms(declared));
        }
        if (self.failure, self.success) != (1, 1) {
            spec = spec.failure_threshold(self.failure).success_threshold(self.success);
        }
        let rules = Rules {
            critical: !self.is_soft,
            is_run,
            is_kept: is_run && !is_never,
            is_canary,
            timeout,
            interval,
            backoff,
            cache,
            max_age,
            failure: self.failure as usize,
            success: self.success as usize,
        };
        (spec, rules)
    }
}
