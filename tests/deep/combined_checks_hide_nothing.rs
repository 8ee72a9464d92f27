//! Checks made of checks say no better than their parts, and what befalls one part hides no other.

use std::fmt;
use std::future::pending;
use std::io;
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use health_builtins::combine::{Combine, Member, Several, all_of, any_of};
use health_builtins::{Recommended, tcp::Tcp};
use health_core::{Ended, Failure, Health, HealthCheck, Outcome, Probe, Scope, Spec, Status};
use health_deep_tests::asked::{Deep, SECRET, Told};
use tokio::time::sleep;

const STATUSES: [Status; 3] = [Status::Healthy, Status::Degraded, Status::Unhealthy];

/// Says this after so long.
#[derive(Clone)]
struct Says(Status, Duration);

impl HealthCheck for Says {
    async fn check(&self) -> Result<Outcome, Failure> {
        sleep(self.1).await;
        Ok(Outcome::of(self.0).data("depth", 7).private_data("queue", "orders-eu"))
    }
}

fn at_once(status: Status) -> Says {
    Says(status, Duration::ZERO)
}

/// Every way in which a run can go wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    Error,
    Unhealthy,
    Panic,
    PanicBeforeItBegins,
    PanicWithoutText,
    PanicWhenDropped,
    PanicWhenTold,
    Hang,
}

struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("{}", self.0);
        }
    }
}

#[derive(Debug)]
struct Untold;

impl fmt::Display for Untold {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("it cannot be said")
    }
}

impl std::error::Error for Untold {}

impl HealthCheck for Trouble {
    fn check(&self) -> impl Future<Output = Result<Outcome, Failure>> + Send {
        let trouble = *self;
        assert!(trouble != Self::PanicBeforeItBegins, "before it began");
        async move {
            let _dropped = (trouble == Self::PanicWhenDropped).then(|| Bomb("dropped"));
            match trouble {
                Self::Error => Err(io::Error::other(format!("postgres://app:{SECRET}@db")).into()),
                Self::Unhealthy => Ok(Outcome::unhealthy("is not there")),
                Self::Panic => panic!("out of luck"),
                Self::PanicWithoutText => panic_any(Bomb("payload")),
                Self::PanicWhenTold => Err(Failure::new("not told").because(Untold)),
                Self::Hang => pending().await,
                Self::PanicBeforeItBegins | Self::PanicWhenDropped => Ok(Outcome::healthy()),
            }
        }
    }
}

const TROUBLES: [(Trouble, &str); 8] = [
    (Trouble::Error, "failed"),
    (Trouble::Unhealthy, "is not there"),
    (Trouble::Panic, "panicked"),
    (Trouble::PanicBeforeItBegins, "panicked"),
    (Trouble::PanicWithoutText, "panicked"),
    (Trouble::PanicWhenDropped, "panicked"),
    (Trouble::PanicWhenTold, "not told"),
    (Trouble::Hang, "did not answer within 150ms"),
];

fn briefly(name: &'static str) -> Spec {
    Spec::named(name).timeout("150ms")
}

/// With time to write the backtraces of panics on a busy machine.
async fn told(several: Several) -> Told {
    let spec = several.spec("several").timeout("30s");
    Deep::started("several", spec, several).told().await
}

#[tokio::test]
async fn whatever_befalls_a_member_befalls_it_alone() {
    for (trouble, why) in TROUBLES {
        let limit = if trouble == Trouble::Hang { "150ms" } else { "30s" };
        let limited = |name| Spec::named(name).timeout(limit);
        let members = || {
            let good = || at_once(Status::Healthy);
            [
                Member::of(limited("eu"), good()),
                Member::of(limited("us"), trouble),
                Member::of(limited("asia"), good()),
            ]
        };
        let summary = format!("1 of 3 is not healthy: us ({why})");

        let told = told(any_of(members())).await;
        assert_eq!(told.said(), (Ok(Status::Degraded), Some(&*summary)), "{trouble:?}");
        assert_eq!(told.ended, Some(Ended::Returned(Status::Degraded)), "{trouble:?}");
        assert_eq!(told.data["asia"]["status"], "healthy", "{trouble:?}: {:?}", told.data);
        assert_eq!(told.data["us"]["status"], "unhealthy", "{trouble:?}: {:?}", told.data);

        let told = self::told(all_of(members())).await;
        assert_eq!(told.said(), (Ok(Status::Unhealthy), Some(&*summary)), "{trouble:?}");
    }
}

#[tokio::test]
async fn every_cause_is_told_after_the_name_of_its_member() {
    let patiently = |name| Spec::named(name).timeout("30s");
    let all = all_of([
        Member::of(patiently("a"), Trouble::Error),
        Member::of(patiently("b"), Trouble::PanicWhenTold),
        Member::of(patiently("c"), at_once(Status::Healthy)),
        Member::of(patiently("d"), Trouble::Panic),
    ]);
    let told = told(all).await;
    told.is_unhealthy("3 of 4 are not healthy: a (failed), b (not told), d (panicked)");
    let cause = told.cause.expect("there are causes");
    assert_eq!(cause, "a: postgres://app:***@db; b: panicked while saying why it failed; d: out of luck");
}

#[tokio::test]
async fn values_go_on_under_the_name_of_their_member() {
    let any = any_of([Member::of(briefly("eu"), at_once(Status::Healthy))]);
    let health = Health::builder().check(any.spec("any"), any).build().expect("it is whole").start();
    let report = health.check_within("any", Duration::from_secs(60)).await.expect("it is known");
    let data = report.entry("any").expect("it is in it").data();
    let told: Vec<_> = data.iter().map(|datum| (datum.name(), datum.value(), datum.is_private())).collect();
    let public = serde_json::json!({ "status": "healthy", "depth": 7 });
    assert_eq!(told, [("eu", &public, false), ("eu.queue", &"orders-eu".into(), true)]);
}

/// Quorums as the core counts them: the k-th best, and degraded if that is healthy and another one is not.
fn quorum(needed: usize, statuses: &[Status]) -> Status {
    let mut sorted = statuses.to_vec();
    sorted.sort_unstable();
    match sorted[needed - 1] {
        Status::Healthy if sorted.iter().any(|status| !status.is_healthy()) => Status::Degraded,
        status => status,
    }
}

#[tokio::test]
async fn one_of_several_and_all_of_them_are_quorums() {
    async fn said(statuses: &[Status], of_all: bool) -> Status {
        let names = ["a", "b", "c", "d"].into_iter().zip(statuses);
        let members = names.map(|(name, status)| Member::of(Spec::named(name), at_once(*status)));
        let several = if of_all { all_of(members) } else { any_of(members) };
        several.check().await.expect("an outcome").status()
    }
    let mut worlds = vec![vec![]];
    for _ in 0..4 {
        let longer = |world: &Vec<Status>| STATUSES.map(|status| [world.clone(), vec![status]].concat());
        worlds = worlds.iter().flat_map(longer).collect();
        for world in &worlds {
            let (any, all) = (said(world, false).await, said(world, true).await);
            assert_eq!((any, all), (quorum(1, world), quorum(world.len(), world)), "{world:?}");
            assert!(any <= all, "{world:?}");
        }
    }
}

#[tokio::test]
async fn what_is_not_critical_empties_no_fleet_together_with_what_is() {
    for (trouble, why) in TROUBLES {
        let limit = if trouble == Trouble::Hang { "150ms" } else { "30s" };
        let shared = |name| Spec::named(name).scope(Scope::Shared).timeout(limit);
        let beside = |folder| {
            let folder = Member::of(Spec::named("folder").scope(Scope::Local), at_once(folder));
            all_of([folder, Member::of(shared("smtp"), trouble)])
        };
        let summary = format!("1 of 2 is not healthy: smtp ({why})");
        let said = told(beside(Status::Healthy)).await;
        assert_eq!(said.said(), (Ok(Status::Degraded), Some(&*summary)), "{trouble:?}");
        assert_eq!(said.data["smtp"]["status"], "unhealthy", "{trouble:?}: it keeps its own status");
        assert_eq!(told(beside(Status::Unhealthy)).await.status, Ok(Status::Unhealthy), "{trouble:?}");

        // Where none is critical, nor is the whole: there it is said as it is, and weighs no more than degraded.
        let both = all_of(["smtp", "imap"].map(|name| Member::of(shared(name), trouble)));
        let spec = both.spec("both").timeout("30s");
        let health = Health::builder().check(spec, both).build().expect("it is whole").start();
        let report = health.check_within("both", Duration::from_secs(60)).await.expect("it is known");
        assert_eq!(report.entry("both").expect("it is in it").status(), Ok(Status::Unhealthy), "{trouble:?}");
        assert_eq!(health.report(Probe::Ready).await.status(), Status::Degraded, "{trouble:?}");

        // Nothing is left that would do.
        let any = any_of([Member::of(Spec::named("here"), trouble), Member::of(shared("there"), trouble)]);
        assert_eq!(told(any).await.status, Ok(Status::Unhealthy), "{trouble:?}");
    }
}

#[tokio::test]
async fn two_members_of_one_name_are_refused() {
    let twins = || ["eu", "us", "eu"].map(|name| Member::of(Spec::named(name), at_once(Status::Healthy)));
    for several in [any_of(twins()), all_of(twins())] {
        let refused =
            Health::builder().check(several.spec("twins"), several).build().expect_err("they are two");
        let text = refused.to_string();
        assert_eq!(text.matches("two members of `twins` are called `eu`").count(), 1, "{text}");
        assert!(text.contains(file!()), "{text}");
    }
    // Under a description that was not recommended.
    let told = Deep::started("twins", Spec::named("twins"), any_of(twins())).told().await;
    told.is_unhealthy("two members are called `eu`");
}

#[tokio::test]
async fn nobody_to_ask_is_not_healthy() {
    for several in [any_of([]), all_of([])] {
        let told = Deep::started("nobody", several.spec("nobody"), several).told().await;
        told.is_unhealthy("it has no members to ask");
    }
}

#[tokio::test(start_paused = true)]
async fn members_are_asked_at_the_same_time() {
    let slow = || Says(Status::Healthy, Duration::from_millis(600));
    let began = tokio::time::Instant::now();
    let members = ["a", "b", "c"].map(|name| Member::of(Spec::named(name), slow()));
    assert_eq!(all_of(members).check().await.expect("an outcome").status(), Status::Healthy);
    assert_eq!(began.elapsed(), Duration::from_millis(600));
}

#[test]
fn what_is_recommended_suits_the_most_delicate_member() {
    let far = Tcp::connect("far.example:25").member("far");
    let near =
        Member::of(Spec::named("near").scope(Scope::Local).critical(true).timeout("100ms"), Trouble::Hang);
    let any = any_of([far, near]);
    let spec = any.spec("any");
    assert_eq!(spec.effective_timeout(), Duration::from_millis(2_050));
    let assembled = Health::builder().check(spec, any).build().expect("it is whole");
    drop(assembled);

    let odd = Member::of(Spec::named("odd").timeout("2 parsecs"), Trouble::Hang);
    let any = any_of([odd]);
    let refused = Health::builder().check(any.spec("any"), any).build().expect_err("no duration");
    assert!(format!("{refused:?}").contains("2 parsecs"), "{refused:?}");

    // What wraps one check recommends the same.
    let plain = format!("{:?}", Spec::named("same").scope(Scope::Shared).timeout("2s"));
    let plain = plain.split("location").next().expect("a beginning");
    let same = |check: &dyn Fn() -> Spec| assert!(format!("{:?}", check()).starts_with(plain), "{plain}");
    let smtp = Tcp::connect("mail.example:25");
    same(&|| smtp.clone().degraded_if_slower_than(Duration::ZERO).spec("same"));
    same(&|| smtp.clone().only_if(|| true).spec("same"));
    same(&|| smtp.clone().circuit_breaker().spec("same"));
}

#[tokio::test(start_paused = true)]
async fn slow_is_degraded_and_what_is_worse_stays() {
    let limit = Duration::from_millis(500);
    for (status, after, expected) in [
        (Status::Healthy, 500, (Status::Healthy, None)),
        (Status::Healthy, 501, (Status::Degraded, Some("answered in 501ms, slower than 500ms"))),
        (Status::Healthy, 1_200, (Status::Degraded, Some("answered in 1.2s, slower than 500ms"))),
        (Status::Degraded, 1_200, (Status::Degraded, None)),
        (Status::Unhealthy, 1_200, (Status::Unhealthy, None)),
    ] {
        let check = Says(status, Duration::from_millis(after)).degraded_if_slower_than(limit);
        let said = check.check().await.expect("an outcome");
        assert_eq!((said.status(), said.summary()), expected);
        assert_eq!(said.all_data().len(), 2, "what it said otherwise is kept");
    }
    let told =
        Deep::started("gone", briefly("gone"), Trouble::Hang.degraded_if_slower_than(limit)).told().await;
    told.timed_out();
    let failed = Trouble::Error.degraded_if_slower_than(Duration::ZERO).check().await;
    assert!(failed.is_err());
}

#[tokio::test]
async fn what_is_slow_keeps_its_own_words() {
    struct Wordy;
    impl HealthCheck for Wordy {
        async fn check(&self) -> Result<Outcome, Failure> {
            sleep(Duration::from_millis(2)).await;
            Ok(Outcome::healthy().with_summary("two replicas"))
        }
    }
    let said = Wordy.degraded_if_slower_than(Duration::ZERO).check().await.expect("an outcome");
    assert!(said.summary().is_some_and(|text| text.starts_with("two replicas; answered in ")), "{said:?}");
}

#[tokio::test]
async fn what_does_not_apply_is_not_asked() {
    struct Counts(Arc<AtomicUsize>);
    impl HealthCheck for Counts {
        async fn check(&self) -> Result<Outcome, Failure> {
            self.0.fetch_add(1, SeqCst);
            Err("down".into())
        }
    }
    let (asked, is_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let condition = Arc::clone(&is_on);
    let check = Counts(Arc::clone(&asked)).only_if(move || condition.load(SeqCst));
    let deep = Deep::started("feature", Spec::named("feature"), check);
    let told = deep.told().await;
    assert_eq!(told.said(), (Ok(Status::Healthy), Some("not asked: it does not apply now")));
    assert_eq!(asked.load(SeqCst), 0);
    is_on.store(true, SeqCst);
    assert_eq!(deep.told().await.status, Ok(Status::Unhealthy));
    is_on.store(false, SeqCst);
    deep.told().await.is_healthy();
    assert_eq!(asked.load(SeqCst), 1);

    let broken = Trouble::Error.only_if(|| panic!("who knows"));
    assert_eq!(Deep::started("broken", briefly("broken"), broken).told().await.ended, Some(Ended::Panic));
}
