//! What ordinary answers say while the process is leaving.

use std::fmt;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;

use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::{ConnectionType, StatusCode, Version};
use actix_web::{Error, HttpResponse, ResponseError};
use health_core::{Health, Phase};

use crate::profile::{ONE, X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL};

/// Says on every answer of an application that the process is leaving, once it [drains](Health::drain): HTTP/1
/// connections are closed after the answer that is under way, so that their clients go elsewhere before this process
/// stops. Given to `.wrap(..)`; before and after draining it changes nothing.
///
/// That is true of errors too, which for a middleware around it are errors of another type then. A connection that is
/// handed over, as to a WebSocket, is let be.
///
/// For HTTP/2, where a connection carries many requests, actix-web has no way to say goodbye.
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
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = Wrapped<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Wrapped { service, goodbye: Rc::new(self.clone()) }))
    }
}

/// The service of one worker.
#[derive(Debug)]
pub struct Wrapped<S> {
    service: S,
    goodbye: Rc<Goodbye>,
}

impl<S, B> Service<ServiceRequest> for Wrapped<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<ServiceResponse<B>, Error>>>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let version = request.version();
        let (answering, goodbye) = (self.service.call(request), Rc::clone(&self.goodbye));
        Box::pin(async move {
            let answered = answering.await;
            if !goodbye.is_due() {
                return answered;
            }
            match answered {
                Ok(mut answer) => {
                    goodbye.dress(answer.response_mut(), version);
                    Ok(answer)
                }
                Err(error) => Err(Leaving { error, goodbye, version }.into()),
            }
        })
    }
}

/// Marks an answer that never ends by itself: nothing waits for its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endless;
