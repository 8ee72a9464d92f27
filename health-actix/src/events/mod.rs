//! Every change, told while it happens: server-sent events, as the HTML standard has them.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

mod event;
mod live;
#[cfg(test)]
mod tests;

use actix_web::body;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::http::{ConnectionType, Method, StatusCode, Version};
use actix_web::{HttpRequest, HttpResponse};
use health_core::{Exposure, Question};

use self::live::Live;
use crate::goodbye::Endless;
use crate::respond::{Responder, common};

/// How many may read along, unless [`Endpoints::max_event_readers`](crate::Endpoints::max_event_readers) says otherwise.
/// A management listener lets in half as many as it has connections at most, so that there are some left for probes.
pub(crate) const MOST_READERS: usize = 128;

/// What nginx needs to hand on what comes while it comes.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// In how many seconds there may be room for another reader.
const RETRY: HeaderValue = HeaderValue::from_static("5");

pub(crate) fn answer(responder: &Responder, exposure: Exposure, request: &HttpRequest) -> HttpResponse {
    // Before anything is looked at, so that nothing changes unheard between the two.
    let Some(transitions) = responder.health.subscribe_if_fewer_than(responder.max_event_readers) else {
        return common(StatusCode::SERVICE_UNAVAILABLE).insert_header((RETRY_AFTER, RETRY)).finish();
    };
    let mut answer = common(StatusCode::OK);
    answer
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("text/event-stream")))
        // Whoever compresses holds back what is too little for him, here as on the way.
        .insert_header((CONTENT_ENCODING, HeaderValue::from_static("identity")))
        .insert_header((X_ACCEL_BUFFERING, HeaderValue::from_static("no")));
    if *request.method() == Method::HEAD {
        return answer.body(body::None::new());
    }
    let report = responder.health.look(Question::Overview);
    let report = report.map(|report| event::report(transitions.begins_after(), &report.view(exposure)));
    let mut answer = answer.body(Live::new(report, transitions, responder.health.phase()));
    answer.extensions_mut().insert(Endless);
    // Nothing follows on the connection: where it ends the process is leaving, and would have to wait for its keep-alive.
    answer.head_mut().set_connection_type(ConnectionType::Close);
    if request.version() < Version::HTTP_11 {
        // Who does not know chunks is told the end by the end of the connection.
        answer.head_mut().no_chunking(true);
    }
    answer
}
