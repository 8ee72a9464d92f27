//! The options, and the paths they lead to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use health_core::{Exposure, Health, Probe, Status};

use crate::access::Access;
use crate::codes::Codes;
use crate::dialect::{About, Dialect, Native, Route};
use crate::events;
use crate::profile::Profile;
use crate::respond::Responder;

/// Serves this health, with defaults that are safe to show to anybody: one word, on `/health` and below.
///
/// One value for `.service(..)` of an application or a scope; see the [crate documentation](crate).
pub fn endpoints(health: Health) -> Endpoints {
    Endpoints {
        mount: None,
        paths: BTreeMap::new(),
        only: None,
        access: Access::default(),
        exposure_unless_set: Exposure::default(),
        responder: Responder {
            health,
            dialect: Arc::new(Native::new()),
            deadline: Duration::MAX,
            codes: Codes::default(),
            profiles: Vec::new(),
            #[cfg(feature = "metrics")]
            histograms: None,
            max_event_readers: events::MOST_READERS,
        },
    }
}

/// Serves live and ready alone, for the port that everybody reaches; everything else may have
/// [a port of its own](crate::server()).
///
/// The same as [`endpoints`] with [`only`](Endpoints::only) these two.
pub fn probes(health: Health) -> Endpoints {
    endpoints(health).only([Probe::Live, Probe::Ready])
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
    mount: Option<String>,
    paths: BTreeMap<Probe, String>,
    only: Option<Vec<Probe>>,
    access: Access,
    exposure_unless_set: Exposure,
    pub(crate) responder: Responder,
}

impl Endpoints {
    /// In which dialect it is asked and answered. Default: [`Native`].
    pub fn dialect(mut self, dialect: impl Dialect) -> Self {
        self.responder.dialect = Arc::new(dialect);
        self
    }

    /// Where the paths of the dialect begin. Default: where the dialect says, which for the native one is `/health`.
    ///
    /// Relative to the scope it is mounted in; `""` is the scope itself and `"/"` the scope with a slash. Like every
    /// path of an actix-web application it is a pattern, so `{` and `}` have a meaning in it.
    ///
    /// Below a path with names in it, as `/actuator/health/{component}`, nothing that is registered later is found: a
    /// dialect that has names right below its mount wants one of its own, and an error in the log says if it takes every
    /// path of the application.
    pub fn mount(mut self, path: impl Into<String>) -> Self {
        self.mount = Some(path.into());
        self
    }

    /// Where a probe is asked, in place of the first path the dialect has for it. Relative to the scope, not to the
    /// mount.
    ///
    /// It goes before whatever else the dialect has at that path. Two probes on one path are a mistake, of which an
    /// error in the log tells; of two that were written down the first of live, ready and startup is answered there.
    ///
    /// A probe that the dialect knows nothing of is served nowhere, and an error in the log says so.
    pub fn path(mut self, probe: Probe, path: impl Into<String>) -> Self {
        self.paths.insert(probe, path.into());
        self
    }

    /// Serves these probes and nothing else of the dialect. One that it has no path for is an error in the log.
    pub fn only(mut self, probes: impl IntoIterator<Item = Probe>) -> Self {
        self.only = Some(probes.into_iter().collect());
        self
    }

    /// How much of a report every caller of these paths may see. Default: [`Exposure::Status`], one word.
    ///
    /// In place of what [`access`](Self::access) said before.
    pub fn exposure(self, exposure: Exposure) -> Self {
        self.access(Access::new().everyone(exposure))
    }

    /// How much of a report each caller of these paths may see, in place of one [`exposure`](Self::exposure) for all.
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
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
    /// with an error in the log, and the code stays as it was. With 204 and 205 there is no body.
    pub fn status_code(mut self, status: Status, code: StatusCode) -> Self {
        if code.is_informational() || code.is_redirection() {
            tracing::error!(target: "health", %status, %code, "this code carries no verdict and is not used");
        } else {
            self.responder.codes.set(status, code);
        }
        self
    }

    /// The codes and headers that one balancer wants. Several may be given; of a code that both this and
    /// [`status_code`](Self::status_code) set, the later call counts.
    pub fn profile(mut self, profile: Profile) -> Self {
        profile.change(&mut self.responder.codes);
        self.responder.profiles.push(profile);
        self
    }

    /// How many may follow the [events](crate::dialect::Route::events) at a time; whoever comes then gets a 503 with
    /// `Retry-After`. Of each [`Health`] all readers are counted together, in every worker, mount and listener; what is
    /// set here is how many there may be when one comes to these endpoints. Default: 128, on a management listener half
    /// of its [connections](crate::Server::max_connections) at most.
    ///
    /// A reader has a connection of its own for as long as it stays: leave some to the probes. One that has gone gives
    /// its place back soon. One that stays and does not read is cut off by a
    /// [management listener](crate::Server::answer_timeout) only; on the port of the application it keeps its place and
    /// its connection for as long as it likes, because actix-web never gives up on who does not read. So have the events
    /// on a management listener, or let those alone have them who may be trusted with that.
    ///
    /// While the process [drains](Health::drain) every stream ends after five seconds, and at once when nobody is let in
    /// any more: no exit waits for a reader that reads. Whoever comes again while it drains may stay as long once more.
    pub fn max_event_readers(mut self, readers: usize) -> Self {
        self.responder.max_event_readers = readers;
        self
    }

    /// How much every caller may see where nothing is said about it.
    pub(crate) fn exposure_unless_set(mut self, exposure: Exposure) -> Self {
        self.exposure_unless_set = exposure;
        self
    }

    pub(crate) fn take_access(&mut self) -> Access {
        std::mem::take(&mut self.access).everyone_unless_set(self.exposure_unless_set)
    }

    /// The probes that are wanted and of which the dialect knows nothing; these are its routes.
    pub(crate) fn unserved(&self, routes: &[Route]) -> Vec<Probe> {
        let is_unserved = |probe: &Probe| routes.iter().all(|route| route.about != About::Probe(*probe));
        let is_wanted = |probe: &Probe| match &self.only {
            Some(only) => only.contains(probe),
            None => self.paths.contains_key(probe),
        };
        Probe::ALL.into_iter().filter(is_wanted).filter(is_unserved).collect()
    }

    /// What each path answers about. The router takes the first that matches: a path somebody wrote down goes before
    /// the others, and those with a name in them come last.
    pub(crate) fn routes(&self) -> Vec<Route> {
        let mount = self.mount.as_deref().unwrap_or_else(|| self.responder.dialect.mount());
        let base = mount.trim_end_matches('/');
        let mut renamed = self.paths.clone();
        let is_wanted = |route: &Route| match (&self.only, route.about) {
            (None, _) => true,
            (Some(only), About::Probe(probe)) => only.contains(&probe),
            (Some(_), _) => false,
        };
        let at = |route: Route| {
            let written = match route.about {
                About::Probe(probe) => renamed.remove_entry(&probe),
                _ => None,
            };
            let (probe, path) = written.unzip();
            // `"/"` is the scope with its slash, and nothing else below it has two.
            let is_slash = route.path.is_empty() && base.is_empty() && !mount.is_empty();
            let below = || if is_slash { "/".to_owned() } else { format!("{base}{}", route.path) };
            let path = path.unwrap_or_else(below).into();
            (probe, Route { path, ..route })
        };
        let mut routes: Vec<_> =
            self.responder.dialect.routes().into_iter().filter(is_wanted).map(at).collect();
        routes.sort_by_key(|(written, route)| (route.about.is_named(), written.is_none(), *written));
        routes.into_iter().map(|(_, route)| route).collect()
    }
}
