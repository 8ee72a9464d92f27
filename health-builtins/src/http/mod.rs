//! Whether an HTTP endpoint answers as it should, and [how another service is](downstream).
//!
//! The application's own [`reqwest::Client`] is used: its TLS, proxies, timeouts and connections. This crate switches
//! on none of its features: without one for TLS, an `https` URL says that TLS failed. Where a redirect leads is a matter
//! of the client too, for all of its requests: one with [`redirect::Policy::none`](reqwest::redirect::Policy::none) is
//! best for a check. One that follows takes the headers along. Those that are known to carry credentials stay with their
//! host; a token in a header of another name goes wherever the server points to.
//!
//! # What green proves
//!
//! That a moment ago the place that was asked, and no other that it redirected to, answered with one of the expected
//! codes, that all of its body arrived (or as much as is read), and that the predicate said yes to it; with
//! [`degraded_if_slower_than`](Http::degraded_if_slower_than) also, that no more than this went by from the attempt to
//! connect, or the first byte on a connection that was kept, to the last byte of the body.
//!
//! # What it costs
//!
//! One request per run, on a connection that the client keeps for the next one. A server that closes that connection
//! just when a request is on its way is asked a second time, once, on a new one, if the method may be repeated
//! (`GET`, `HEAD`): an old connection is no outage. A server that takes every request and hangs up is asked twice per
//! run, too. A body that is longer than what is read costs a new connection per run.
//!
//! # What it needs
//!
//! The way to the endpoint, and what it asks for in headers.
//!
//! # When it lies
//!
//! A cache or a balancer may answer for a server that is not there. A code says only what its author meant by it: many
//! front pages are 200 while nothing behind them works, which is what a predicate is for. A kept connection leads to
//! the same server again and again, though the name may have moved to another.

mod bad_url;
mod codes;
pub mod downstream;
mod endpoint;
mod question;

pub use bad_url::BadUrl;
pub use codes::Codes;
pub use downstream::Downstream;
pub use endpoint::Http;
