//! Checks made of checks: slow is degraded, one of several is enough, asked only while it matters, not asked while it is
//! known to be down.
//!
//! # What green proves
//!
//! | | healthy |
//! |---|---|
//! | [`degraded_if_slower_than`](Combine::degraded_if_slower_than) | what it wraps is, and answered in time |
//! | [`any_of`], [`all_of`] | every member is, critical or not |
//! | [`only_if`](Combine::only_if) | what it wraps is, or the condition did not hold: then the summary says "not asked" |
//! | [`circuit_breaker`](Combine::circuit_breaker) | what it wraps is, and was asked just now |
//!
//! # What it costs
//!
//! What the wrapped check costs, or all members at once; nothing while a condition does not hold or a circuit is open.
//!
//! # What it needs
//!
//! What the wrapped checks need. Each recommends what they do: several are merged into a description that suits the most
//! delicate of them, see [`Spec::merged`](health_core::Spec::merged).
//!
//! # When it lies
//!
//! [`any_of`] and [`all_of`] are one check, with one history, one timeout and one weight; what it says of a member is
//! text. Where members are worth an entry of their own, register each of them in a group that has a
//! [`Quorum`](health_core::Quorum): members are then run, timed, muted and remembered one by one. Members here share a
//! task: one that blocks its thread holds all of them up.
//!
//! [`only_if`](Combine::only_if) takes the word of its condition.
//!
//! An open [`circuit_breaker`](Combine::circuit_breaker) repeats an old failure as a fresh observation; its summary says since
//! when it has not asked. It never does this with anything better than unhealthy, so it may be late to see that
//! something is well again, by its longest pause and one interval, and is never early. Prefer
//! [`Spec::backoff`](health_core::Spec::backoff), with which the engine itself asks less and less often while a check is unhealthy, and keeps to this
//! page's other rules by doing nothing. The breaker holds where that does not: against whoever polls, in members of
//! [`any_of`], and for one thing that is asked about by several checks (an `Arc` of it is a check too).

mod circuit;
mod circuit_breaker;
mod member;
mod only_if;
mod several;
mod slow;

use std::borrow::Cow;
use std::time::Duration;

use health_core::HealthCheck;

use crate::Recommended;

pub use circuit_breaker::CircuitBreaker;
pub use member::Member;
pub use only_if::OnlyIf;
pub use several::{Several, all_of, any_of};
pub use slow::DegradedIfSlower;

/// Makes checks of every check.
///
/// ```
/// use std::time::Duration;
///
/// use health_builtins::Recommended as _;
/// use health_builtins::combine::{Combine as _, any_of};
/// use health_builtins::tcp::Tcp;
/// use health_core::Health;
///
/// let relay = |host: &str| Tcp::connect(format!("{host}:25")).degraded_if_slower_than(Duration::from_millis(500));
/// let mail = any_of([relay("mail-1.example").member("first"), relay("mail-2.example").member("second")]);
/// let spec = mail.spec("mail");
///
/// let search = Tcp::connect("search.example:9200").circuit_breaker().opens_after(5);
/// Health::builder().check(spec, mail).check(search.spec("search"), search).build()?;
/// # Ok::<(), health_core::BuildError>(())
/// ```
pub trait Combine: HealthCheck + Sized {
    /// Healthy but slow is degraded, with what it said otherwise; what is worse stays as it is.
    ///
    /// A limit that is not below the timeout of the check says nothing: the engine cuts the run off at its timeout, and
    /// that is unhealthy.
    fn degraded_if_slower_than(self, limit: Duration) -> DegradedIfSlower<Self> {
        DegradedIfSlower::new(self, limit)
    }

    /// Asks only while the condition holds, and is healthy otherwise: "not asked: it does not apply now".
    ///
    /// Nothing was observed then, so the condition must be what makes it true that nobody misses the thing: the feature that
    /// uses it is switched off, this replica is not the leader. Never a guess about its health. It is asked at the
    /// start of every run; it must not block, and if it panics, that is how the run ends.
    fn only_if<F: Fn() -> bool + Send + Sync>(self, condition: F) -> OnlyIf<Self, F> {
        OnlyIf::new(self, condition)
    }

    /// Stops asking what has failed again and again, and tries after a while whether it is well again.
    fn circuit_breaker(self) -> CircuitBreaker<Self> {
        CircuitBreaker::around(self)
    }

    /// A member of [`any_of`] or [`all_of`] under this name, with the limits that the check recommends; with others:
    /// [`Member::of`].
    #[track_caller]
    fn member(self, name: impl Into<Cow<'static, str>>) -> Member
    where
        Self: Recommended + 'static,
    {
        Member::of(self.spec(name), self)
    }
}

impl<C: HealthCheck> Combine for C {}
