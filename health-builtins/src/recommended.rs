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
///
/// # As a field of a component, or asked by a function
///
/// A field has what fits every value of its type ([`HealthCheck::defaults`]): scope, timeout, criticality. What depends on
/// the value is for the keys of `#[health(check)]` to say: `interval = "30s"` for what writes (`write`, `writable`,
/// `round_trip`), `critical = true` for a [`Pressure`](crate::Pressure) with `unhealthy_above`.
///
/// For a function the keys of `#[health_check]` are all that counts, whatever it calls:
///
/// | it calls what | keys |
/// |---|---|
/// | asks over the network | `scope = "shared", timeout = "2s"` |
/// | looks at a folder, or a database in a file | `scope = "local", timeout = "2s"` |
/// | writes: `write`, `writable`, `round_trip` | `interval = "30s"` as well |
/// | is a pressure | `scope = "local", timeout = "5s", critical = false` |
///
/// ```standalone_crate
/// use health_builtins::folder::Folder;
/// use health_builtins::memory::Memory;
/// use health_builtins::{Pressure, tcp::Tcp};
/// use health_core::{Failure, Health, HealthCheck as _, HealthComponent, Outcome, health_check};
///
/// #[derive(HealthComponent)]
/// struct Shop {
///     /// The mail relay accepts connections.
///     #[health(check)]
///     relay: Tcp,
///     /// There is memory left.
///     #[health(check, timeout = "1s")]
///     memory: Pressure<Memory>,
/// }
///
/// /// Uploads can be kept.
/// #[health_check(scope = "local", timeout = "2s", interval = "30s")]
/// async fn uploads() -> Result<Outcome, Failure> {
///     Folder::writable("/var/lib/app/uploads").check().await
/// }
///
/// let shop = Shop { relay: Tcp::connect("mail.example:25"), memory: Memory::used() };
/// Health::builder().component(shop).discover().build()?;
/// # use std::time::Duration;
/// # use health_core::{DEFAULT_INTERVAL, Interval, Scope};
/// # let (often, seldom) = (Interval::Every(DEFAULT_INTERVAL), Interval::Every(Duration::from_secs(30)));
/// # let arrived: Vec<_> = health_core::catalog().declarations().iter()
/// #     .map(|it| (it.name().to_owned(), it.scope(), it.is_critical(), it.timeout(), it.interval())).collect();
/// # let two = Duration::from_secs(2);
/// # assert_eq!(arrived, [
/// #     ("shop/memory".to_owned(), Some(Scope::Local), false, Duration::from_secs(1), often),
/// #     ("shop/relay".to_owned(), Some(Scope::Shared), false, two, often),
/// #     ("uploads".to_owned(), Some(Scope::Local), true, two, seldom),
/// # ]);
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
