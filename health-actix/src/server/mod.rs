//! Listeners of their own for the health of a process.

mod application;
mod connection;
mod door;
mod haproxy_agent;
mod limits;
mod line;
mod listener;
mod load;
mod management;
mod place;
#[cfg(unix)]
mod socket_file;
mod stream;
mod turns;

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::HttpServiceFactory;
use health_core::Health;

use self::application::Served;
pub use self::haproxy_agent::HaproxyAgent;
use self::limits::Limits;
use self::listener::Listener;
pub use self::management::Management;
use self::place::Place;
use crate::Endpoints;

/// Serves this health on ports and threads of its own, so that it answers whatever the application does.
///
/// ```no_run
/// use std::time::Duration;
///
/// # #[actix_web::main]
/// # async fn main() -> std::io::Result<()> {
/// # let health = health_core::Health::builder().build()?.start();
/// let management = health_actix::server(health.clone())
///     .bind(("0.0.0.0", 9000))?
///     .bind_uds("/run/app/health.sock")?
///     .start()?;
/// // .. the application runs ..
/// management.stop().await;
/// # Ok(())
/// # }
/// ```
///
/// It needs no actix application around it and no runtime; each listener has a thread with a runtime of its own. Checks
/// do not run there, so nothing that a check or a handler of the application does can hold up an answer.
pub fn server(health: Health) -> Server {
    Server {
        served: Served { health, mountings: Vec::new(), agent: HaproxyAgent::new() },
        listeners: Vec::new(),
        limits: Limits::default(),
    }
}

/// What a health is served on; made by [`server`].
///
/// A listener on a loopback address or a Unix socket shows the checks
/// ([`Exposure::Checks`](health_core::Exposure::Checks)), every other one a word
/// ([`Exposure::Status`](health_core::Exposure::Status)); an exposure that [`endpoints`](Self::endpoints) sets goes
/// before that. A proxy on this machine counts as this machine: whom it lets in sees the checks.
///
/// # Limits
///
/// Each listener has its own. A client that does not keep to them is cut off and its connection is free for the next
/// one; the times run anew for every request of a connection that is kept open.
///
/// | limit | default | what happens |
/// |---|---|---|
/// | [`max_connections`](Self::max_connections) | 256 | more wait in the backlog of the kernel; meanwhile every answer closes its connection |
/// | [`request_timeout`](Self::request_timeout) | 5 s | a head that is not whole by then is answered with 408, silence with the end |
/// | [`answer_timeout`](Self::answer_timeout) | 5 s | who has not taken an answer by then is cut off |
/// | [`max_head`](Self::max_head) | 16 KiB | a larger head is answered with 431 |
///
/// A body that a request announces is not waited for: the answer closes the connection. While an answer is made or not
/// taken no more than 1 KiB is read, so what one connection can hold is about twice the largest head, what is made of
/// the requests in 2 KiB, and the answers to them.
#[derive(Debug)]
#[must_use = "nothing listens until it is started"]
pub struct Server {
    served: Served,
    listeners: Vec<Listener>,
    limits: Limits,
}

impl Server {
    /// Listens on every address that this stands for; may be called several times. With port 0 the system chooses one,
    /// see [`Management::addresses`].
    ///
    /// # Errors
    ///
    /// If it cannot be listened on, at once and with the address in the text. Of several addresses of one name those that
    /// this machine does not have are left out.
    pub fn bind(mut self, addresses: impl ToSocketAddrs + fmt::Debug) -> io::Result<Self> {
        let bound = listener::bind(addresses)?;
        self.listeners.extend(bound.into_iter().map(|(socket, address)| Listener::Tcp(socket, address)));
        Ok(self)
    }

    /// Listens on a Unix socket. The user and the group of the process may connect (mode 0660, whatever the umask); the
    /// file goes away when it stops.
    ///
    /// The socket of a process that is gone is replaced.
    ///
    /// # Errors
    ///
    /// If it cannot be listened on, at once and with the path in the text: another process listens there, or there is a
    /// file that is no socket, which is left alone.
    #[cfg(unix)]
    pub fn bind_uds(mut self, path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let bound = socket_file::SocketFile::listen(path);
        let (file, socket) = bound.map_err(|error| listener::about(path.display(), &error))?;
        self.listeners.push(Listener::Unix(file, socket));
        Ok(self)
    }

    /// Listens like [`bind`](Self::bind), and speaks TLS with this configuration, which chooses the cryptography. What is
    /// spoken over it is HTTP/1.1, and its ALPN says so whatever the configuration says.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    #[cfg(feature = "rustls-0_23")]
    pub fn bind_rustls_0_23(
        mut self,
        addresses: impl ToSocketAddrs + fmt::Debug,
        mut config: tokio_rustls::rustls::ServerConfig,
    ) -> io::Result<Self> {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let config = Arc::new(config);
        let bound = listener::bind(addresses)?.into_iter();
        let tls = bound.map(|(socket, address)| Listener::Tls(socket, address, Arc::clone(&config)));
        self.listeners.extend(tls);
        Ok(self)
    }

    /// Answers the agent checks of HAProxy on every address that this stands for, as [`HaproxyAgent`] says. It is a port of
    /// its own, and may be the only one.
    ///
    /// ```no_run
    /// # fn start(health: health_core::Health) -> std::io::Result<()> {
    /// let management = health_actix::server(health).bind_haproxy_agent(("0.0.0.0", 9001))?.start()?;
    /// # drop(management);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// What a client sends, as HAProxy does with `agent-send`, is ignored. One that does not hang up after its line is cut
    /// off after a second, or as soon as there are more than [`max_connections`](Self::max_connections): whoever comes is
    /// answered, nobody waits.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_haproxy_agent(mut self, addresses: impl ToSocketAddrs + fmt::Debug) -> io::Result<Self> {
        let bound = listener::bind(addresses)?.into_iter();
        self.listeners.extend(bound.map(|(socket, address)| Listener::HaproxyAgent(socket, address)));
        Ok(self)
    }

    /// What every agent of this server tells HAProxy. Default: [`HaproxyAgent::new`].
    pub fn haproxy_agent(mut self, agent: HaproxyAgent) -> Self {
        self.served.agent = agent;
        self
    }

    /// Serves what this makes of the [`Endpoints`] that would be served by default; called several times, all of it side
    /// by side. Each listener calls it once, with the exposure of the listener set.
    ///
    /// ```no_run
    /// # fn start(health: health_core::Health) -> std::io::Result<()> {
    /// use health_core::{Exposure, Probe};
    ///
    /// let management = health_actix::server(health)
    ///     .endpoints(|endpoints| endpoints.exposure(Exposure::Full))
    ///     .endpoints(|endpoints| endpoints.mount("/status").path(Probe::Live, "/livez"))
    ///     .bind(("127.0.0.1", 9000))?
    ///     .start()?;
    /// # drop(management);
    /// # Ok(())
    /// # }
    /// ```
    pub fn endpoints<F, S>(mut self, adjust: F) -> Self
    where
        F: Fn(Endpoints) -> S + Send + Sync + 'static,
        S: HttpServiceFactory + 'static,
    {
        self.served.mountings.push(Arc::new(move |endpoints, config| {
            config.service(adjust(endpoints));
        }));
        self
    }

    /// How many connections each listener has at most. Default: 256.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.connections = connections;
        self
    }

    /// How long a client may take to send the head of a request: from connecting, or from the answer before. So it is
    /// also how long a connection may be idle. TLS has as long for its handshake. Default: 5 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.limits.request = timeout;
        self
    }

    /// How long a client may take to take an answer that does not fit into the buffers of the kernel. Default: 5 s.
    pub fn answer_timeout(mut self, timeout: Duration) -> Self {
        self.limits.answer = timeout;
        self
    }

    /// The largest head of a request, in bytes, up to 64 KiB. In a pipeline, one of up to twice that may pass. Default:
    /// 16 KiB.
    pub fn max_head(mut self, bytes: usize) -> Self {
        self.limits.head = bytes;
        self
    }

    /// Answers from now on, until the [`Management`] is dropped.
    ///
    /// # Errors
    ///
    /// If nothing was bound, a limit would let nobody in, or the system has no thread to give.
    pub fn start(self) -> io::Result<Management> {
        let (limits, agent) = (self.limits.checked()?, self.served.agent.checked()?);
        if self.listeners.is_empty() {
            let fault = "nothing was bound, so nothing would be served";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, fault));
        }
        let mut management = Management {
            places: Vec::new(),
            addresses: self.addresses(Listener::speaks_http),
            haproxy_agents: self.addresses(Listener::is_haproxy_agent),
            probe_port: self.listeners.iter().find_map(Listener::probe_port),
        };
        for listener in self.listeners {
            let shows = if listener.is_haproxy_agent() { agent.exposed() } else { listener.exposure() };
            let name = listener.to_string();
            management.places.push(Place::start(listener, self.served.clone(), limits)?);
            // What it shows unless `endpoints` or an access says otherwise.
            tracing::info!(target: "health", listener = %name, ?shows, "health is served");
        }
        Ok(management)
    }

    fn addresses(&self, of: fn(&Listener) -> bool) -> Vec<SocketAddr> {
        self.listeners.iter().filter(|listener| of(listener)).filter_map(Listener::address).collect()
    }
}
