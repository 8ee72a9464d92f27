//! What ordinary answers say while the process is leaving, and how many of them are under way.

mod counted;
#[cfg(test)]
mod tests;
pub(crate) mod workers;

use std::fmt;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::{ConnectionType, StatusCode, Version};
use actix_web::{Error, HttpResponse, ResponseError};
use health_core::{Health, Phase, Work};

use self::counted::Counted;
use self::workers::Worker;
use crate::profile::{ONE, X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL};

/// Counts the requests of an application while they are under way, so that [`run`](crate::run) can wait for them; and
/// says on every answer that the process is leaving, once it [drains](Health::drain): HTTP/1 connections are closed
/// after the answer that is under way, so that their clients go elsewhere before this process stops. Given to
/// `.wrap(..)`, as the last one and so around all others; before and after draining it changes no answer.
///
/// A request is [under way](Health::under_way), as one of the "requests", from the moment it comes here until the last
/// byte of its answer is handed to the connection. A stream of health events is not, which ends by itself soon after
/// draining has begun; nor is any other answer that is marked as [`Endless`].
///
/// What it says is said on errors too, which for a middleware around it are errors of another type then. A connection
/// that is handed over, as to a WebSocket, is let be and not counted any more: what has to finish on it holds the exit
/// by [`Health::hold`].
///
/// For HTTP/2, where a connection carries many requests, actix-web has no way to say goodbye: it sends no GOAWAY before
/// it closes the connection. Requests that are under way are waited for all the same, and clients that find the
/// connection closed open another one, elsewhere. But a client that goes on sending on its connection is not told to
/// stop: with steady traffic some request is always under way, which costs the whole
/// [`finish_limit`](crate::Shutdown::finish_limit), cuts off the last ones, and ends with code 1. So whatever sends
/// HTTP/2 directly has to stop by itself when ready is red, as a balancer does.
///
/// ```
/// use actix_web::App;
///
/// # fn app(health: health_core::Health) {
/// let app = App::new().service(health_actix::endpoints(health.clone())).wrap(health_actix::goodbye(&health));
/// # drop(app);
/// # }
/// ```
#[must_use]
pub fn goodbye(health: &Health) -> Goodbye {
    Goodbye { health: health.clone(), for_envoy: false }
}

/// What requests are called as work that is under way.
pub(crate) const REQUESTS: &str = "requests";

/// Marks an answer whose body goes on until somebody ends it, as a stream of events does: it holds up no exit, and ends
/// with the process. Put into the extensions of the response; without it [`run`](crate::run) waits for such an answer
/// until its limit, and takes it for one that was cut off.
///
/// It says nothing about the time before the response is there: a long poll has to answer early when the process
/// [drains](Health::drain).
///
/// ```
/// use actix_web::HttpResponse;
/// use health_actix::Endless;
///
/// # fn ticks() -> &'static str { "data: tick\n\n" }
/// async fn ticker() -> HttpResponse {
///     let mut answer = HttpResponse::Ok().content_type("text/event-stream").body(ticks());
///     answer.extensions_mut().insert(Endless);
///     answer
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endless;

/// A middleware; made by [`goodbye`].
#[derive(Clone, Debug)]
pub struct Goodbye {
    health: Health,
    for_envoy: bool,
}

impl Goodbye {
    /// Also says `x-envoy-immediate-health-check-fail: 1`: an Envoy that checks this host takes it out at once. For
    /// health paths alone there is [`Profile::envoy_failing_at_once`](crate::Profile::envoy_failing_at_once).
    #[must_use]
    pub fn for_envoy(mut self) -> Self {
        self.for_envoy = true;
        self
    }

    fn is_due(&self) -> bool {
        self.health.phase() == Phase::Draining
    }

    fn dress<B>(&self, answer: &mut HttpResponse<B>, version: Version) {
        // A connection that is handed over is none of HTTP any more.
        if version < Version::HTTP_2 && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            answer.head_mut().set_connection_type(ConnectionType::Close);
        }
        if self.for_envoy {
            answer.headers_mut().insert(X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL, ONE);
        }
    }
}

/// An error, whose answer says goodbye.
#[derive(Debug)]
struct Leaving {
    error: Error,
    goodbye: Rc<Goodbye>,
    version: Version,
}

impl fmt::Display for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for Leaving {
    fn status_code(&self) -> StatusCode {
        self.error.as_response_error().status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = self.error.error_response();
        self.goodbye.dress(&mut answer, self.version);
        answer
    }
}

impl<S, B> Transform<S, ServiceRequest> for Goodbye
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<Counted<B>>;
    type Error = Error;
    type Transform = Wrapped<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        // Of its own for each worker, so that counting is no meeting place.
        let requests = self.health.work(REQUESTS);
        ready(Ok(Wrapped { service, goodbye: Rc::new(self.clone()), requests, _worker: Worker::this() }))
    }
}

/// The service of one worker.
#[derive(Debug)]
pub struct Wrapped<S> {
    service: S,
    goodbye: Rc<Goodbye>,
    requests: Work,
    _worker: Worker,
}

impl<S, B> Service<ServiceRequest> for Wrapped<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<Counted<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let version = request.version();
        let hold = self.requests.begin();
        let (answering, goodbye) = (self.service.call(request), Rc::clone(&self.goodbye));
        Box::pin(async move {
            match (answering.await, goodbye.is_due()) {
                (Ok(mut answer), is_due) => {
                    if is_due {
                        goodbye.dress(answer.response_mut(), version);
                    }
                    let hold = Some(hold).filter(|_| ends(answer.response()));
                    Ok(answer.map_body(|_, body| Counted::new(body, hold)))
                }
                (Err(error), false) => Err(error),
                (Err(error), true) => Err(Leaving { error, goodbye, version }.into()),
            }
        })
    }
}

/// Whether an answer has an end that can be waited for.
fn ends<B>(answer: &HttpResponse<B>) -> bool {
    answer.status() != StatusCode::SWITCHING_PROTOCOLS && !answer.extensions().contains::<Endless>()
}
