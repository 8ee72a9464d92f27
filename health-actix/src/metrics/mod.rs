//! What Prometheus scrapes: how everything stands, as the engine keeps it up. Nothing runs for it, and nobody waits.

mod families;
mod format;
mod sheet;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use health_core::{Exposure, Health, Question};
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::registry::Registry;

use crate::Endpoints;
use crate::respond::{Responder, common, with_body};
use families::Families;
use format::Format;

/// Up to so many checks have histograms: each has as many series as all else about its check.
const MOST_HISTOGRAMS: usize = 200;

/// More than a check takes up, so that the text need not grow while it is written.
const BYTES: usize = 4096;

/// The metrics of a health, for an application that has a `/metrics` of its own and wants them there.
///
/// What [`/health/metrics`](crate::dialect::Native) answers with, to be put before or behind the families of the
/// application: their names begin with `health_`. To write it down runs no check and waits for nothing. It shows what
/// callers with [`Exposure::Checks`] may see, so let nobody else have it.
///
/// ```
/// use actix_web::{HttpResponse, web};
/// use health_actix::Metrics;
/// use health_core::Health;
///
/// # fn of_the_application() -> String { String::new() }
/// async fn metrics(health: web::Data<Health>) -> HttpResponse {
///     let text = of_the_application() + &Metrics::of(&health).text();
///     HttpResponse::Ok().content_type(Metrics::TEXT).body(text)
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "metrics are nothing until they are written down"]
pub struct Metrics {
    health: Health,
    histograms: Option<bool>,
}

impl Metrics {
    /// The media type of [`text`](Self::text).
    pub const TEXT: &str = Format::Text.media_type();

    /// The media type of [`open_metrics`](Self::open_metrics).
    pub const OPEN_METRICS: &str = Format::OpenMetrics.media_type();

    /// The metrics of this health, which stays alive for as long.
    pub fn of(health: &Health) -> Self {
        Self { health: health.clone(), histograms: None }
    }

    /// Whether `health_check_duration_seconds` is a histogram, with 12 series for each check beside its sum and its
    /// count, or a summary of those two alone. Default: a histogram up to 200 checks.
    pub fn histograms(mut self, wanted: bool) -> Self {
        self.histograms = Some(wanted);
        self
    }

    /// How everything stands, in the
    /// [text format 0.0.4](https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format) of Prometheus.
    #[must_use]
    pub fn text(&self) -> String {
        self.written(Format::Text)
    }

    /// How everything stands, as [OpenMetrics 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/) without the
    /// `# EOF` that ends an answer: whoever puts the last family there adds it.
    #[must_use]
    pub fn open_metrics(&self) -> String {
        self.written(Format::OpenMetrics)
    }

    fn written(&self, format: Format) -> String {
        let report = self.health.look(Question::Overview);
        let checks = report.as_ref().map_or(0, |report| report.entries().len());
        let has_histograms = self.histograms.unwrap_or(checks <= MOST_HISTOGRAMS);
        let mut text = String::with_capacity(BYTES * (checks + 1));
        let mut registry = Registry::default();
        let health = self.health.clone();
        registry.register_collector(Box::new(Families { health, report, format, has_histograms }));
        // Nothing that is written into a string can fail.
        encode_registry(&mut text, &registry).unwrap_or_default();
        if !has_histograms {
            sheet::summarise(&mut text, families::DURATION);
        }
        text
    }
}

impl Endpoints {
    /// Whether `/metrics` has a histogram of the durations of each check, as [`Metrics::histograms`] says. Default: up to
    /// 200 checks.
    pub fn histograms(mut self, wanted: bool) -> Self {
        self.responder.histograms = Some(wanted);
        self
    }
}

/// The answer to a caller who may see checks. It says how things are and no verdict: 200 whatever is wrong.
pub(crate) fn answer(responder: &Responder, _: Exposure, request: &HttpRequest) -> HttpResponse {
    let metrics = Metrics { health: responder.health.clone(), histograms: responder.histograms };
    let format = Format::preferred(request.headers());
    let mut text = metrics.written(format);
    if format == Format::OpenMetrics {
        encode_eof(&mut text).unwrap_or_default();
    }
    with_body(request, common(StatusCode::OK), format.header(), text.into())
}
