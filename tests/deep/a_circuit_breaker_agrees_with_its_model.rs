//! The circuit breaker does what the textbook's three states say, for runs that overlap, fail in every way and are cut off.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use health_builtins::combine::Combine as _;
use health_core::{Failure, HealthCheck, Outcome, Status};
use proptest::prelude::*;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, advance};

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Healthy,
    Degraded,
    Unhealthy,
    Error,
    Panic,
    CutOff,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Somebody asks.
    Ask,
    /// One of the runs under way ends.
    End(usize, End),
    /// Time passes, in milliseconds.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        2 => Just(End::Healthy),
        1 => Just(End::Degraded),
        3 => Just(End::Unhealthy),
        4 => Just(End::Error),
        1 => Just(End::Panic),
        2 => Just(End::CutOff),
    ];
    prop_oneof![
        5 => Just(Step::Ask),
        6 => (0..3usize, end).prop_map(|(which, end)| Step::End(which, end)),
        2 => prop_oneof![Just(99), Just(100), Just(101), 1..450u64].prop_map(Step::Wait),
    ]
}

const FIRST: u64 = 100;
const LONGEST: u64 = 350;

/// The three states of the textbook. Runs that are under way belong to the state in which they began.
struct Model {
    opens_after: u32,
    state: State,
    changes: u64,
    last: String,
}

enum State {
    Closed { failures: u32 },
    Open { pause: u64, until: u64 },
    HalfOpen { pause: u64, lost_at: u64 },
}

impl Model {
    fn becomes(&mut self, state: State) {
        self.state = state;
        self.changes += 1;
    }

    /// Whether it is asked, and in which state that begins.
    fn asks(&mut self, now: u64) -> Option<u64> {
        match self.state {
            State::Closed { .. } => {}
            State::Open { pause, until: due } | State::HalfOpen { pause, lost_at: due } => {
                if now < due {
                    return None;
                }
                self.becomes(State::HalfOpen { pause, lost_at: now + pause });
            }
        }
        Some(self.changes)
    }

    fn ends(&mut self, began_in: u64, failure: Option<&str>, now: u64) {
        if began_in != self.changes {
            return;
        }
        let pause = match (&mut self.state, failure) {
            (State::Closed { failures }, None) => {
                *failures = 0;
                return;
            }
            (State::Closed { failures }, Some(_)) => {
                *failures += 1;
                if *failures < self.opens_after.max(1) {
                    return;
                }
                FIRST
            }
            (_, None) => return self.becomes(State::Closed { failures: 0 }),
            (State::HalfOpen { pause, .. } | State::Open { pause, .. }, Some(_)) => LONGEST.min(2 * *pause),
        };
        self.last = failure.unwrap_or_default().to_owned();
        self.becomes(State::Open { pause, until: now + pause });
    }
}

/// What a run waits for, to end like this under this name.
type Ending = (End, String);

/// Begins runs that end when they are told to.
struct Puppet(Mutex<mpsc::UnboundedSender<oneshot::Sender<Ending>>>);

impl HealthCheck for Puppet {
    async fn check(&self) -> Result<Outcome, Failure> {
        let (ending, ended) = oneshot::channel();
        self.0.lock().expect("nobody panics with it").send(ending).expect("somebody listens");
        match ended.await.expect("it is told") {
            (End::Healthy, _) => Ok(Outcome::healthy()),
            (End::Degraded, _) => Ok(Outcome::degraded("slow")),
            (End::Unhealthy, name) => Ok(Outcome::unhealthy(name)),
            (End::Error, name) => Err(Failure::new(name).because("its cause")),
            (End::Panic, _) => std::panic::resume_unwind(Box::new("out of luck")),
            (End::CutOff, _) => unreachable!("it is dropped"),
        }
    }
}

async fn agrees(opens_after: u32, steps: Vec<Step>) {
    let (begins, mut begun) = mpsc::unbounded_channel();
    let breaker = Puppet(Mutex::new(begins))
        .circuit_breaker()
        .opens_after(opens_after)
        .first_pause(Duration::from_millis(FIRST))
        .longest_pause(Duration::from_millis(LONGEST));
    let mut model =
        Model { opens_after, state: State::Closed { failures: 0 }, changes: 0, last: String::new() };
    let start = Instant::now();
    let mut under_way: Vec<(BoxFuture<'_, _>, oneshot::Sender<Ending>, u64)> = Vec::new();
    for (number, step) in steps.into_iter().enumerate() {
        let now = u64::try_from(start.elapsed().as_millis()).expect("not so long");
        match step {
            Step::Wait(milliseconds) => advance(Duration::from_millis(milliseconds)).await,
            Step::Ask => {
                let mut run: BoxFuture<'_, _> = Box::pin(breaker.check());
                let answer = futures::poll!(&mut run);
                let asked = model.asks(now);
                let Some(began_in) = asked else {
                    let std::task::Poll::Ready(Ok(said)) = answer else {
                        panic!("{number}: it waits or fails: {answer:?}")
                    };
                    let summary = said.summary().unwrap_or_default();
                    assert_eq!(said.status(), Status::Unhealthy, "{number}");
                    let told = format!("{} (not asked again since ", model.last);
                    assert!(summary.starts_with(&told), "{number}: {summary:?} is not {told:?}");
                    assert!(begun.try_recv().is_err(), "{number}: asked all the same");
                    continue;
                };
                assert!(answer.is_pending(), "{number}: it was not asked: {answer:?}");
                under_way.push((run, begun.try_recv().expect("it has begun"), began_in));
            }
            Step::End(which, end) => {
                if under_way.is_empty() {
                    continue;
                }
                let (mut run, ending, began_in) = under_way.remove(which % under_way.len());
                let name = format!("failure {number}");
                let failure = match end {
                    End::Healthy | End::Degraded => None,
                    End::Unhealthy | End::Error => Some(&*name),
                    End::Panic => Some("panicked"),
                    End::CutOff => Some("no answer in time"),
                };
                model.ends(began_in, failure, now);
                if end == End::CutOff {
                    continue;
                }
                ending.send((end, name.clone())).expect("it waits");
                let ended = catch_unwind(AssertUnwindSafe(|| (&mut run).now_or_never()));
                match (ended, end) {
                    (Err(_), End::Panic) => {}
                    (Ok(Some(Ok(said))), End::Healthy) => assert_eq!(said.status(), Status::Healthy),
                    (Ok(Some(Ok(said))), End::Degraded) => assert_eq!(said.status(), Status::Degraded),
                    (Ok(Some(Ok(said))), End::Unhealthy) => {
                        assert_eq!((said.status(), said.summary()), (Status::Unhealthy, Some(&*name)));
                    }
                    (Ok(Some(Err(failure))), End::Error) => {
                        assert_eq!(failure.summary(), Some(&*name));
                        assert_eq!(failure.cause().map(ToString::to_string).as_deref(), Some("its cause"));
                    }
                    (ended, end) => panic!("{number}: {end:?} ended as {:?}", ended.is_ok()),
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees(opens_after in 0..4u32, steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(agrees(opens_after, steps));
    }
}
