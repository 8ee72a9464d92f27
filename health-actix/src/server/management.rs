//! The handle of what listens.

use std::fmt;
use std::net::SocketAddr;
use std::thread;

use tokio::sync::oneshot;

use super::place::Place;

/// A health that is served on listeners of its own, until this value is dropped; made by
/// [`Server::start`](super::Server::start).
///
/// It holds the [`Health`](health_core::Health) like any other handle: while it lives the engine runs and is asked, and
/// when it is gone it keeps nothing. Dropping it closes its ports at once and breaks off what is under way; the threads
/// end within that, which takes a moment and at most two seconds. [`stop`](Self::stop) is gentler.
#[must_use = "the listeners stop with this value"]
pub struct Management {
    pub(super) places: Vec<Place>,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) haproxy_agents: Vec<SocketAddr>,
    pub(super) probe_port: Option<u16>,
}

impl Management {
    /// Every address at which HTTP is spoken, with the port that was given to it, in the order of the binding. A Unix
    /// socket has none.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Every address at which HAProxy may ask its [agent](super::HaproxyAgent), with the port that was given to it, in the
    /// order of the binding.
    #[must_use]
    pub fn haproxy_agents(&self) -> &[SocketAddr] {
        &self.haproxy_agents
    }

    /// The port to write into the manifest of a container, for each probe that is to be asked here: see
    /// [`KubernetesProbes::probe_port`](health_core::KubernetesProbes::probe_port).
    ///
    /// That of the first listener that a kubelet can reach over HTTP. `None` if there is none: a kubelet asks from
    /// outside the container, so a port of loopback is none, nor is a Unix socket; a port of TLS would need
    /// `scheme: HTTPS` in the manifest.
    #[must_use]
    pub fn probe_port(&self) -> Option<u16> {
        self.probe_port
    }

    /// Closes the ports at once, lets answers that are under way end, and returns when everything is gone: after a
    /// moment if nothing is under way, after two seconds at most. It may be awaited on any runtime, or on none.
    pub async fn stop(mut self) {
        for place in &mut self.places {
            place.finish();
        }
        let (done, is_done) = oneshot::channel::<()>();
        // Dropping waits, and here is a runtime that must not. Without a thread it is dropped, and waits, here.
        let waiting = thread::Builder::new().name("health-stop".into()).spawn(move || {
            drop(self);
            drop(done);
        });
        drop(waiting);
        // An end without a word is one.
        let _ended = is_done.await;
    }
}

impl Drop for Management {
    fn drop(&mut self) {
        // All of them at once, then each is waited for.
        for place in &mut self.places {
            place.stop_now();
        }
    }
}

impl fmt::Debug for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Management");
        debug
            .field("addresses", &self.addresses)
            .field("haproxy_agents", &self.haproxy_agents)
            .field("probe_port", &self.probe_port)
            .finish_non_exhaustive()
    }
}
