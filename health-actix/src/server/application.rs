//! The application that is served, and how each of its answers takes its turn.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_http::{HttpService, KeepAlive};
use actix_service::map_config;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{AppConfig, Service, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::web::{Bytes, ServiceConfig};
use actix_web::{App, Error};
use health_core::{Exposure, Health};

use super::haproxy_agent::HaproxyAgent;
use super::line::Line;
use super::turns::{Answering, Turns};
use crate::{Endpoints, endpoints, events};

/// Puts endpoints into an application; told those that the listener would serve by itself.
type Mounting = Arc<dyn Fn(Endpoints, &mut ServiceConfig) + Send + Sync>;

/// What a server serves.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) health: Health,
    pub(super) mountings: Vec<Mounting>,
    pub(super) agent: HaproxyAgent,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("health", &self.health).finish_non_exhaustive()
    }
}

impl Served {
    fn mount(&self, exposure: Exposure, connections: usize, config: &mut ServiceConfig) {
        // What the caller sets on them comes after this, and so wins.
        let endpoints = endpoints(self.health.clone())
            .exposure_unless_set(exposure)
            .max_event_readers(events::MOST_READERS.min(connections / 2));
        if self.mountings.is_empty() {
            config.service(endpoints);
            return;
        }
        for mounting in &self.mountings {
            mounting(endpoints.clone(), config);
        }
    }

    /// The service of every connection of one listener, which lets in this many at a time.
    pub(super) async fn service(self, exposure: Exposure, connections: usize) -> io::Result<impl Conversing> {
        let mounted = |config: &mut ServiceConfig| self.mount(exposure, connections, config);
        let app = App::new().configure(mounted).wrap_fn(|request, service| {
            let answering =
                request.conn_data::<Rc<Turns>>().map(|turns| turns.head_is_whole(announces_body(&request)));
            let answer = service.call(request);
            async move { Ok::<_, Error>(attended(answer.await?, answering)) }
        });
        let app = map_config(app, |()| AppConfig::default());
        // The clocks are those of `Turns`: they run over every request of a connection, not over the first alone.
        let service = HttpService::build()
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(std::time::Duration::ZERO)
            .on_connect_ext(|line: &Line, data| {
                data.insert(Rc::clone(&line.turns));
            })
            .h1(app);
        let service = service.new_service(()).await;
        service.map_err(|()| io::Error::other("what is served could not be made"))
    }
}

/// Serves HTTP/1 on lines.
pub(super) trait Conversing:
    Service<(Line, Option<SocketAddr>), Response = (), Future: 'static> + 'static
{
}

impl<S: Service<(Line, Option<SocketAddr>), Response = (), Future: 'static> + 'static> Conversing for S {}

fn announces_body(request: &ServiceRequest) -> bool {
    let headers = request.headers();
    headers.contains_key(TRANSFER_ENCODING) || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
}

/// The answer, which holds its turn until it has been sent.
fn attended(answer: ServiceResponse, answering: Option<Answering>) -> ServiceResponse<Attended> {
    let is_last = answering.as_ref().is_some_and(Answering::is_last);
    let mut answer = answer.map_body(|_, body| Attended { body, _answering: answering });
    if is_last {
        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    answer
}

struct Attended {
    body: BoxBody,
    _answering: Option<Answering>,
}

impl MessageBody for Attended {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
