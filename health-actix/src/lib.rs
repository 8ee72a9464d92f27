#![doc = include_str!("../README.md")]

mod codes;
pub mod dialect;
mod endpoints;
mod goodbye;
mod misuse;
mod mounting;
mod negotiate;
mod profile;
mod respond;

pub use endpoints::{Endpoints, endpoints, probes};
pub use goodbye::{Goodbye, goodbye};
pub use profile::Profile;
