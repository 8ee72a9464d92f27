//! One answer: its code, its headers, its body.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use health_core::{Exposure, Health, Inquiry, Question, Report, Status};

use crate::codes::Codes;
use crate::dialect::{About, Asked, Body, Dialect, Route};
use crate::misuse;
use crate::profile::Profile;
use crate::query::Query;

const X_HEALTH_STATUS: HeaderName = HeaderName::from_static("x-health-status");

/// Whoever may not see checks cannot make more work than this allows.
const FLOOR: Duration = Duration::from_millis(100);

/// How many names to exclude are looked at.
pub(crate) const MOST_EXCLUDED: usize = 64;

/// Everything an answer needs beside the request.
#[derive(Clone, Debug)]
pub(crate) struct Responder {
    pub(crate) health: Health,
    pub(crate) dialect: Arc<dyn Dialect>,
    pub(crate) deadline: Duration,
    pub(crate) codes: Codes,
    pub(crate) profiles: Vec<Profile>,
    #[cfg(feature = "metrics")]
    pub(crate) histograms: Option<bool>,
    pub(crate) max_event_readers: usize,
}

impl Responder {
    /// The answer to this request, for a caller who may see as much as `exposure`; `None` if no check or group has this
    /// name.
    pub(crate) async fn answer(
        &self,
        route: &Route,
        name: &str,
        exposure: Exposure,
        request: &HttpRequest,
    ) -> Option<HttpResponse> {
        // OPTIONS is what HAProxy asks with unless told otherwise.
        if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
            return Some(refusal("GET, HEAD, OPTIONS"));
        }
        if route.about == About::Overview {
            misuse::overview_asked(request);
        }
        let (query, question) = (Query::new(request.query_string()), route.about.question(name));
        let report = self.ask(route, question, exposure, query, request).await?;
        Some(self.render(&report, question, exposure, query, request))
    }

    async fn ask(
        &self,
        route: &Route,
        question: Question<'_>,
        exposure: Exposure,
        query: Query<'_>,
        request: &HttpRequest,
    ) -> Option<Report> {
        let may_see = exposure >= Exposure::Checks;
        let floor = if may_see { Duration::ZERO } else { FLOOR };
        let inquiry = Inquiry::about(question).within(self.deadline).cached_for(floor);
        if !(may_see && route.can_exclude && query.has("exclude")) {
            let report = self.health.ask(inquiry).await?;
            return Some(report).filter(|report| is_about(route, report));
        }
        let excluded: Vec<_> = query.values("exclude").take(MOST_EXCLUDED).collect();
        let excluded: Vec<_> = excluded.iter().map(|name| &**name).collect();
        let report = self.health.ask(inquiry.excluding(&excluded)).await?;
        let report = Some(report).filter(|report| is_about(route, report))?;
        if excluded.iter().any(|name| report.entry(name).is_none()) {
            misuse::unknown_excluded(request);
        }
        Some(report)
    }

    fn render(
        &self,
        report: &Report,
        question: Question<'_>,
        exposure: Exposure,
        query: Query<'_>,
        request: &HttpRequest,
    ) -> HttpResponse {
        let view = report.view(exposure);
        // What somebody else wrote must not end the connection.
        let rendered = catch_unwind(AssertUnwindSafe(|| {
            // Of all there is to see, so that it is the same whoever asks.
            let verdict = self.dialect.verdict(&report.view(Exposure::Full));
            let (headers, path) = (request.headers(), request.path());
            let asked = Asked { health: &self.health, question, view, verdict, query, headers, path };
            self.dialect.body(&asked).map(|body| (verdict, body))
        }));
        let (verdict, Body { content_type, bytes, fresh_for }) = match rendered {
            Ok(Ok(rendered)) => rendered,
            Ok(Err(error)) => return broken(request, &error),
            Err(_) => return broken(request, &"a panic"),
        };
        let code = self.codes.of(verdict, &view);
        let mut answer = common(code);
        answer.insert_header((X_HEALTH_STATUS, word(verdict)));
        if code == StatusCode::OK && verdict != Status::Unhealthy && fresh_for.as_secs() > 0 {
            answer.insert_header((CACHE_CONTROL, lifetime(fresh_for.as_secs(), exposure)));
        }
        for profile in &self.profiles {
            profile.dress(&mut answer, &view);
        }
        if matches!(code, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT) {
            return answer.finish();
        }
        with_body(request, answer, content_type, bytes)
    }
}

/// The answer with this body, which HEAD is only told about.
pub(crate) fn with_body(
    request: &HttpRequest,
    mut answer: HttpResponseBuilder,
    content_type: HeaderValue,
    bytes: Bytes,
) -> HttpResponse {
    answer.insert_header((CONTENT_TYPE, content_type));
    if *request.method() == Method::HEAD {
        return answer.no_chunking(bytes.len() as u64).body(Withheld);
    }
    answer.body(bytes)
}

/// Whether the check that was asked about weighs in the probe below which it was asked about.
fn is_about(route: &Route, report: &Report) -> bool {
    match route.about {
        About::Check(Some(probe)) => report.entries().iter().all(|entry| entry.probes().contains(probe)),
        _ => true,
    }
}

/// 500 is said of nobody but ourselves.
fn broken(request: &HttpRequest, why: &dyn std::fmt::Display) -> HttpResponse {
    misuse::not_rendered(request, why);
    let sentence = "The health is known and could not be written down; the log says why.\n";
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    with_body(request, common(StatusCode::INTERNAL_SERVER_ERROR), content_type, sentence.into())
}

/// The answer to a method that is not one of these.
pub(crate) fn refusal(allowed: &'static str) -> HttpResponse {
    common(StatusCode::METHOD_NOT_ALLOWED).insert_header((ALLOW, allowed)).finish()
}

/// What every answer has.
pub(crate) fn common(code: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(code);
    answer
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .insert_header((X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
    answer
}

/// What a cache between us and the caller must not hand to others is private.
fn lifetime(seconds: u64, exposure: Exposure) -> String {
    let private = if exposure >= Exposure::Checks { "private, " } else { "" };
    format!("{private}max-age={seconds}")
}

fn word(status: Status) -> HeaderValue {
    HeaderValue::from_static(status.as_str())
}

/// The body of an answer to HEAD: none, whatever length the headers announce.
///
/// That the server withholds the body is not relied upon: actix-http decides by the request it read last, which in a
/// pipeline is a later one, and a stray body would be taken for the next answer.
struct Withheld;

impl MessageBody for Withheld {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        // Not a size of zero, which would become the length.
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}
