//! What balancers want beside a code: codes and headers on top of any dialect.

use actix_web::HttpResponseBuilder;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use health_core::{Phase, Status, View};

use crate::codes::Codes;

const X_ENVOY_DEGRADED: HeaderName = HeaderName::from_static("x-envoy-degraded");
pub(crate) const X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL: HeaderName =
    HeaderName::from_static("x-envoy-immediate-health-check-fail");
pub(crate) const ONE: HeaderValue = HeaderValue::from_static("1");

/// What one balancer wants beside the law of codes; given to [`Endpoints::profile`](crate::Endpoints::profile), on top
/// of any dialect.
///
/// ```
/// use health_actix::Profile;
///
/// # fn mount(health: health_core::Health) -> health_actix::Endpoints {
/// health_actix::endpoints(health).profile(Profile::envoy())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Envoy { fails_at_once: bool },
    Consul,
    HaProxy,
}

impl Profile {
    /// [Envoy](https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/health_check_filter):
    /// `x-envoy-degraded: 1` when a check that is not [shared](health_core::Scope::Shared) degrades what is asked. A
    /// degraded host gets traffic only when too few healthy ones are left; where the cause is everybody's, that would
    /// only move load around.
    #[must_use]
    pub const fn envoy() -> Self {
        Self(Kind::Envoy { fails_at_once: false })
    }

    /// Envoy as in [`envoy`](Self::envoy), and while draining `x-envoy-immediate-health-check-fail: 1`: Envoy then takes the host out at
    /// once, whatever its unhealthy threshold. For the header on ordinary answers too, wrap the application in
    /// [`goodbye`](crate::goodbye()).
    #[must_use]
    pub const fn envoy_failing_at_once() -> Self {
        Self(Kind::Envoy { fails_at_once: true })
    }

    /// [Consul](https://developer.hashicorp.com/consul/docs/register/health-check/vm): degraded is 429, which Consul
    /// takes for a warning.
    #[must_use]
    pub const fn consul() -> Self {
        Self(Kind::Consul)
    }

    /// [HAProxy](https://docs.haproxy.org/2.6/configuration.html#4.2-http-check%20disable-on-404): 404 while draining,
    /// which with `http-check disable-on-404` is a soft stop: no new sessions, those that stick go on.
    #[must_use]
    pub const fn haproxy() -> Self {
        Self(Kind::HaProxy)
    }

    pub(crate) fn change(self, codes: &mut Codes) {
        match self.0 {
            Kind::Envoy { .. } => {}
            Kind::Consul => codes.set(Status::Degraded, StatusCode::TOO_MANY_REQUESTS),
            Kind::HaProxy => codes.set_draining(StatusCode::NOT_FOUND),
        }
    }

    pub(crate) fn dress(self, answer: &mut HttpResponseBuilder, view: &View<'_>) {
        let Kind::Envoy { fails_at_once } = self.0 else { return };
        if view.is_degraded_here() {
            answer.insert_header((X_ENVOY_DEGRADED, ONE));
        }
        if fails_at_once && view.phase() == Phase::Draining {
            answer.insert_header((X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL, ONE));
        }
    }
}
