//! The native dialect: every path the library has, as JSON or text.

use actix_web::http::header::HeaderValue;
use health_core::{Exposure, Form, Probe, RenderError};

use super::{Asked, Body, Dialect, HealthJson, Route};

/// The native dialect, and the one that [`endpoints`](crate::endpoints()) speak unless told otherwise.
///
/// `/health` is an overview for people, `/health/live`, `/health/ready` and `/health/startup` are the probes,
/// `/health/checks/{name}` and `/health/groups/{group}` tell about one check or one group, `/health/events` of every
/// change. With the features of these names there are `/health/metrics` and `/health/ui`, a page for people.
///
/// JSON, unless `?verbose` is there or `Accept` prefers `text/plain` or `application/health+json`. `?status=unhealthy`
/// lists only those checks.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Native {
    health_json: HealthJson,
}

impl Native {
    /// The dialect as it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is said about the service where `Accept` asks for `application/health+json`. Default: nothing.
    pub fn health_json(mut self, health_json: HealthJson) -> Self {
        self.health_json = health_json;
        self
    }
}

impl Dialect for Native {
    fn mount(&self) -> &str {
        "/health"
    }

    fn routes(&self) -> Vec<Route> {
        let mut routes: Vec<_> =
            Probe::ALL.into_iter().map(|probe| Route::probe(format!("/{probe}"), probe)).collect();
        routes.extend([Route::overview(""), Route::check("/checks/"), Route::group("/groups/")]);
        routes.push(Route::events("/events"));
        #[cfg(feature = "metrics")]
        routes.push(Route::metrics("/metrics"));
        #[cfg(feature = "ui")]
        routes.push(Route::page("/ui"));
        routes
    }

    fn body(&self, asked: &Asked<'_>) -> Result<Body, RenderError> {
        let view = *asked.view();
        // Whoever sees no checks has none to choose from, and makes nobody render for him.
        let lists = view.exposure() >= Exposure::Checks;
        let only = lists.then(|| asked.query("status").find_map(|word| view.only(&word))).flatten();
        let view = only.unwrap_or(view);
        let types = ["application/json", "text/plain", HealthJson::MEDIA_TYPE];
        let form = match asked.preferred(&types) {
            _ if asked.is_verbose() => Form::Text,
            1 => Form::Text,
            2 => return self.health_json.render(&view),
            _ => Form::Json,
        };
        let content_type = match form {
            Form::Text => "text/plain; charset=utf-8",
            Form::Json => "application/json",
        };
        Ok(Body::new(HeaderValue::from_static(content_type), view.body(form)))
    }
}
