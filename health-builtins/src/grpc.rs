//! Whether a gRPC service says that it is serving.
//!
//! It asks by the protocol that gRPC services have for this: `grpc.health.v1.Health/Check`, as
//! [described by gRPC](https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
//!
//! # What green proves
//!
//! That a server behind the channel answered a moment ago, over the connection that the application uses too, and said
//! that it, or the [service](Grpc::service) that was asked for, is serving.
//!
//! # What it costs
//!
//! One call per run, over the connection that is there; while there is none, one attempt to connect per run, and none
//! while nobody asks. What the server does to know its answer is usually nothing.
//!
//! # What it needs
//!
//! That the server offers the health service, and lets whoever asks do so: no credentials are sent. A channel that
//! notices that a silent server is gone: without `http2_keep_alive_interval` and `keep_alive_while_idle` (both of
//! `tonic::transport::Endpoint`) a connection that nobody closed is waited on until the operating system gives it up,
//! which takes a quarter of an hour. The check times out meanwhile, as do the calls of the application.
//!
//! # When it lies
//!
//! What a server says of itself is as true as it has been programmed: many say once at their start that they are
//! serving. A channel over several servers asks one of them, as a balancer does. A service that asks its own
//! dependencies may be asked by them: two that judge themselves by each other never get up again, so this is not
//! critical unless you say so.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use health_core::{Failure, HealthCheck, Outcome, Spec};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::recommended::over_the_network;
use crate::{Fault, Recommended};

/// A gRPC service says that it is serving.
///
/// ```no_run
/// use std::time::Duration;
///
/// use health_builtins::Recommended as _;
/// use health_builtins::grpc::Grpc;
/// use health_core::Health;
/// use tonic::transport::Endpoint;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = Endpoint::from_static("http://ledger.example:50051")
///     .http2_keep_alive_interval(Duration::from_secs(10))
///     .keep_alive_while_idle(true);
/// let channel = endpoint.connect_lazy();
/// let ledger = Grpc::serving(&channel).service("ledger.v1.Ledger");
/// let health = Health::builder().check(ledger.spec("ledger"), ledger).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Grpc {
    client: HealthClient<Channel>,
    service: String,
}

impl Grpc {
    /// The server behind this channel, as a whole. The channel may be one that connects when it is used first.
    pub fn serving(channel: &Channel) -> Self {
        Self { client: HealthClient::new(channel.clone()), service: String::new() }
    }

    /// Asks for one service by its full name, `package.Service`, instead of the whole server.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = name.into();
        self
    }
}

/// Without the name of the service.
impl fmt::Debug for Grpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grpc").finish_non_exhaustive()
    }
}

impl HealthCheck for Grpc {
    /// Cancelled, it takes the call back (`RST_STREAM`) and leaves the connection as it is. When a silent way is mended,
    /// all that was said meanwhile arrives in one piece: a server that was told of many calls and their end at once may
    /// close the connection for that, and one more run fails before the channel connects anew.
    async fn check(&self) -> Result<Outcome, Failure> {
        let request = HealthCheckRequest { service: self.service.clone() };
        match self.client.clone().check(request).await {
            Ok(answer) => Ok(judged(answer.into_inner().status())),
            Err(status) => Err(in_words(status)),
        }
    }

    fn defaults() -> Spec {
        over_the_network("")
    }
}

impl Recommended for Grpc {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        over_the_network(name)
    }
}

fn judged(status: ServingStatus) -> Outcome {
    match status {
        ServingStatus::Serving => Outcome::healthy(),
        ServingStatus::NotServing => Outcome::unhealthy("the service says that it is not serving"),
        ServingStatus::Unknown => Outcome::unhealthy("the service does not say whether it is serving"),
        ServingStatus::ServiceUnknown => Outcome::unhealthy(NOT_KNOWN),
    }
}

const NOT_KNOWN: &str = "the server does not know this service";
const NOT_IN_TIME: &str = "no answer in the time that the call may take";

fn in_words(status: Status) -> Failure {
    if let Some(fault) = Fault::below(&status) {
        return fault.because(status);
    }
    // What the client of tonic itself says of a connection, and no server.
    let of_the_way = is_below::<tonic::transport::Error>(&status);
    let summary = match status.code() {
        Code::Cancelled if is_below::<tonic::TimeoutExpired>(&status) => NOT_IN_TIME,
        Code::Cancelled if of_the_way => return Fault::Closed.because(status),
        _ if of_the_way => "the connection to the server failed",
        Code::Unimplemented => "the server does not offer the health service",
        Code::NotFound => NOT_KNOWN,
        Code::Unauthenticated => return Fault::Credentials.because(status),
        Code::PermissionDenied => return Fault::Denied.because(status),
        Code::ResourceExhausted => "the server takes no more calls",
        Code::DeadlineExceeded | Code::Cancelled => NOT_IN_TIME,
        Code::Unavailable => "the server is not available",
        _ => "the call failed",
    };
    Failure::new(summary).because(status)
}

fn is_below<E: Error + 'static>(status: &Status) -> bool {
    let mut next = status.source();
    while let Some(error) = next {
        if error.is::<E>() {
            return true;
        }
        next = error.source();
    }
    false
}
