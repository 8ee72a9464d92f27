//! One answer: its code, its headers, its body.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use health_core::{Exposure, Form, Health, Probe, Report, Status};

use crate::misuse;
use crate::negotiate::Wish;

const X_HEALTH_STATUS: HeaderName = HeaderName::from_static("x-health-status");

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    Overview,
    Probe(Probe),
    Check(&'a str),
    Group(&'a str),
}

/// Everything an answer needs beside the request.
#[derive(Clone, Debug)]
pub(crate) struct Responder {
    pub(crate) health: Health,
    pub(crate) exposure: Exposure,
    pub(crate) deadline: Duration,
    pub(crate) codes: Codes,
}

/// The code of every status.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Codes {
    healthy: StatusCode,
    degraded: StatusCode,
    unhealthy: StatusCode,
}

impl Default for Codes {
    fn default() -> Self {
        Self { healthy: StatusCode::OK, degraded: StatusCode::OK, unhealthy: StatusCode::SERVICE_UNAVAILABLE }
    }
}

impl Codes {
    pub(crate) fn set(&mut self, status: Status, code: StatusCode) {
        match status {
            Status::Healthy => self.healthy = code,
            Status::Degraded => self.degraded = code,
            Status::Unhealthy => self.unhealthy = code,
        }
    }

    fn of(self, status: Status) -> StatusCode {
        match status {
            Status::Healthy => self.healthy,
            Status::Degraded => self.degraded,
            Status::Unhealthy => self.unhealthy,
        }
    }
}

impl Responder {
    /// The answer to this request; `None` if no check or group has this name.
    pub(crate) async fn answer(&self, subject: Subject<'_>, request: &HttpRequest) -> Option<HttpResponse> {
        // OPTIONS is what HAProxy asks with unless told otherwise.
        if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
            let mut refusal = common(StatusCode::METHOD_NOT_ALLOWED);
            return Some(refusal.insert_header((ALLOW, "GET, HEAD, OPTIONS")).finish());
        }
        let report = self.ask(subject, request).await?;
        Some(self.render(&report, request))
    }

    async fn ask(&self, subject: Subject<'_>, request: &HttpRequest) -> Option<Report> {
        match subject {
            Subject::Overview => {
                misuse::overview_asked(request);
                Some(self.health.overview_within(self.deadline).await)
            }
            Subject::Probe(probe) => Some(self.health.report_within(probe, self.deadline).await),
            Subject::Check(name) => self.health.check_within(name, self.deadline).await,
            Subject::Group(name) => self.health.group_within(name, self.deadline).await,
        }
    }

    fn render(&self, report: &Report, request: &HttpRequest) -> HttpResponse {
        let wish = Wish::of(request);
        let view = report.view(self.exposure);
        let view = wish.statuses.iter().find_map(|word| view.only(word)).unwrap_or(view);
        let body = view.body(wish.form);
        let status = report.status();
        let mut answer = common(self.codes.of(status));
        answer
            .insert_header((CONTENT_TYPE, content_type(wish.form)))
            .insert_header((X_HEALTH_STATUS, word(status)));
        if *request.method() == Method::HEAD {
            return answer.no_chunking(body.len() as u64).body(Withheld);
        }
        answer.body(body)
    }
}

fn common(code: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(code);
    answer
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .insert_header((X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
    answer
}

fn content_type(form: Form) -> HeaderValue {
    HeaderValue::from_static(match form {
        Form::Text => "text/plain; charset=utf-8",
        Form::Json => "application/json",
    })
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
