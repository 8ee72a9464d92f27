//! health+json, as in draft-inadarei-api-health-check-06.

use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use health_core::{Probe, RenderError, View};
use serde::Serialize;

use super::{Asked, Body, Dialect, Route};

/// The `application/health+json` dialect of `draft-inadarei-api-health-check-06`.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct HealthJson {
    about: Arc<About>,
}

/// What is said about the service itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct About {}

impl HealthJson {
    pub(crate) const MEDIA_TYPE: &'static str = "application/health+json";

    /// The dialect, saying nothing about the service itself.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn render(&self, view: &View<'_>) -> Result<Body, RenderError> {
        let bytes = view.rendered(&self.about, || serde_json::to_vec(&*self.about))?;
        Ok(Body::new(HeaderValue::from_static(Self::MEDIA_TYPE), bytes))
    }
}

impl Dialect for HealthJson {
    fn mount(&self) -> &str {
        "/health"
    }

    fn routes(&self) -> Vec<Route> {
        vec![Route::overview(""), Route::probe("/ready", Probe::Ready)]
    }

    fn body(&self, asked: &Asked<'_>) -> Result<Body, RenderError> {
        self.render(asked.view())
    }
}
