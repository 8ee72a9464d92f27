//! NATS, and JetStream, for clients of `async-nats`.
//!
//! The client reconnects by itself and keeps what is published meanwhile: a publish during an outage "succeeds". So
//! these checks first look whether the client is connected, and take nothing for an answer that the server has not sent.
//!
//! # What green proves
//!
//! - [`Nats::connected`]: that the client believes in its connection and still works. It asks nobody: a server that hangs
//!   is noticed when its pings stay unanswered, minutes later by default. Enough beside a check that does ask.
//! - [`Nats::round_trip`]: that a message came back through the server a moment ago.
//! - [`Nats::jet_stream`]: that JetStream answers for this account. Not that a stream can be written.
//! - [`Nats::stream`]: that the stream exists and, in a cluster, has a leader; near its limits it is degraded.
//! - [`Nats::consumer`]: that the consumer exists and has a leader; with more messages waiting than set it is degraded.
//!
//! # What it costs
//!
//! Per run: nothing for `connected`; for `round_trip` a subscription, one message there, one back, and the end of the
//! subscription; for the others one request and one answer of the JetStream API. `flush` of the client asks the server
//! nothing, hence is not used as proof.
//!
//! A run that is cut off by its timeout leaves no subscription on the server. A request to JetStream that is cut off
//! leaves its entry in the table of the client (about 100 bytes) until the answer arrives, if ever.
//!
//! # What it needs
//!
//! `round_trip`: to publish and to subscribe below the inbox prefix of the client (`_INBOX.>`), unless it is told to
//! [ask another subject](Nats::asking). `jet_stream`, `stream` and `consumer`: to publish to `$JS.API.INFO`,
//! `$JS.API.STREAM.INFO.<stream>` or `$JS.API.CONSUMER.INFO.<stream>.<consumer>`, and to subscribe below the prefix.
//!
//! # When it lies
//!
//! The server says that something is not permitted, and the client that the credentials were refused, only to the
//! `event_callback` with which the application connected. Here the first is a run that times out, the second a client
//! that is not connected. A client with `no_echo` never hears itself: let it ask another subject. A stream that drops its
//! oldest messages is at its limits by design, and judged by them only when told to be. Messages that the client keeps
//! for a consumer that is too slow are nobody's lag.

mod client;
mod jet_stream;

use std::borrow::Cow;
use std::fmt;

use async_nats::{Client, jetstream};
use health_core::{Failure, HealthCheck, Outcome, Spec};

use crate::Recommended;
use crate::recommended::over_the_network;

pub use jet_stream::{Consumer, Stream};

/// NATS, as deep as its constructor says.
///
/// ```no_run
/// use health_builtins::Recommended as _;
/// use health_builtins::nats::Nats;
/// use health_core::Health;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let client = async_nats::connect("demo.nats.io").await?;
/// let nats = Nats::round_trip(&client);
/// let orders = Nats::stream(&async_nats::jetstream::new(client), "ORDERS").degraded_above(0.8);
/// let health = Health::builder()
///     .check(nats.spec("nats"), nats)
///     .check(orders.spec("orders"), orders)
///     .build()?
///     .start();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Nats {
    depth: Depth,
}

#[derive(Clone)]
enum Depth {
    Connected(Client),
    RoundTrip { client: Client, asks: Option<String> },
    JetStream(jetstream::Context),
}

impl Nats {
    /// The client is connected and works. Nobody is asked.
    pub fn connected(client: &Client) -> Self {
        Self { depth: Depth::Connected(client.clone()) }
    }

    /// A message to a subject of its own comes back through the server.
    pub fn round_trip(client: &Client) -> Self {
        Self { depth: Depth::RoundTrip { client: client.clone(), asks: None } }
    }

    /// JetStream answers for the account of this client.
    pub fn jet_stream(context: &jetstream::Context) -> Self {
        Self { depth: Depth::JetStream(context.clone()) }
    }

    /// A stream is there, has a leader, and has room.
    pub fn stream(context: &jetstream::Context, name: impl Into<String>) -> Stream {
        Stream::new(context, name.into())
    }

    /// A consumer of a stream is there, has a leader, and keeps up.
    pub fn consumer(
        context: &jetstream::Context,
        stream: impl Into<String>,
        name: impl Into<String>,
    ) -> Consumer {
        Consumer::new(context, stream.into(), name.into())
    }

    /// For a [round trip](Self::round_trip) of an account that may not publish to inboxes: the message is a request to
    /// this subject. Any answer will do, and the server itself answers where nobody listens: `"orders.health"`.
    ///
    /// No other depth sends a message: there it changes nothing.
    pub fn asking(mut self, subject: impl Into<String>) -> Self {
        if let Depth::RoundTrip { asks, .. } = &mut self.depth {
            *asks = Some(subject.into());
        }
        self
    }
}

impl HealthCheck for Nats {
    /// Cancelled, it ends its subscription.
    async fn check(&self) -> Result<Outcome, Failure> {
        match &self.depth {
            Depth::Connected(client) => client::works(client).await,
            Depth::RoundTrip { client, asks } => client::round_trip(client, asks.as_deref()).await,
            Depth::JetStream(context) => jet_stream::account(context).await,
        }
    }

    fn defaults() -> Spec {
        over_the_network("")
    }
}

impl Recommended for Nats {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        over_the_network(name)
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing of the client, which knows its server.
        let depth = match &self.depth {
            Depth::Connected(_) => "connected",
            Depth::RoundTrip { .. } => "round_trip",
            Depth::JetStream(_) => "jet_stream",
        };
        f.debug_struct("Nats").field("depth", &depth).finish_non_exhaustive()
    }
}
