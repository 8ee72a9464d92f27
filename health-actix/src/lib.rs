#![doc = include_str!("../README.md")]

mod accept;
mod access;
mod codes;
pub mod dialect;
mod endpoints;
mod events;
mod goodbye;
#[cfg(feature = "metrics")]
mod metrics;
mod misuse;
mod mounting;
#[cfg(feature = "ui")]
mod page;
mod profile;
mod query;
mod respond;
mod server;
mod shutdown;

pub use access::{Access, AccessError, ProxyHeader};
pub use endpoints::{Endpoints, endpoints, probes};
pub use goodbye::{Endless, Goodbye, goodbye};
#[cfg(feature = "metrics")]
pub use metrics::Metrics;
pub use profile::Profile;
pub use server::{HaproxyAgent, Management, Server, server};
pub use shutdown::{Exit, Shutdown, hear_signals, run};
