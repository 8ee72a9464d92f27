//! What generated code may touch, and nothing else. No part of the public interface: the macros and the library are
//! released as a pair, and the module's name changes whenever what generated code expects of it changes.

use std::any::Any;
use std::future::ready;
use std::sync::Arc;

pub use std::boxed::Box;
pub use std::marker::{Send, Sync};
pub use std::option::Option::Some;
pub use std::primitive::str;
pub use std::time::Duration;

pub use crate::catalog::{CheckRecord, ComponentRecord, submit};
pub use crate::check::{BoxedRun, RunResult, Runner};
pub use crate::component::Parts;
pub use crate::resources::Binder;
pub use crate::spec::SpecRecord;
pub use crate::{HealthCheck, HealthComponent, Interval, NamedChecks, Probe, ProbeSet, Scope};
use crate::{IntoOutcome, Location};

/// Where the identifier stands that generated code gives to this call.
#[must_use]
#[track_caller]
pub const fn here() -> Location {
    Location::caller()
}

/// What one parameter borrows: an `Arc` of it.
pub type Loan = Box<dyn Any + Send + Sync>;

/// Lends to one parameter; `None` when nothing is there to lend, which is noted.
pub fn lend<T: Resource + ?Sized>(binder: &mut Binder<'_>, parameter: &'static str) -> Option<Loan> {
    let lent: Arc<T> = binder.lend(parameter)?;
    Some(Box::new(lent))
}

/// What one function borrows, parameter by parameter.
#[derive(Debug)]
pub struct Lent(Vec<Loan>);

impl Lent {
    /// What the parameter at `position` borrows.
    #[must_use]
    pub fn get<T: ?Sized + 'static>(&self, position: usize) -> &T {
        match self.0.get(position).and_then(|loan| loan.downcast_ref::<Arc<T>>()) {
            Some(lent) => lent,
            // Position and type are written twice by one expansion, once here and once in `lend`.
            None => unreachable!("the same declaration lends and borrows"),
        }
    }
}

/// A function that is run by a task; `None` when one of its parameters lacks something.
///
/// What is lent and what runs are kept apart, so that no more than one closure and one future of each annotated
/// function are compiled: that is most of what an attribute costs its user.
pub fn task<const N: usize>(
    lent: [Option<Loan>; N],
    run: for<'a> fn(&'a Lent) -> BoxedRun<'a>,
) -> Option<Runner> {
    let lent = whole(Box::new(lent))?;
    Some(Runner::task(move || {
        let lent = Arc::clone(&lent);
        Box::pin(async move { run(&lent).await })
    }))
}

/// A function that is run on a thread of the engine's own.
pub fn thread<const N: usize>(lent: [Option<Loan>; N], run: fn(&Lent) -> RunResult) -> Option<Runner> {
    let lent = whole(Box::new(lent))?;
    Some(Runner::thread(move || run(&lent)))
}

fn whole(lent: Box<[Option<Loan>]>) -> Option<Arc<Lent>> {
    Vec::from(lent).into_iter().collect::<Option<Vec<Loan>>>().map(Lent).map(Arc::new)
}

/// One run of a future. `R` stands at the return type that was written.
pub fn run<'a, R: Returned + 'a>(future: impl Future<Output = R> + Send + 'a) -> BoxedRun<'a> {
    Box::pin(async move { future.await.into_outcome() })
}

/// One run that has ended as soon as it was begun.
pub fn ran<'a, R: Returned>(returned: R) -> BoxedRun<'a> {
    Box::pin(ready(returned.into_outcome()))
}

/// What a check can borrow.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be lent to a check",
    label = "a resource is `Send + Sync + 'static`, because checks run on other threads",
    note = "write `Arc` for `Rc`, a lock or an atomic for `Cell` and `RefCell`, `dyn Trait + Send + Sync` for `dyn Trait`"
)]
pub trait Resource: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: ?Sized + Send + Sync + 'static> Resource for T {}

/// What a check returned, as what every run comes to.
pub fn outcome<R: Returned>(returned: R) -> RunResult {
    returned.into_outcome()
}

/// [`IntoOutcome`] in a function's signature. Its own trait, so that what a user reads about a type that is none
/// speaks of the whole type that was written, and not of the bound deep inside that failed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how healthy something is",
    label = "a check returns `()`, `Status`, `Outcome`, or a `Result` of one of these",
    note = "the error of a `Result` is any `std::error::Error + Send + Sync`, a `String`, a `&str` or a `health_core::Failure`"
)]
pub trait Returned: IntoOutcome {}

#[diagnostic::do_not_recommend]
impl<R: IntoOutcome> Returned for R {}

/// What a function named by `check = function` without `blocking` returned.
pub fn asked<F: Asked>(future: F) -> F {
    future
}

/// A future, in terms of the key that has to be written when it is none.
#[diagnostic::on_unimplemented(
    message = "a plain `fn` must say whether it may block its thread",
    label = "this is no `async fn`",
    note = "add `blocking = true` to run it on a thread of the engine's own, or `blocking = false` if it answers at once"
)]
pub trait Asked: Future {}

#[diagnostic::do_not_recommend]
impl<F: Future> Asked for F {}

/// A duration that is a constant expression; a zero one is refused when the program is compiled.
#[must_use]
#[track_caller]
pub const fn duration(duration: Duration) -> Duration {
    assert!(!duration.is_zero(), "the duration is zero; write a duration such as \"500ms\"");
    duration
}
