//! What ordinary answers say while the process is leaving.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;

use actix_web::Error;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::{ConnectionType, Version};
use health_core::{Health, Phase};

use crate::profile::{ONE, X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL};

/// Says on every answer of an application that the process is leaving, once it [drains](Health::drain): HTTP/1
/// connections are closed after the answer that is under way, so that their clients go elsewhere before this process
/// stops. Given to `.wrap(..)`; before and after draining it changes nothing.
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

    fn dress<B>(&self, answer: &mut ServiceResponse<B>) {
        if self.health.phase() != Phase::Draining {
            return;
        }
        if answer.request().version() < Version::HTTP_2 {
            answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        if self.for_envoy {
            answer.headers_mut().insert(X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL, ONE);
        }
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
        let (answering, goodbye) = (self.service.call(request), Rc::clone(&self.goodbye));
        Box::pin(async move {
            let mut answer = answering.await?;
            goodbye.dress(&mut answer);
            Ok(answer)
        })
    }
}
