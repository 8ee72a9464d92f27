//! A value that owns several checks, named hierarchically.

mod named;
mod part;
mod parts;

use std::sync::Arc;

pub use named::NamedChecks;
pub(crate) use part::Part;
pub use parts::Parts;
pub(crate) use parts::{Declared, DeclaredCheck, Origin};

/// A value that owns several checks, named below it: `billing/ledger`, `billing/archive/disk`.
///
/// Usually derived. By hand:
///
/// ```
/// use health_core::{Failure, HealthCheck, HealthComponent, Outcome, Parts, Spec};
///
/// struct Invoices;
/// impl HealthCheck for Invoices {
///     async fn check(&self) -> Result<Outcome, Failure> {
///         Ok(Outcome::healthy())
///     }
/// }
///
/// struct Billing { invoices: Invoices }
/// impl HealthComponent for Billing {
///     const NAME: &'static str = "billing";
///     fn parts(parts: &mut Parts<'_, Self>) {
///         parts.check(Spec::named("invoices").critical(false), |this| &this.invoices);
///     }
/// }
///
/// # fn main() -> Result<(), health_core::BuildError> {
/// let assembly = health_core::Health::builder().component(Billing { invoices: Invoices }).build()?;
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no health component",
    label = "does not implement `HealthComponent`",
    note = "derive it: `#[derive(HealthComponent)]`"
)]
pub trait HealthComponent: Send + Sync + 'static {
    /// The name under which it is handed in unless another is given.
    const NAME: &'static str;

    /// Declares the checks. Called once with the value at `build()`, and without one for a listing; so it names
    /// fields and never looks into them.
    fn parts(parts: &mut Parts<'_, Self>)
    where
        Self: Sized;
}

impl<C: HealthComponent> HealthComponent for Arc<C> {
    const NAME: &'static str = C::NAME;

    fn parts(parts: &mut Parts<'_, Self>) {
        parts.through(|this| Some(&**this));
    }
}

impl<C: HealthComponent> HealthComponent for Box<C> {
    const NAME: &'static str = C::NAME;

    fn parts(parts: &mut Parts<'_, Self>) {
        parts.through(|this| Some(&**this));
    }
}

/// A component that may be absent; an absent one declares nothing.
impl<C: HealthComponent> HealthComponent for Option<C> {
    const NAME: &'static str = C::NAME;

    fn parts(parts: &mut Parts<'_, Self>) {
        parts.through(Option::as_ref);
    }
}
