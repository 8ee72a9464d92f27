//! A check behind a circuit breaker, run by the engine: what hangs opens it too, what it repeats is never healthy and
//! keeps its cause, and nobody who asks gets around it.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use health_builtins::combine::{CircuitBreaker, Combine as _, Member, any_of};
use health_core::{Ended, Failure, HealthCheck, Outcome, Spec, Status};
use health_deep_tests::asked::{Deep, SECRET, Told};
use tokio::time::advance;

const WORKS: u8 = 0;
const REFUSES: u8 = 1;
const HANGS: u8 = 2;
const PANICS: u8 = 3;
const IS_DOWN: u8 = 4;

/// What is asked, and how often it was.
#[derive(Clone, Default)]
struct Server(Arc<(AtomicU8, AtomicUsize)>);

impl Server {
    fn does(&self, what: u8) {
        self.0.0.store(what, SeqCst);
    }

    fn asked(&self) -> usize {
        self.0.1.load(SeqCst)
    }

    fn behind_a_breaker(&self) -> CircuitBreaker<Self> {
        let pause = Duration::from_secs(10);
        self.clone().circuit_breaker().opens_after(2).first_pause(pause).longest_pause(4 * pause)
    }
}

impl HealthCheck for Server {
    async fn check(&self) -> Result<Outcome, Failure> {
        self.0.1.fetch_add(1, SeqCst);
        match self.0.0.load(SeqCst) {
            WORKS => Ok(Outcome::healthy()),
            REFUSES => {
                let below = io::Error::from(io::ErrorKind::ConnectionRefused);
                let said = io::Error::other(format!("postgres://app:{SECRET}@db"));
                Err(Failure::new("connection refused").because(Chain(said, below)))
            }
            HANGS => pending().await,
            PANICS => panic!("out of luck"),
            _ => Ok(Outcome::unhealthy("is down").data("depth", 7).because("its cause")),
        }
    }
}

#[derive(Debug)]
struct Chain(io::Error, io::Error);

impl std::fmt::Display for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for Chain {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.1)
    }
}

fn spec() -> Spec {
    Spec::named("server").timeout("100ms")
}

/// Unhealthy, with these words and a time of this form.
fn repeats(told: &Told, words: &str) {
    assert_eq!(
        (told.status, told.ended),
        (Ok(Status::Unhealthy), Some(Ended::Returned(Status::Unhealthy))),
        "{told:?}"
    );
    let summary = told.summary.as_deref().unwrap_or_default();
    let time = summary.strip_prefix(words).and_then(|rest| rest.strip_prefix(" (not asked again since "));
    let time = time.and_then(|rest| rest.strip_suffix("Z)")).unwrap_or_else(|| panic!("{told:?}"));
    let form: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    // With its date: a pause may be longer than a day.
    assert_eq!(form, "0000-00-00T00:00:00", "{told:?}");
    let since = told.data["not_asked_since"].as_str().unwrap_or_default();
    assert!(since.contains(time) && since.ends_with('Z'), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn every_way_to_fail_opens_it_and_a_trial_closes_it() {
    for (fails, first, words) in [
        (REFUSES, Ended::Error, "connection refused"),
        (HANGS, Ended::Timeout, "no answer in time"),
        (PANICS, Ended::Panic, "panicked"),
        (IS_DOWN, Ended::Returned(Status::Unhealthy), "is down"),
    ] {
        let server = Server::default();
        let deep = Deep::started("server", spec(), server.behind_a_breaker());
        deep.told().await.is_healthy();
        server.does(fails);
        let before = server.asked();
        let failures = [deep.told().await, deep.told().await];
        assert_eq!(failures.each_ref().map(|told| told.ended), [Some(first); 2]);
        assert_eq!(server.asked(), before + 2);

        for _ in 0..50 {
            let told = deep.told().await;
            repeats(&told, words);
            // Once the engine has seen a cause, so does whoever is told of it again.
            let has_cause = failures[1].cause.is_some() && fails != PANICS;
            assert_eq!(told.cause, failures[1].cause.clone().filter(|_| has_cause), "{words}");
        }
        assert_eq!(server.asked(), before + 2, "{words}: asked although it is known to be down");

        // A trial that fails doubles the pause.
        advance(Duration::from_secs(10)).await;
        assert_eq!(deep.told().await.ended, Some(first));
        advance(Duration::from_secs(15)).await;
        repeats(&deep.told().await, words);
        assert_eq!(server.asked(), before + 3, "{words}: one trial");

        // Well again is seen with the next trial, not before.
        server.does(WORKS);
        repeats(&deep.told().await, words);
        advance(Duration::from_secs(5)).await;
        deep.told().await.is_healthy();
        assert_eq!(server.asked(), before + 4, "{words}");
        server.does(fails);
        assert_eq!(deep.told().await.ended, Some(first), "{words}: closed, it takes two again");
        assert_eq!(deep.told().await.ended, Some(first), "{words}");
        repeats(&deep.told().await, words);
    }
}

#[tokio::test(start_paused = true)]
async fn the_cause_and_the_values_are_repeated_whole() {
    let server = Server::default();
    let deep = Deep::started("server", spec(), server.behind_a_breaker().opens_after(1));
    deep.told().await.is_healthy();
    server.does(REFUSES);
    let failed = deep.told().await;
    failed.is_unhealthy("connection refused");
    assert_eq!(failed.cause.as_deref(), Some("postgres://app:***@db: connection refused"));
    assert_eq!(deep.told().await.cause, failed.cause);

    let server = Server::default();
    let deep = Deep::started("server", spec(), server.behind_a_breaker().opens_after(0));
    deep.told().await.is_healthy();
    server.does(IS_DOWN);
    let before = server.asked();
    assert_eq!(deep.told().await.data["depth"], 7);
    assert_eq!(deep.told().await.data["depth"], 7);
    assert_eq!(server.asked(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn degraded_is_not_failing() {
    struct Slow;
    impl HealthCheck for Slow {
        async fn check(&self) -> Result<Outcome, Failure> {
            Ok(Outcome::degraded("slow"))
        }
    }
    let deep = Deep::started("slow", Spec::named("slow"), Slow.circuit_breaker().opens_after(1));
    for _ in 0..5 {
        deep.told().await.is_degraded("slow");
    }
}

#[tokio::test(start_paused = true)]
async fn two_that_share_one_breaker_are_told_the_same() {
    let server = Server::default();
    let breaker = Arc::new(server.behind_a_breaker());
    let mine = Deep::started("mine", Spec::named("mine"), Arc::clone(&breaker));
    let yours = Deep::started("yours", Spec::named("yours"), breaker);
    mine.told().await.is_healthy();
    yours.told().await.is_healthy();
    server.does(HANGS);
    let before = server.asked();
    mine.told().await.timed_out();
    yours.told().await.timed_out();
    repeats(&mine.told().await, "no answer in time");
    repeats(&yours.told().await, "no answer in time");
    assert_eq!(server.asked(), before + 2);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_hangs_opens_its_own_breaker() {
    let (hanging, working) = (Server::default(), Server::default());
    let any = any_of([
        Member::of(spec(), hanging.behind_a_breaker()),
        Member::of(Spec::named("other"), working.behind_a_breaker()),
    ]);
    let deep = Deep::started("any", Spec::named("any"), any);
    deep.told().await.is_healthy();
    hanging.does(HANGS);
    let before = (hanging.asked(), working.asked());
    for _ in 0..5 {
        let told = deep.told().await;
        assert_eq!(told.status, Ok(Status::Degraded), "{told:?}");
    }
    assert_eq!((hanging.asked(), working.asked()), (before.0 + 2, before.1 + 5));
}
