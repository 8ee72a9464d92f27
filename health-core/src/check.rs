//! The trait that implementors write, and its erased form.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{Failure, IntoOutcome, Outcome, Spec};

/// A value that can be asked how healthy something is.
///
/// Write `check` as an `async fn`. One run is one call; it is never called while an earlier call of the same
/// registered check is still running. When the timeout of the check has passed the future is dropped, so whatever
/// must be given back must be given back by destructors.
///
/// ```
/// use health_core::{Failure, HealthCheck, Outcome};
///
/// struct Queue { depth: std::sync::atomic::AtomicUsize }
///
/// impl HealthCheck for Queue {
///     async fn check(&self) -> Result<Outcome, Failure> {
///         let depth = self.depth.load(std::sync::atomic::Ordering::Relaxed);
///         Ok(if depth < 1_000 { Outcome::healthy() } else { Outcome::degraded("the queue is long") }.data("depth", depth))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no health check",
    label = "does not implement `HealthCheck`",
    note = "implement `health_core::HealthCheck` for it, or name a function that checks it: `#[health(check = function)]`"
)]
pub trait HealthCheck: Send + Sync {
    /// Asks once.
    fn check(&self) -> impl Future<Output = Result<Outcome, Failure>> + Send;

    /// What fits every value of this type, where whoever registers one does not say otherwise: a scope, a timeout, a
    /// criticality. The name is not used. Nothing, unless a type says so.
    ///
    /// It applies wherever a value is registered: handed to [`HealthBuilder::check`](crate::HealthBuilder::check), as a
    /// field of a component, as one of a map. What is written there wins, key by key.
    ///
    /// ```
    /// use health_core::{Failure, Health, HealthCheck, Outcome, Probe, Scope, Spec};
    ///
    /// struct Mail;
    ///
    /// impl HealthCheck for Mail {
    ///     async fn check(&self) -> Result<Outcome, Failure> {
    ///         Ok(Outcome::healthy())
    ///     }
    ///
    ///     // Others depend on the same server: it is not critical unless somebody says so.
    ///     fn defaults() -> Spec {
    ///         Spec::named("").scope(Scope::Shared).timeout("2s")
    ///     }
    /// }
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), health_core::BuildError> {
    /// let health = Health::builder().check(Spec::named("mail"), Mail).build()?.start();
    /// let report = health.report(Probe::Ready).await;
    /// assert!(report.entry("mail").is_some_and(|mail| !mail.is_critical()));
    /// # Ok(())
    /// # }
    /// ```
    fn defaults() -> Spec {
        Spec::named("")
    }
}

impl<C: HealthCheck> HealthCheck for Arc<C> {
    fn check(&self) -> impl Future<Output = Result<Outcome, Failure>> + Send {
        (**self).check()
    }

    fn defaults() -> Spec {
        C::defaults()
    }
}

impl<C: HealthCheck> HealthCheck for Box<C> {
    fn check(&self) -> impl Future<Output = Result<Outcome, Failure>> + Send {
        (**self).check()
    }

    fn defaults() -> Spec {
        C::defaults()
    }
}

/// What every run comes to, whatever it is made of.
pub type RunResult = Result<Outcome, Failure>;

/// A run that has begun and is waited for.
pub type BoxedRun<'a> = Pin<Box<dyn Future<Output = RunResult> + Send + 'a>>;

/// The erased form of a check: how one run of it is begun.
#[derive(Clone)]
pub struct Runner(pub(crate) Kind);

#[derive(Clone)]
pub(crate) enum Kind {
    /// A future, polled by a task on the engine's runtime.
    Task(Arc<dyn Fn() -> BoxedRun<'static> + Send + Sync>),
    /// A function that may block, called on a thread of the engine's own.
    Thread(Arc<dyn Fn() -> RunResult + Send + Sync>),
}

impl Runner {
    /// A check that is a future.
    pub fn task(begin: impl Fn() -> BoxedRun<'static> + Send + Sync + 'static) -> Self {
        Self(Kind::Task(Arc::new(begin)))
    }

    /// A check that may block its thread.
    pub fn thread(run: impl Fn() -> RunResult + Send + Sync + 'static) -> Self {
        Self(Kind::Thread(Arc::new(run)))
    }

    /// A value that is a check.
    pub(crate) fn value(check: impl HealthCheck + 'static) -> Self {
        let check = Arc::new(check);
        Self::task(move || {
            let check = Arc::clone(&check);
            Box::pin(async move { check.check().await })
        })
    }

    /// A function whose future answers.
    pub(crate) fn function<F, R>(function: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output: IntoOutcome> + Send + 'static,
    {
        Self::task(move || {
            let run = function();
            Box::pin(async move { run.await.into_outcome() })
        })
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Task(_) => "Runner::Task",
            Kind::Thread(_) => "Runner::Thread",
        })
    }
}
