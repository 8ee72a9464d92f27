//! Leaving without losing a request.

mod exit;
mod place;
mod sequence;
mod signals;
mod unsent;

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use actix_http::{Request, Response};
use actix_service::{IntoServiceFactory, ServiceFactory};
use actix_web::body::MessageBody;
use actix_web::dev::{self, AppConfig};
use actix_web::{Error, HttpServer};
use health_core::{Health, KubernetesProbes};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

pub use self::exit::Exit;
use self::place::Place;
use self::sequence::{Event, Sequence};
pub use self::signals::hear_signals;

/// How long a process that leaves takes for it; given to [`run`].
///
/// ```
/// use std::time::Duration;
///
/// use health_actix::Shutdown;
///
/// let shutdown = Shutdown { drain_delay: Duration::from_secs(20), ..Shutdown::default() };
/// ```
///
/// # Which delay
///
/// Whoever sends requests here goes on until it has noticed that ready is red: after as many bad answers as it wants,
/// and as long as the news then takes to get to whatever sends. A delay that covers both loses nothing; a longer one
/// only makes restarts slower.
///
/// | who asks | as it is set unless told otherwise | `drain_delay` |
/// |---|---|---|
/// | Kubernetes, when it ends a pod | does not ask: it takes the pod out of its services at the same moment as it sends SIGTERM, and that takes a second or two to reach every node | 5 s; with a cloud balancer or an ingress in front, theirs too |
/// | kubelet, as `httpGet` or as `grpc`, when a process leaves by itself | 10 s x 3 failures, and as above | 35 s |
/// | HAProxy `httpchk` | 2 s x `fall 3` | 10 s |
/// | HAProxy `httpchk` with `disable-on-404` and [`Profile::haproxy`](crate::Profile::haproxy) | 2 s x 1 | 5 s |
/// | HAProxy agent | 2 s x 1 | 5 s |
/// | Envoy | one answer, by default once a minute where there is no traffic and as configured where there is | its interval and 1 s; 1 s where there is traffic, with [`Goodbye::for_envoy`](crate::Goodbye::for_envoy) |
/// | AWS ALB | 30 s x 2 failures | 65 s, unless whatever stops the process deregisters it first |
/// | Consul | its interval, often 10 s, and what its clients take to ask it again | 15 s |
/// | Varnish | 5 s, sick with less than 3 good of the last 8 answers | 35 s |
/// | Docker `HEALTHCHECK` | 30 s x 3 failures; only Swarm acts on it, and takes the task out before it stops it | 1 s |
/// | blackbox exporter, Nagios | send nothing here | 0 |
/// | systemd | sends nothing here | 0 |
///
/// With several of them the longest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// How long it goes on serving after ready has turned red. Default: 10 s. None for a process that was never ready:
    /// nobody sends it anything.
    ///
    /// Should be longer than the keep-alive of the server (5 s with actix-web unless set): then every connection has
    /// been told to close, or has been closed, by the time nobody is let in any more.
    pub drain_delay: Duration,
    /// How long requests, and other [work](Health::hold), have to finish after that. Default: 15 s, so that both
    /// together stay below the 30 s that Kubernetes gives.
    pub finish_limit: Duration,
    /// How long the program has to end after [`run`] has returned; then its process is ended, with the code it would
    /// have ended with. `None` leaves that to the program: nothing is ended by force then, unless by a second signal.
    /// Default: 3 s.
    ///
    /// A thread that is blocked for ever, by a check or by `spawn_blocking`, would otherwise hold up the end of the
    /// runtime, and with it that of the process.
    pub exit_limit: Option<Duration>,
}

impl Shutdown {
    /// Has the manifest of a pod give the process this long: `preStop` and `terminationGracePeriodSeconds` follow.
    ///
    /// ```
    /// use health_actix::Shutdown;
    /// use health_core::{Format, KubernetesProbes, catalog};
    ///
    /// let probes = Shutdown::default().kubernetes(KubernetesProbes::default().port(9000));
    /// print!("{}", catalog().listing(Format::Kubernetes).kubernetes(probes));
    /// ```
    pub fn kubernetes(&self, probes: KubernetesProbes) -> KubernetesProbes {
        let end_limit = self.finish_limit.saturating_add(self.exit_limit.unwrap_or_default());
        probes.shutdown(self.drain_delay, end_limit)
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            drain_delay: Duration::from_secs(10),
            finish_limit: Duration::from_secs(15),
            exit_limit: Some(Duration::from_secs(3)),
        }
    }
}

/// Serves until the process is told to leave, by SIGTERM or SIGINT (Ctrl-C on Windows), and then leaves without losing a
/// request.
///
/// ```no_run
/// use actix_web::{App, HttpServer};
/// use health_actix::{Exit, Shutdown, endpoints, goodbye, hear_signals, run};
/// use health_core::Health;
///
/// #[actix_web::main]
/// async fn main() -> std::io::Result<Exit> {
///     hear_signals()?; // from the first moment on, also as the first process of a container
///     let health = Health::builder().discover().build()?.start();
///     let served = health.clone();
///     let server = HttpServer::new(move || {
///         App::new().service(endpoints(served.clone())).wrap(goodbye(&served))
///     });
///     run(server.bind(("0.0.0.0", 8080))?, health, Shutdown::default()).await
/// }
/// ```
///
/// # The way out
///
/// 1. The process [drains](Health::drain): ready is red at once, live stays green. It goes on serving for
///    [`drain_delay`](Shutdown::drain_delay), with `Connection: close` on HTTP/1 answers, unless it was never ready.
///    There is no way back: if somebody [resumes](Health::resume) it is drained again.
/// 2. Nobody is let in any more: the ports are closed. Requests that are under way may finish until
///    [`finish_limit`](Shutdown::finish_limit), as may other work that [holds](Health::hold) the exit. Connections
///    without a request are closed two seconds later, or as soon as no other is left; on Linux, where the system tells
///    which of them have not taken the whole of an answer yet, those have until the limit too.
/// 3. This returns, and so can `main`: the [`Exit`] says 0 if everything has finished, 1 if something was cut off. A
///    program that has not ended within [`exit_limit`](Shutdown::exit_limit) after that is ended, with a line on its
///    standard error. So what `main` does after this, as closing a pool or flushing traces, has 3 seconds unless told
///    otherwise: what may take longer needs a longer limit, or comes before, with a [hold](Health::hold).
///
/// A second signal ends the process at once, with 128 and its number as the exit code, also while `main` returns.
///
/// Each step is a [`Change::Shutdown`](health_core::Change::Shutdown), so the log, subscribers and observers hear of
/// it.
///
/// # What it needs
///
/// [`goodbye`](crate::goodbye()) around the application: it counts the requests and says the goodbye. Without it all that
/// is known is which connections are open, so an idle one holds up the exit, and after the limit it counts as cut off;
/// and a worker of actix-server before 2.9.1 may drop the requests that it has under way when the ports close, which
/// nobody notices. The log says so once.
///
/// The server is moved to a thread of its own. Neither a check that hangs nor one that blocks the thread or the runtime
/// that this is awaited on holds up anything but that. It listens as soon as this is called, and ends at once if what
/// this returns is dropped. That thread has an actix `System` of its own, and the workers belong to it: what runs in them
/// finds other actors of `from_registry` than the caller does, and `System::current().stop()` there ends the server, not
/// the caller's system. A [management listener](crate::server()) stays with the caller: kept until this has returned
/// it answers until the last request is done.
///
/// Signals are heard from when this is called, also while the application is made, startup checks fail or gates are
/// closed; until then one ends the process in the way of the system, see [`hear_signals`]. Other servers of the process
/// should not hear them: actix-web's do, unless `disable_signals()` is called.
///
/// # Errors
///
/// If nothing was bound, a thread or a signal handler was refused by the system, or the server could not begin or ended
/// with an error.
#[must_use = "the server ends at once if this is dropped"]
pub fn run<F, I, S, B>(
    server: HttpServer<F, I, S, B>,
    health: Health,
    shutdown: Shutdown,
) -> impl Future<Output = io::Result<Exit>>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error>,
    S::InitError: Debug,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let ports = server.addrs().iter().map(SocketAddr::port).collect();
    let server = if server.addrs().is_empty() {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "nothing was bound, so nothing would be served"))
    } else {
        // Longer than it is waited for here: who is cut off, and when, is decided in one place.
        let beyond = shutdown.finish_limit.as_secs().saturating_add(60);
        Ok(server.disable_signals().shutdown_timeout(beyond).run())
    };
    let begun = server.and_then(|server| begin(server, ports, health, shutdown));
    async move {
        let (abandoned, has_left) = begun?;
        let left = has_left.await;
        abandoned.forget();
        left.unwrap_or_else(|_| Err(io::Error::other("the thread that stops the server has ended before it")))
    }
}

/// Says that nobody waits any more.
struct Abandoned(Option<UnboundedSender<Event>>);

impl Abandoned {
    fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        if let Some(events) = &self.0 {
            drop(events.send(Event::Abandoned));
        }
    }
}

type Left = io::Result<Exit>;

fn begin(
    server: dev::Server,
    ports: Vec<u16>,
    health: Health,
    shutdown: Shutdown,
) -> io::Result<(Abandoned, oneshot::Receiver<Left>)> {
    let (says, events) = unbounded_channel();
    let (leaves, has_left) = oneshot::channel();
    signals::hear()?;
    let place = Place::serve(server, ports, says.clone())?;
    let sequence = Sequence::new(health, shutdown, place, says.clone(), events);
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let left = runtime.and_then(|runtime| runtime.block_on(sequence.run()));
        drop(leaves.send(left));
    };
    thread::Builder::new().name("health-goodbye".into()).spawn(run)?;
    signals::listen(says.clone());
    Ok((Abandoned(Some(says)), has_left))
}
