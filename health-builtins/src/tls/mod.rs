//! When a certificate ends.
//!
//! # What green proves
//!
//! [`Tls::expiry`]: that a server, asked for this name, showed certificates of which none ends soon: neither its own nor
//! one of an authority in between. Whether anybody would trust them is not asked, so that it can look at every
//! certificate, also at those of a private authority and at self-signed ones; [`trusted_by`](Tls::trusted_by) asks
//! that too.
//!
//! [`Tls::file`]: the same of the certificates in a file of this machine.
//!
//! A server's own certificate that is not valid now is unhealthy, and one that ends within 14 days is degraded, whatever
//! limits are set: until its last second it does all that it should. One in between is never more than degraded, also
//! when it has ended: there may be a way around it, as there is when an authority shows an old one beside a new one.
//! With `trusted_by` it is known whether there is: without any it is unhealthy.
//!
//! # What it costs
//!
//! One connection and one handshake per run: on the server that is one signature, a few milliseconds of its processor
//! at most. Nothing is resumed, and nothing is sent after the handshake. It is recommended once a minute: for the end of
//! a certificate once an hour is often enough, but whoever fails at the very first run stays red until the second one.
//! (A file costs the reading of it, on a short-lived thread.)
//!
//! # What it needs
//!
//! The way to the server, and no account: a server that demands a certificate of its clients shows its own before. Of
//! rustls a crypto provider, the one of this process or of a configuration handed in: this crate brings none.
//! A file must be readable by this process. Put only certificates in it: whatever is in it is read.
//!
//! # When it lies
//!
//! Behind a name with several addresses, or a balancer, there may be other servers with other certificates. Without
//! `trusted_by` it is green for a certificate of the wrong name, revoked, or of nobody: worse would be a certificate
//! that ends unseen because this process trusts others than the clients do. Revocation is never asked for. A server
//! may have loaded its file long ago: the file is then new and what clients see is old, so ask the port where it can be
//! asked. An old certificate that the server shows and clients no longer look at (a cross-signed one) is degraded.
//! One that is not written as RFC 5280 demands may not be read: the server's own is degraded then, and one in between
//! is left out. And the clock of this machine decides.

mod file;
mod handshake;
mod validity;

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use health_core::{Failure, HealthCheck, Outcome, Scope, Spec, Status};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use self::file::PemFile;
use self::handshake::{Server, Shown, distrusted};
use self::validity::{Limits, Validity};
use crate::Recommended;
use crate::reach::Address;
use crate::recommended::over_the_network;

/// A certificate does not end soon.
///
/// ```no_run
/// use std::time::Duration;
///
/// use health_builtins::Recommended as _;
/// use health_builtins::tls::Tls;
/// use health_core::Health;
///
/// const DAY: Duration = Duration::from_secs(86_400);
///
/// let shop = Tls::expiry("shop.example:443").degraded_within(21 * DAY);
/// let own = Tls::file("/etc/app/tls.pem");
/// let health = Health::builder().check(shop.spec("shop-tls"), shop).check(own.spec("own-tls"), own).build()?;
/// # Ok::<(), health_core::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Tls {
    source: Source,
    limits: Limits,
}

#[derive(Clone)]
enum Source {
    Server(Server),
    File(PemFile),
}

impl Tls {
    /// The certificates that the server at `host:port` shows to whoever asks for that host.
    ///
    /// What is no `host:port` is accepted here, and each run says so. The crypto provider is the default one of this
    /// process, unless [`speaking`](Self::speaking) brings another; without any, each run says that.
    pub fn expiry(address: impl AsRef<str>) -> Self {
        Self::of(Source::Server(Server::at(Address::written(address.as_ref()))))
    }

    /// The certificates in this file (PEM), which is read anew by each run.
    ///
    /// It reads on a thread of its own. One that hangs (a file system that is gone) holds up nobody, and few others join
    /// it, however often the same file is asked for: until it has ended, each run times out or says that it has not.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::of(Source::File(PemFile::at(path.into())))
    }

    fn of(source: Source) -> Self {
        Self { source, limits: Limits::default() }
    }

    /// Degraded when less than this is left. Unset, 14 days: too much for certificates that live for less.
    pub fn degraded_within(mut self, left: Duration) -> Self {
        self.limits.degraded = left;
        self
    }

    /// While it is degraded and less than this is left, the summary says to renew it now; the status is the same. Unset,
    /// 3 days.
    pub fn louder_within(mut self, left: Duration) -> Self {
        self.limits.louder = left;
        self
    }

    /// Asks the server for this name instead of the host of the address. For a file it changes nothing.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        if let Source::Server(server) = &mut self.source {
            server.name = Some(name.into());
        }
        self
    }

    /// Speaks as this configuration of the application says: its crypto provider, its versions, its protocols.
    /// The certificate that it may have for clients is not shown, and its own trust is not asked: rustls does not tell
    /// whom it trusts. For a file it changes nothing.
    pub fn speaking(mut self, config: &Arc<ClientConfig>) -> Self {
        if let Source::Server(server) = &mut self.source {
            server.config = Some(Arc::clone(config));
        }
        self
    }

    /// Unhealthy, too, if these roots do not lead to the certificate, or it is for another name. For a file it changes
    /// nothing.
    pub fn trusted_by(mut self, roots: impl Into<Arc<RootCertStore>>) -> Self {
        if let Source::Server(server) = &mut self.source {
            server.roots = Some(roots.into());
        }
        self
    }
}

impl HealthCheck for Tls {
    /// Cancelled, it closes the connection; what is said of names in [`Tcp`](crate::tcp::Tcp) is so here too.
    async fn check(&self) -> Result<Outcome, Failure> {
        let Shown { chain, distrust, .. } = match &self.source {
            Source::Server(server) => server.shown().await?,
            Source::File(file) => Shown::unasked(file.read().await?),
        };
        let outcome = match Validity::of_chain(&chain) {
            Ok(chain) => self.limits.judge(&chain, SystemTime::now())?,
            Err(unreadable) => unreadable.into_outcome_of(Status::Degraded),
        };
        match distrust {
            // Expired is why nobody trusts it, so that is said first.
            Some(distrust) if outcome.status() != Status::Unhealthy => Err(distrusted(distrust)),
            _ => Ok(outcome),
        }
    }

    fn defaults() -> Spec {
        over_the_network("").failure_threshold(2)
    }
}

/// Where a process connects to, whom it trusts and where its files are is not everybody's business.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Recommended for Tls {
    /// Every minute, twice before it counts as worse, and not critical: a file, too, ends on every instance at once.
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        let spec = over_the_network(name).interval("1m").failure_threshold(2);
        match self.source {
            Source::Server(_) => spec,
            Source::File(_) => spec.scope(Scope::Local).critical(false),
        }
    }
}
