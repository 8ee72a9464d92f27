//! The options, and the paths they lead to.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use actix_web::dev::{AppService, HttpServiceFactory, ResourceDef, Service, ServiceFactory, ServiceRequest};
use actix_web::dev::{ServiceResponse, fn_factory, fn_service};
use actix_web::http::StatusCode;
use actix_web::rt::System;
use actix_web::{Error, HttpResponse};
use health_core::{Exposure, Health, Probe, Status};

use crate::respond::{Codes, Responder, Subject};

/// Under which names the router hands over what a path names. Unlikely ones: an enclosing scope may have some too.
const KIND: &str = "health_kind";
const NAME: &str = "health_name";

/// Serves this health, with defaults that are safe to show to anybody: one word, on `/health` and below.
///
/// One value for `.service(..)` of an application or a scope; see the [crate documentation](crate).
pub fn endpoints(health: Health) -> Endpoints {
    Endpoints {
        mount: "/health".into(),
        paths: BTreeMap::new(),
        responder: Responder {
            health,
            exposure: Exposure::default(),
            deadline: Duration::MAX,
            codes: Codes::default(),
        },
    }
}

/// The paths that serve one [`Health`]; made by [`endpoints`].
///
/// ```
/// use actix_web::{App, http::StatusCode};
/// use health_core::{Exposure, Health, Probe, Status};
/// use std::time::Duration;
///
/// # #[actix_web::main]
/// # async fn main() -> std::io::Result<()> {
/// # let health = Health::builder().build()?.start();
/// let public = health_actix::endpoints(health.clone())
///     .path(Probe::Live, "/livez")
///     .path(Probe::Ready, "/readyz");
/// let internal = health_actix::endpoints(health)
///     .mount("/internal/health")
///     .exposure(Exposure::Checks)
///     .deadline(Duration::from_millis(300))
///     .status_code(Status::Degraded, StatusCode::TOO_MANY_REQUESTS);
/// let app = App::new().service(public).service(internal);
/// # drop(app);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "endpoints serve nothing until they are given to `.service(..)`"]
pub struct Endpoints {
    mount: String,
    paths: BTreeMap<Probe, String>,
    responder: Responder,
}

impl Endpoints {
    /// Where the overview is, and below it everything else. Default: `/health`.
    ///
    /// Relative to the scope it is mounted in; `""` is the scope itself and `"/"` the scope with a slash. Like every
    /// path of an actix-web application it is a pattern, so `{` and `}` have a meaning in it.
    pub fn mount(mut self, path: impl Into<String>) -> Self {
        self.mount = path.into();
        self
    }

    /// Where a probe is asked, in place of the default below the mount. Relative to the scope, not to the mount.
    ///
    /// Two probes on one path are a mistake: the first of live, ready and startup is answered there, and an error in
    /// the log says so.
    pub fn path(mut self, probe: Probe, path: impl Into<String>) -> Self {
        self.paths.insert(probe, path.into());
        self
    }

    /// How much of a report every caller of these paths may see. Default: [`Exposure::Status`], one word.
    pub fn exposure(mut self, exposure: Exposure) -> Self {
        self.responder.exposure = exposure;
        self
    }

    /// Answers after this long at the latest. It can only shorten what
    /// [`HealthBuilder::deadline`](health_core::HealthBuilder::deadline) set, which stays the default.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.responder.deadline = deadline;
        self
    }

    /// The code of one status; the others keep theirs.
    ///
    /// An informational code or a redirect carries no verdict, pollers follow it or wait for another: it is refused
    /// with an error in the log, and the code stays as it was.
    pub fn status_code(mut self, status: Status, code: StatusCode) -> Self {
        if code.is_informational() || code.is_redirection() {
            tracing::error!(target: "health", %status, %code, "this code carries no verdict and is not used");
        } else {
            self.responder.codes.set(status, code);
        }
        self
    }

    /// The mount without a slash at its end.
    fn base(&self) -> &str {
        self.mount.trim_end_matches('/')
    }

    fn probe_path(&self, probe: Probe) -> String {
        match self.paths.get(&probe) {
            Some(path) => path.clone(),
            None => format!("{}/{probe}", self.base()),
        }
    }

    /// What each path answers about. The router takes the first that matches, and a path somebody wrote down goes
    /// before the overview.
    fn probes_and_overview(&self) -> Vec<(String, Subject<'static>)> {
        let mut paths: Vec<_> =
            Probe::ALL.into_iter().map(|probe| (self.probe_path(probe), Subject::Probe(probe))).collect();
        let overview = if self.mount.is_empty() || self.base() != "" { self.base() } else { "/" };
        paths.push((overview.to_owned(), Subject::Overview));
        paths
    }
}

impl HttpServiceFactory for Endpoints {
    fn register(self, config: &mut AppService) {
        // Called once in every worker; in its own runtime only where there is an actix system, so that otherwise the
        // first request has to do it.
        let is_watched = Rc::new(OnceCell::new());
        if System::try_current().is_some() {
            is_watched.get_or_init(|| watch_worker(&self.responder));
        }
        let mut taken: BTreeMap<String, Probe> = BTreeMap::new();
        for (path, subject) in self.probes_and_overview() {
            let path = rooted(path, config.is_root());
            if let Subject::Probe(probe) = subject {
                let answered = *taken.entry(path.clone()).or_insert(probe);
                if answered != probe {
                    tracing::error!(target: "health", %path, %answered, ignored = %probe, "two probes share a path");
                }
            }
            let (responder, is_watched) = (self.responder.clone(), Rc::clone(&is_watched));
            let service = fn_service(move |request: ServiceRequest| {
                is_watched.get_or_init(|| watch_worker(&responder));
                let responder = responder.clone();
                async move {
                    let answer = responder.answer(subject, request.request()).await;
                    Ok::<_, Error>(request.into_response(answer.unwrap_or_else(nothing_here)))
                }
            });
            config.register_service(ResourceDef::new(path), None, service, None);
        }
        let named = rooted(format!("{}/{{{KIND}:checks|groups}}/{{{NAME}}}*", self.base()), config.is_root());
        let service = by_name(Rc::new(self.responder), config.default_service());
        config.register_service(ResourceDef::new(named), None, service, None);
    }
}

/// Has the heartbeat watch the runtime of this worker.
fn watch_worker(responder: &Responder) {
    responder.health.watch_runtime(std::thread::current().name().unwrap_or("worker"));
}

/// A path as the router wants it: with a slash in front, and of the application itself never empty.
fn rooted(path: String, is_root: bool) -> String {
    let lacks_slash = if path.is_empty() { is_root } else { !path.starts_with('/') };
    if lacks_slash { format!("/{path}") } else { path }
}

/// Answers about a check or a group for those who may see checks; anybody else, and whoever asks for a name that does
/// not exist, gets what an unknown path of this application gets.
fn by_name<F, S>(
    responder: Rc<Responder>,
    unknown: Rc<F>,
) -> impl ServiceFactory<ServiceRequest, Response = ServiceResponse, Error = Error, Config = (), InitError = ()>
where
    F: ServiceFactory<ServiceRequest, Config = (), Service = S, InitError = ()> + 'static,
    S: Service<ServiceRequest, Response = ServiceResponse, Error = Error> + 'static,
{
    fn_factory(move || {
        let (responder, unknown) = (Rc::clone(&responder), Rc::clone(&unknown));
        async move {
            let unknown = Rc::new(unknown.new_service(()).await?);
            Ok(fn_service(move |request: ServiceRequest| {
                let (responder, unknown) = (Rc::clone(&responder), Rc::clone(&unknown));
                async move {
                    if responder.exposure >= Exposure::Checks {
                        let path = request.match_info();
                        let name = path.get(NAME).unwrap_or_default();
                        let subject = match path.get(KIND) {
                            Some("checks") => Subject::Check(name),
                            _ => Subject::Group(name),
                        };
                        if let Some(answer) = responder.answer(subject, request.request()).await {
                            return Ok(request.into_response(answer));
                        }
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
