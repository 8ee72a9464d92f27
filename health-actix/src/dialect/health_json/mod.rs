//! health+json, as in draft-inadarei-api-health-check-06.

mod about;
mod written;

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::HeaderValue;
use health_core::{Probe, RenderError, View};

pub use about::ComponentDetails;
use about::{About, insert_link};

use super::{Asked, Body, Dialect, Route};

/// The `application/health+json` dialect of
/// [draft-inadarei-api-health-check-06](https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06), on
/// the same paths as [`Native`](super::Native), and in place of its JSON where `Accept` prefers it.
///
/// `status` is `pass`, `warn` or `fail`. At exposure `Status` that is all there is, also of what is said here about the
/// service: the public answer is a code and one word. From `Checks` on come what is said here about the service,
/// `output` with what makes the whole worse than `pass`, and for each check how long its last run took, as
/// `"name:responseTime"` in ms; one that never ran has its bare name for a key. `Full` adds the numbers that checks report,
/// as `"name:datum"`, without a unit unless [one is said](ComponentDetails::unit). A colon in the name of a number
/// becomes `_`; a number whose key is taken is left out. What is not observed is `fail`, or `warn` if it cannot make the
/// whole unhealthy.
///
/// ```
/// use health_actix::dialect::{ComponentDetails, HealthJson, Native};
///
/// let health_json = HealthJson::new()
///     .version("1")
///     .release_id("1.2.2")
///     .description("health of the orders service")
///     .link("about", "https://example.org/about/orders")
///     .component("db", ComponentDetails::new().kind("datastore").unit("size", "By").affects(["/orders/{id}"]));
/// # fn mount(health: health_core::Health, health_json: HealthJson) -> health_actix::Endpoints {
/// // Beside the native JSON; given to `dialect` itself it would be the only form.
/// health_actix::endpoints(health).dialect(Native::new().health_json(health_json))
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct HealthJson {
    about: Arc<About>,
    max_age: Duration,
}

impl HealthJson {
    pub(crate) const MEDIA_TYPE: &'static str = "application/health+json";

    /// The dialect, saying nothing about the service itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// The public version of the service.
    pub fn version(self, version: impl Into<String>) -> Self {
        self.saying(|about| about.version = Some(version.into()))
    }

    /// The release of the implementation, which changes more often than the version.
    pub fn release_id(self, release: impl Into<String>) -> Self {
        self.saying(|about| about.release_id = Some(release.into()))
    }

    /// What identifies the service within the application it is part of.
    pub fn service_id(self, id: impl Into<String>) -> Self {
        self.saying(|about| about.service_id = Some(id.into()))
    }

    /// The service in words for people.
    pub fn description(self, description: impl Into<String>) -> Self {
        self.saying(|about| about.description = Some(description.into()))
    }

    /// One more note.
    pub fn note(self, note: impl Into<String>) -> Self {
        self.saying(|about| about.notes.push(note.into()))
    }

    /// Where more is said about the health of the service. A second link of the same relation replaces the first.
    ///
    /// The target is a URI, the relation a [registered](https://www.iana.org/assignments/link-relations) one or a URI
    /// that leads to what it means. Anything else is refused with an error in the log.
    pub fn link(self, relation: impl Into<String>, target: impl Into<String>) -> Self {
        self.saying(|about| insert_link(&mut about.links, relation.into(), target.into()))
    }

    /// What is known about the check of this name beside what it reports. Said a second time, it replaces the first.
    pub fn component(self, check: impl Into<String>, details: ComponentDetails) -> Self {
        self.saying(|about| drop(about.components.insert(check.into(), details)))
    }

    /// For how long an answer may be kept, in whole seconds: `Cache-Control: max-age=` in place of `no-store`, as the
    /// draft recommends. Default: not at all, because a poller must not be told what was.
    ///
    /// Only with the code 200, and only where this dialect is mounted: what [`Native`](super::Native) answers depends on
    /// `Accept`, and not every cache looks there.
    pub fn max_age(mut self, lifetime: Duration) -> Self {
        self.max_age = lifetime;
        self
    }

    fn saying(mut self, say: impl FnOnce(&mut About)) -> Self {
        say(Arc::make_mut(&mut self.about));
        self
    }

    pub(crate) fn render(&self, view: &View<'_>) -> Result<Body, RenderError> {
        let bytes = view.rendered(&self.about, || written::written(view, &self.about))?;
        Ok(Body::new(HeaderValue::from_static(Self::MEDIA_TYPE), bytes))
    }
}

impl Dialect for HealthJson {
    fn mount(&self) -> &str {
        "/health"
    }

    fn routes(&self) -> Vec<Route> {
        let probe = |probe| Route::probe(format!("/{probe}"), probe);
        let mut routes: Vec<_> = Probe::ALL.into_iter().map(probe).collect();
        routes.extend([Route::overview(""), Route::check("/checks/"), Route::group("/groups/")]);
        routes
    }

    fn body(&self, asked: &Asked<'_>) -> Result<Body, RenderError> {
        Ok(self.render(asked.view())?.fresh_for(self.max_age))
    }
}
