//! What a check recommends about itself.

use std::borrow::Cow;
use std::sync::Arc;

use health_core::{HealthCheck, Scope, Spec};

/// A check that knows how it is best run.
///
/// What it recommends is an ordinary [`Spec`]: everything in it can be changed before it is handed in.
///
/// ```
/// use health_builtins::Recommended as _;
/// use health_builtins::tcp::Tcp;
/// use health_core::{Health, Scope};
///
/// let smtp = Tcp::connect("mail.example:25");
/// let spec = smtp.spec("smtp").timeout("500ms").critical(true);
/// Health::builder().check(spec, smtp).build()?;
/// # Ok::<(), health_core::BuildError>(())
/// ```
pub trait Recommended: HealthCheck {
    /// The limits, the scope and the weight that fit this check, under this name.
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec;
}

impl<C: Recommended> Recommended for Arc<C> {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        (**self).spec(name)
    }
}

impl<C: Recommended> Recommended for Box<C> {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        (**self).spec(name)
    }
}

/// What others depend on too, over the network: not critical unless its user says so.
#[track_caller]
pub(crate) fn over_the_network(name: impl Into<Cow<'static, str>>) -> Spec {
    Spec::named(name).scope(Scope::Shared).timeout("2s")
}

/// What only this instance depends on: its own process, or the machine below it.
#[track_caller]
pub(crate) fn on_this_machine(name: impl Into<Cow<'static, str>>) -> Spec {
    Spec::named(name).scope(Scope::Local)
}
