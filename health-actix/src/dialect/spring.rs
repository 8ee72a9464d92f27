//! The paths and words of Spring Boot Actuator.

mod tree;

use actix_web::http::header::HeaderValue;
use health_core::{Exposure, Probe, Question, RenderError, Status, View};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use self::tree::{Node, Written};
use super::{Asked, Body, Dialect, Route};

/// The dialect of [Spring Boot Actuator](https://docs.spring.io/spring-boot/api/rest/actuator/health.html), for readers
/// like Spring Boot Admin.
///
/// `/actuator/health` is the overview, `/actuator/health/liveness` and `/actuator/health/readiness` are the probes, as
/// groups. `/actuator/health/{component}` and below tell about one check or all checks below a name, to callers who may
/// see checks; a check called `liveness` or `readiness` is found in the overview only.
///
/// - `UP`; `DOWN` when unhealthy; `OUT_OF_SERVICE` when unhealthy while the process starts or drains; `UNKNOWN` for a
///   check without a usable observation, which does not make the whole better than `DOWN`. Degraded is `UP`, with
///   `"degraded":true` in the details.
/// - Names are a tree by their slashes. A check has its own status; what has checks below it is `DOWN` when one of them
///   makes the whole unhealthy, or when there is a check of its own name that is. So a check that fails and is not
///   critical is `DOWN` in what is `UP`. The code is the one of the outermost status, `UNKNOWN` counting as `DOWN`.
/// - With [`Exposure::Status`] there is nothing but the outermost status, not even the names of the groups. `Checks`
///   adds the components, with the summary in their details; `Full` adds the error and the data of the last run, except
///   data called like a detail that is there already.
/// - `application/vnd.spring-boot.actuator.v3+json`, unless `Accept` prefers `application/json`, which is the same, or
///   `application/vnd.spring-boot.actuator.v2+json`, where components stand among the details.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[must_use]
pub struct Spring;

impl Spring {
    /// The dialect as it is.
    pub fn new() -> Self {
        Self
    }
}

/// The version of the format.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Version {
    V2,
    V3,
}

const TYPES: [&str; 3] = [
    "application/vnd.spring-boot.actuator.v3+json",
    "application/vnd.spring-boot.actuator.v2+json",
    "application/json",
];

impl Dialect for Spring {
    fn mount(&self) -> &str {
        "/actuator/health"
    }

    fn routes(&self) -> Vec<Route> {
        vec![
            Route::overview(""),
            Route::probe("/liveness", Probe::Live),
            Route::probe("/readiness", Probe::Ready),
            Route::tree("/"),
        ]
    }

    fn body(&self, asked: &Asked<'_>) -> Result<Body, RenderError> {
        let (version, content_type) = match asked.preferred(&TYPES) {
            1 => (Version::V2, TYPES[1]),
            2 => (Version::V3, TYPES[2]),
            _ => (Version::V3, TYPES[0]),
        };
        let view = asked.view();
        let bytes = match asked.question() {
            Question::Tree(name) => {
                let level = name.split('/').count();
                view.rendered(&(*self, version, level), || {
                    let node = Node::of(view, level);
                    serde_json::to_vec(&Written { node: &node, version })
                })
            }
            question => view.rendered(&(*self, version), || {
                let names_groups = question == Question::Overview;
                serde_json::to_vec(&System { view, version, names_groups })
            }),
        };
        Ok(Body::new(HeaderValue::from_static(content_type), bytes?))
    }
}

/// The outermost object: the whole, or one of its groups.
struct System<'a> {
    view: &'a View<'a>,
    version: Version,
    names_groups: bool,
}

impl Serialize for System<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { view, version, names_groups } = *self;
        let status = match view.status() {
            Status::Unhealthy if view.is_draining() || view.is_starting() => "OUT_OF_SERVICE",
            Status::Unhealthy => "DOWN",
            Status::Healthy | Status::Degraded => "UP",
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", status)?;
        if view.exposure() >= Exposure::Checks {
            map.serialize_entry(version.components(), &Node::of(view, 0).components(version))?;
            if names_groups {
                map.serialize_entry("groups", &["liveness", "readiness"])?;
            }
        }
        map.end()
    }
}

impl Version {
    /// What the components of something are called.
    fn components(self) -> &'static str {
        match self {
            Self::V2 => "details",
            Self::V3 => "components",
        }
    }
}
