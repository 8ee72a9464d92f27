//! Whether somebody accepts connections at an address.
//!
//! # What green proves
//!
//! That a TCP connection to one of the addresses of the host could be made a moment ago: the name resolves, the
//! machine is up, the way to it is open, and something listens.
//!
//! # What it costs
//!
//! One connection per run, closed at once. Some servers log that as a client that said nothing. When a name has several
//! addresses and the first one has not answered within 250 ms, the next one is tried beside it, as RFC 8305 says: then
//! it is one for each address that was tried.
//!
//! MySQL and MariaDB take a connection that says nothing for a failed one, and refuse this machine after
//! `max_connect_errors` of them in a row (100, unless they are set otherwise): ask them with `MySql::ping` instead.
//!
//! A name is looked up on a short-lived thread, by one run at a time: others that want to know the same wait with it.
//!
//! # What it needs
//!
//! The way to the address, and no account.
//!
//! # When it lies
//!
//! The kernel of the other side accepts connections for a process that hangs, and a balancer for one that is not
//! there. One address of several is enough. Prefer a check that speaks the protocol where there is one.

use std::borrow::Cow;
use std::fmt;

use health_core::{Failure, HealthCheck, Outcome, Spec};

use crate::Recommended;
use crate::reach::Address;
use crate::recommended::over_the_network;

/// Somebody accepts connections at an address.
///
/// ```
/// use health_builtins::Recommended as _;
/// use health_builtins::tcp::Tcp;
/// use health_core::Health;
///
/// let smtp = Tcp::connect("mail.example:25");
/// Health::builder().check(smtp.spec("smtp"), smtp).build()?;
/// # Ok::<(), health_core::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Tcp {
    address: Address,
}

impl Tcp {
    /// Connects to `host:port`, and closes the connection. The host is a name, an IPv4 address, or an IPv6 address in
    /// brackets: `[::1]:25`.
    ///
    /// Anything else is accepted here, and each run says `` the address is not `host:port` ``.
    pub fn connect(address: impl AsRef<str>) -> Self {
        Self { address: Address::written(address.as_ref()) }
    }
}

/// Where a process connects to is not everybody's business.
impl fmt::Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tcp").finish_non_exhaustive()
    }
}

impl HealthCheck for Tcp {
    /// Cancelled, it gives the attempt up. Only a name that is being looked up keeps its thread until the operating system
    /// has an answer or has given up, which may take half a minute: one thread for each name, however often it is asked,
    /// none of the runtime's, and none that holds up the end of the process. A run that comes meanwhile waits for the
    /// same answer.
    async fn check(&self) -> Result<Outcome, Failure> {
        self.address.connect().await.map(|_| Outcome::healthy())
    }

    fn defaults() -> Spec {
        over_the_network("")
    }
}

impl Recommended for Tcp {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        over_the_network(name)
    }
}
