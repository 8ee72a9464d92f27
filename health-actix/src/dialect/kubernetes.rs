//! The paths and words of the Kubernetes API server.

use std::collections::BTreeSet;

use actix_web::http::header::HeaderValue;
use health_core::{Exposure, Probe, Question, RenderError};

use super::{Asked, Body, Dialect, Route};
use crate::respond::MOST_EXCLUDED;

/// The dialect of the [Kubernetes API server](https://kubernetes.io/docs/reference/using-api/health-checks/): `/livez`,
/// `/readyz`, `/startupz`, and `/healthz`, which answers the live probe, as which it is widely used. `/livez/{name}` and
/// `/readyz/{name}` tell about one check of that probe, to callers who may see checks.
///
/// `ok` when passed; the text form when not, or with `?verbose`. `?exclude=name`, up to 64 times, leaves checks out for
/// callers who may see checks and is ignored for others. A name that no check of the probe has changes nothing: a line
/// that begins with `warn:` says so, and so does the log, once.
///
/// What fails is 503, as with every dialect, where the API server says 500.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[must_use]
pub struct Kubernetes;

impl Kubernetes {
    /// The dialect as it is.
    pub fn new() -> Self {
        Self
    }
}

/// What the last line is about, which is what a format has beside the report.
#[derive(Clone, Copy, PartialEq)]
enum Whole {
    Path(&'static str),
    /// The check that was asked about; there is another report for each.
    Check,
}

impl Whole {
    fn of(asked: &Asked<'_>) -> Self {
        match asked.probe() {
            Some(Probe::Live) if asked.path().ends_with("/healthz") => Self::Path("healthz"),
            Some(Probe::Live) => Self::Path("livez"),
            Some(Probe::Ready) => Self::Path("readyz"),
            Some(Probe::Startup) => Self::Path("startupz"),
            None => Self::Check,
        }
    }

    fn word<'a>(self, asked: &Asked<'a>) -> &'a str {
        match (self, asked.question()) {
            (Self::Path(path), _) => path,
            (Self::Check, Question::Check(name)) => name,
            (Self::Check, _) => "health",
        }
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
        let whole = Whole::of(asked);
        let text = || Ok::<_, RenderError>(view.text_about(whole.word(asked)).into_bytes());
        let bytes = view.rendered(&whole, text)?;
        let warnings = warnings(asked);
        if warnings.is_empty() {
            return Ok(Body::new(content_type, bytes));
        }
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        // Before the last line, where a reader of the last line alone is not misled.
        let last = text.trim_end().rfind('\n').map_or(0, |end| end + 1);
        text.insert_str(last, &warnings);
        Ok(Body::new(content_type, text))
    }
}

/// Says which names to exclude no check has, and if there are more than are looked at.
fn warnings(asked: &Asked<'_>) -> String {
    let mut warnings = String::new();
    if asked.view().exposure() < Exposure::Checks || asked.probe().is_none() {
        return warnings;
    }
    let is_known = |name: &str| asked.view().entries().any(|entry| entry.name() == name);
    let looked_at = asked.query("exclude").take(MOST_EXCLUDED);
    let unknown: BTreeSet<_> = looked_at.filter(|name| !is_known(name)).collect();
    let unknown: Vec<_> =
        unknown.into_iter().take(MOST_SAID).map(|name| format!("{:?}", clipped(&name))).collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(",");
        warnings = format!("warn: some health checks cannot be excluded: no matches for {unknown}\n");
    }
    if asked.query("exclude").nth(MOST_EXCLUDED).is_some() {
        warnings += &format!("warn: only the first {MOST_EXCLUDED} names to exclude are looked at\n");
    }
    warnings
}

/// How many unknown names are said back, and how much of each.
const MOST_SAID: usize = 16;
const LONGEST: usize = 64;

fn clipped(name: &str) -> String {
    name.chars().take(LONGEST).collect()
}
