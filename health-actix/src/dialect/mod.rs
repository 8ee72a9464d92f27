//! A set of paths, a body format and a law of status codes: what one kind of reader expects.

mod asked;
#[cfg(feature = "dynamo")]
mod dynamo;
mod health_json;
#[cfg(feature = "kubernetes")]
mod kubernetes;
#[cfg(feature = "microprofile")]
mod microprofile;
mod native;
#[cfg(feature = "nativelink")]
mod nativelink;
mod route;
#[cfg(feature = "spring")]
mod spring;

use std::fmt;
use std::time::Duration;

use actix_web::http::header::HeaderValue;
use actix_web::web::Bytes;
use health_core::{RenderError, Status, View};

pub use asked::Asked;
#[cfg(feature = "dynamo")]
pub use dynamo::{Dynamo, DynamoError};
pub use health_json::{ComponentDetails, HealthJson};
#[cfg(feature = "kubernetes")]
pub use kubernetes::Kubernetes;
#[cfg(feature = "microprofile")]
pub use microprofile::MicroProfile;
pub use native::Native;
#[cfg(feature = "nativelink")]
pub use nativelink::NativeLink;
pub use route::Route;
pub(crate) use route::{About, Reader};
#[cfg(feature = "spring")]
pub use spring::Spring;

/// What one kind of reader expects: where it asks, and in which words it is answered.
///
/// A dialect decides nothing. It gets a [`View`] of the report, at the exposure of the caller, and says it in its own
/// words; the code, the headers, HEAD, OPTIONS and refusals are the same for all of them. Several can be mounted side by
/// side on one application over one health: each is given to [`Endpoints::dialect`](crate::Endpoints::dialect).
///
/// ```
/// use health_actix::dialect::{Asked, Body, Dialect, Route};
/// use health_core::{Probe, RenderError};
/// use actix_web::http::header::HeaderValue;
///
/// /// `GET /up` says yes or no.
/// #[derive(Clone, Debug, PartialEq)]
/// struct YesOrNo;
///
/// impl Dialect for YesOrNo {
///     fn routes(&self) -> Vec<Route> {
///         vec![Route::probe("/up", Probe::Ready)]
///     }
///
///     fn body(&self, asked: &Asked<'_>) -> Result<Body, RenderError> {
///         let word = if asked.is_passed() { "yes" } else { "no" };
///         Ok(Body::new(HeaderValue::from_static("text/plain"), word))
///     }
/// }
///
/// # fn mount(health: health_core::Health) -> health_actix::Endpoints {
/// health_actix::endpoints(health).dialect(YesOrNo)
/// # }
/// ```
pub trait Dialect: fmt::Debug + Send + Sync + 'static {
    /// Where its paths begin, unless [`Endpoints::mount`](crate::Endpoints::mount) says otherwise. Default: nowhere, so
    /// that its paths are what they are.
    fn mount(&self) -> &str {
        ""
    }

    /// The paths it answers, below the mount. Asked once in each worker, when the application is built.
    fn routes(&self) -> Vec<Route>;

    /// The verdict, in case the dialect has a documented option to take a state for another, as some have for a process
    /// that is still starting. Default: the verdict of the report.
    ///
    /// The view is one that shows everything, and not the one of the caller: a code is the same for all of them.
    fn verdict(&self, view: &View<'_>) -> Status {
        view.status()
    }

    /// The body of an answer. What does not depend on the request is rendered once with [`View::rendered`].
    ///
    /// # Errors
    ///
    /// A view that cannot be rendered is answered with 500 and a plain sentence; so is a panic.
    fn body(&self, asked: &Asked<'_>) -> Result<Body, RenderError>;
}

/// The body of an answer, and what type it is of.
#[derive(Clone, Debug)]
pub struct Body {
    pub(crate) content_type: HeaderValue,
    pub(crate) bytes: Bytes,
    pub(crate) fresh_for: Duration,
}

impl Body {
    /// A body of this media type.
    pub fn new(content_type: HeaderValue, bytes: impl Into<Bytes>) -> Self {
        Self { content_type, bytes: bytes.into(), fresh_for: Duration::ZERO }
    }

    /// Whoever asks may keep the answer for this long, in whole seconds. Default: none, which is said as `no-store`.
    ///
    /// Only said with the code 200, never of what is unhealthy, and to a caller who may see checks as `private`, so that
    /// nobody else is handed what was meant for him.
    #[must_use]
    pub fn fresh_for(mut self, lifetime: Duration) -> Self {
        self.fresh_for = lifetime;
        self
    }
}
