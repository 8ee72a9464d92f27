//! Whether somebody accepts connections at an address.
//!
//! # What green proves
//!
//! That a TCP connection could be made a moment ago: the machine is up, the way to it is open, and something listens.
//!
//! # What it costs
//!
//! One connection per run, closed at once. Some servers log that as a client that said nothing.
//!
//! # What it needs
//!
//! The way to the address, and no account.
//!
//! # When it lies
//!
//! The kernel of the other side accepts connections for a process that hangs, and a balancer for one that is not
//! there. Prefer a check that speaks the protocol where there is one.

use std::borrow::Cow;

use health_core::{Failure, HealthCheck, Outcome, Spec};
use tokio::net::TcpStream;

use crate::recommended::over_the_network;
use crate::{Fault, Recommended};

/// Somebody accepts connections at an address.
#[derive(Clone, Debug)]
#[must_use]
pub struct Tcp {
    address: String,
}

impl Tcp {
    /// Connects to `host:port`, and closes the connection.
    pub fn connect(address: impl Into<String>) -> Self {
        Self { address: address.into() }
    }
}

impl HealthCheck for Tcp {
    /// Cancelled, it gives the attempt up.
    async fn check(&self) -> Result<Outcome, Failure> {
        match TcpStream::connect(&self.address).await {
            Ok(_) => Ok(Outcome::healthy()),
            Err(error) => Err(match Fault::of_io(&error) {
                Some(fault) => fault.because(error),
                None => error.into(),
            }),
        }
    }
}

impl Recommended for Tcp {
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        over_the_network(name)
    }
}
