#![doc = include_str!("../README.md")]

mod endpoints;
mod misuse;
mod negotiate;
mod respond;

pub use endpoints::{Endpoints, endpoints};
