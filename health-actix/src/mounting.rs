//! How the paths get into an application.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use actix_web::dev::{AppService, HttpServiceFactory, ResourceDef, Service, ServiceFactory, ServiceRequest};
use actix_web::dev::{ServiceResponse, fn_factory, fn_service};
use actix_web::http::{Method, StatusCode};
use actix_web::rt::System;
use actix_web::{Error, HttpRequest, HttpResponse};
use health_core::Exposure;

use crate::Endpoints;
use crate::access::Access;
use crate::dialect::{About, Reader, Route};
use crate::events;
#[cfg(feature = "metrics")]
use crate::metrics;
#[cfg(feature = "ui")]
use crate::page;
use crate::respond::{self, Responder};

/// Under which name the router hands over what a path names. An unlikely one: an enclosing scope may have some too.
const NAME: &str = "health_name";

/// What the services of all paths share.
struct Mounted {
    responder: Responder,
    access: Access,
    is_watched: OnceCell<()>,
}

impl Mounted {
    async fn answer(&self, route: &Route, request: &ServiceRequest) -> Option<HttpResponse> {
        self.is_watched.get_or_init(|| self.watch_worker());
        // Before anything is looked up, so that nothing tells whether a name exists.
        let exposure = self.access.exposure_of(request);
        if route.about.needs_checks() && exposure < Exposure::Checks {
            #[cfg(feature = "ui")]
            if self.invites(route) {
                return Some(page::login(request.request()));
            }
            return None;
        }
        if let About::Reader(reader) = route.about {
            return Some(self.read_along(reader, exposure, request.request()));
        }
        let name = request.match_info().get(NAME).unwrap_or_default();
        self.responder.answer(route, name, exposure, request.request()).await
    }

    fn read_along(&self, reader: Reader, exposure: Exposure, request: &HttpRequest) -> HttpResponse {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return respond::refusal("GET, HEAD");
        }
        match reader {
            Reader::Events => events::answer(&self.responder, exposure, request),
            #[cfg(feature = "metrics")]
            Reader::Metrics => metrics::answer(&self.responder, exposure, request),
            #[cfg(feature = "ui")]
            Reader::Page => page::answer(&self.responder, exposure, request),
        }
    }

    /// Whether a person with a browser could log in there. Asking for it names nothing.
    #[cfg(feature = "ui")]
    fn invites(&self, route: &Route) -> bool {
        route.about == About::Reader(Reader::Page) && self.access.has_token_for(Exposure::Checks)
    }

    /// Has the heartbeat watch the runtime of this worker.
    fn watch_worker(&self) {
        self.responder.health.watch_runtime(std::thread::current().name().unwrap_or("worker"));
    }
}

impl HttpServiceFactory for Endpoints {
    fn register(mut self, config: &mut AppService) {
        let (routes, access) = (self.routes(), self.take_access());
        for probe in self.unserved(&routes) {
            tracing::error!(target: "health", %probe, "the dialect has no path for this probe: it is not served");
        }
        let mounted = Rc::new(Mounted { responder: self.responder, access, is_watched: OnceCell::new() });
        // Called once in every worker; in its own runtime only where there is an actix system, so that otherwise the
        // first request has to do it.
        if System::try_current().is_some() {
            mounted.is_watched.get_or_init(|| mounted.watch_worker());
        }
        let mut taken = BTreeMap::new();
        for route in routes {
            let path = rooted(&route.path, config.is_root());
            if let About::Probe(probe) = route.about {
                let answered = *taken.entry(path.clone()).or_insert(probe);
                if answered != probe {
                    tracing::error!(target: "health", %path, %answered, ignored = %probe, "two probes share a path");
                }
            }
            if route.about.needs_checks() {
                let is_named = route.about.is_named();
                if is_named && path == "/" && config.is_root() {
                    tracing::error!(
                        target: "health",
                        "this mount takes every path of the application: give it one of its own",
                    );
                }
                let path = if is_named { format!("{path}{{{NAME}}}*") } else { path };
                let service = for_the_entitled(Rc::clone(&mounted), route, config.default_service());
                config.register_service(ResourceDef::new(path), None, service, None);
                continue;
            }
            let (mounted, route) = (Rc::clone(&mounted), Rc::new(route));
            let service = fn_service(move |request: ServiceRequest| {
                let (mounted, route) = (Rc::clone(&mounted), Rc::clone(&route));
                async move {
                    let answer = mounted.answer(&route, &request).await;
                    Ok::<_, Error>(request.into_response(answer.unwrap_or_else(nothing_here)))
                }
            });
            config.register_service(ResourceDef::new(path), None, service, None);
        }
    }
}

/// A path as the router wants it: with a slash in front, and of the application itself never empty.
fn rooted(path: &str, is_root: bool) -> String {
    let lacks_slash = if path.is_empty() { is_root } else { !path.starts_with('/') };
    if lacks_slash { format!("/{path}") } else { path.to_owned() }
}

/// Answers those who may see checks; anybody else, and whoever asks for a name that does not exist, gets what an unknown
/// path of this application gets.
fn for_the_entitled<F, S>(
    mounted: Rc<Mounted>,
    route: Route,
    unknown: Rc<F>,
) -> impl ServiceFactory<ServiceRequest, Response = ServiceResponse, Error = Error, Config = (), InitError = ()>
where
    F: ServiceFactory<ServiceRequest, Config = (), Service = S, InitError = ()> + 'static,
    S: Service<ServiceRequest, Response = ServiceResponse, Error = Error> + 'static,
{
    let route = Rc::new(route);
    fn_factory(move || {
        let (mounted, route, unknown) = (Rc::clone(&mounted), Rc::clone(&route), Rc::clone(&unknown));
        async move {
            let unknown = Rc::new(unknown.new_service(()).await?);
            Ok(fn_service(move |request: ServiceRequest| {
                let (mounted, route, unknown) = (Rc::clone(&mounted), Rc::clone(&route), Rc::clone(&unknown));
                async move {
                    if let Some(answer) = mounted.answer(&route, &request).await {
                        return Ok(request.into_response(answer));
                    }
                    let answer = unknown.call(request).await?;
                    if answer.status() == StatusCode::NOT_FOUND {
                        return Ok(answer);
                    }
                    // An application that answers every path, as with the page of its front end, must not make a
                    // check that does not exist look well.
                    Ok(answer.into_response(nothing_here()))
                }
            }))
        }
    })
}

/// What actix-web itself answers for an unknown path.
fn nothing_here() -> HttpResponse {
    HttpResponse::NotFound().finish()
}
