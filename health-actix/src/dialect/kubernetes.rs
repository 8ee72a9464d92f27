//! The paths and words of the Kubernetes API server.

use actix_web::http::header::HeaderValue;
use health_core::{Exposure, Probe, RenderError};

use super::{Asked, Body, Dialect, Route};

/// The dialect of the [Kubernetes API server](https://kubernetes.io/docs/reference/using-api/health-checks/): `/livez`,
/// `/readyz`, `/startupz`, and `/healthz`, which answers the live probe, as which it is widely used. `/livez/{name}` and
/// `/readyz/{name}` tell about one check of that probe, to callers who may see checks.
///
/// `ok` when passed; the text form when not, or with `?verbose`. `?exclude=name`, as often as need be, leaves checks out
/// for callers who may see checks and is ignored for others. A name that no check has changes nothing: a line that
/// begins with `warn:` says so, and so does the log, once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[must_use]
pub struct Kubernetes;

impl Kubernetes {
    /// The dialect as it is.
    pub fn new() -> Self {
        Self
    }
}

/// The whole as it is called in the last line.
fn whole(asked: &Asked<'_>) -> &'static str {
    match asked.probe() {
        Some(Probe::Live) => "livez",
        Some(Probe::Ready) => "readyz",
        Some(Probe::Startup) => "startupz",
        None => "check",
    }
}

impl Dialect for Kubernetes {
    fn routes(&self) -> Vec<Route> {
        vec![
            Route::probe("/livez", Probe::Live).with_exclude(),
            Route::probe("/readyz", Probe::Ready).with_exclude(),
            Route::probe("/startupz", Probe::Startup).with_exclude(),
            Route::probe("/healthz", Probe::Live).with_exclude(),
            Route::check_of("/livez/", Probe::Live),
            Route::check_of("/readyz/", Probe::Ready),
        ]
    }

    fn body(&self, asked: &Asked<'_>) -> Result<Body, RenderError> {
        let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
        if asked.is_passed() && !asked.is_verbose() {
            return Ok(Body::new(content_type, "ok"));
        }
        let view = asked.view();
        let text = || Ok::<_, RenderError>(view.text_about(whole(asked)).into_bytes());
        let bytes = view.rendered(self, text)?;
        let unknown = unknown(asked);
        if unknown.is_empty() {
            return Ok(Body::new(content_type, bytes));
        }
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        // Before the last line, where a reader of the last line alone is not misled.
        let last = text.trim_end().rfind('\n').map_or(0, |end| end + 1);
        text.insert_str(last, &unknown);
        Ok(Body::new(content_type, text))
    }
}

/// Says which names to exclude no check has.
fn unknown(asked: &Asked<'_>) -> String {
    if asked.view().exposure() < Exposure::Checks {
        return String::new();
    }
    let is_known = |name: &str| asked.view().entries().any(|entry| entry.name() == name);
    let unknown: Vec<_> = asked.query("exclude").filter(|name| !is_known(name)).take(MOST).collect();
    if unknown.is_empty() {
        return String::new();
    }
    let quoted: Vec<_> = unknown.iter().map(|name| format!("{:?}", clipped(name))).collect();
    format!("warn: some health checks cannot be excluded: no matches for {}\n", quoted.join(","))
}

/// How many unknown names are said back, and how much of each.
const MOST: usize = 16;
const LONGEST: usize = 64;

fn clipped(name: &str) -> String {
    name.chars().take(LONGEST).collect()
}
