//! Redis and Valkey, asked over the application's own connection (redis 1).
//!
//! Any connection of that crate will do that can be cloned: a `MultiplexedConnection`, a `ConnectionManager`, a
//! `ClusterConnection`. Its features are chosen where the application names it.
//!
//! # What green proves
//!
//! [`Redis::ping`]: this connection works and its account is accepted. A server answers it too when it takes no writes
//! because it is a replica, or full; it does not while it loads its data, while it cannot save to its disk, or while a
//! replica has lost a primary without which it serves nothing. The client of a cluster asks all primaries that it
//! knows, each of which has to answer, and no replica.
//!
//! [`Redis::round_trip`]: something was written, read back the same and deleted, a moment ago. In a cluster by one
//! primary, another one each time: the one to which the key of the run falls.
//!
//! [`Replication`]: what role the server believes to have, and how long ago it has heard from the other side.
//!
//! [`Cluster`]: that every slot has a primary, as one node sees it.
//!
//! # What it costs
//!
//! One request per run over the connection that is there, and no further connection. On the server these are one `PING`
//! (in a cluster one per primary); or one `SET`, one `GET` and one `DEL` of a key of some 40 bytes; or one
//! `INFO replication`; or one `CLUSTER INFO`. The key expires after ten seconds, should the way break in between.
//!
//! # What it needs
//!
//! An account with `+ping`; with `+set +get +del ~health:*`, or the [prefix](Redis::prefix) that is set; with `+info`;
//! with `+cluster|info`.
//!
//! # When it lies
//!
//! **A `MultiplexedConnection` never connects again.** Once it has ended it stays "the connection was closed", though
//! the server is long back, until the application makes another one. That is the truth about this application, and the
//! reason to use a `ConnectionManager`.
//!
//! A `ConnectionManager` notices that its connection has ended when somebody uses it, unless it speaks RESP3
//! (`?protocol=resp3`): the first run after that fails, also when the server only closed an idle connection. With its
//! defaults it then tries for up to 13 seconds before it says why not, and whoever asks waits as long: the runs time
//! out. With `set_number_of_retries(0)` they tell at once, and each begins another attempt. It tries for ever after
//! what the operating system reports, but never again after credentials were refused, even when they are right by then.
//!
//! No client connects again because answers do not come: it waits until TCP gives up, which takes a quarter of an hour
//! where packets disappear. `TcpSettings::set_user_timeout` and `set_keepalive` shorten that.
//!
//! The client has a timeout of its own (`response_timeout`, 500 ms), and what takes longer has failed for it. Requests
//! on one connection are answered in their order: a `BLPOP` of the application on it lets everybody wait, these checks
//! too.
//!
//! The client of a cluster forgets a primary that is lost, and pings the others: green. A round trip meets what is lost
//! only when its key falls there. [`Cluster`] is the one that tells.
//!
//! A server that accepts no more connections (`maxclients`) closes them at once, and that is what is told. It is no
//! trouble for a connection that exists.

mod cluster;
mod lines;
mod refusal;
mod replication;
mod round_trip;

use std::borrow::Cow;
use std::fmt;

use ::redis::aio::ConnectionLike;
use health_core::{Failure, HealthCheck, Outcome, Spec};

use crate::Recommended;
use crate::recommended::over_the_network;

pub use cluster::Cluster;
pub use replication::Replication;

/// Redis answers, or does what it is for.
///
/// ```no_run
/// use health_builtins::Recommended as _;
/// use health_builtins::redis::Redis;
/// use health_core::Health;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let client = redis::Client::open("redis://cache.example/")?;
/// // Better the `ConnectionManager` of its feature `connection-manager`: it connects again.
/// let connection = client.get_multiplexed_async_connection().await?;
/// let sessions = Redis::round_trip(&connection).prefix("shop:health:");
/// let health = Health::builder().check(sessions.spec("sessions"), sessions).build()?.start();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Redis<C> {
    connection: C,
    depth: Depth,
    prefix: Cow<'static, str>,
}

#[derive(Clone, Copy, Debug)]
enum Depth {
    Ping,
    RoundTrip,
}

impl<C: ConnectionLike + Clone> Redis<C> {
    /// Asks for an answer: in a cluster all primaries that the client knows.
    pub fn ping(connection: &C) -> Self {
        Self::of(connection, Depth::Ping)
    }

    /// Writes a key that nobody else has and that expires, reads it back, compares and deletes it.
    pub fn round_trip(connection: &C) -> Self {
        Self::of(connection, Depth::RoundTrip)
    }

    /// What the key of a [`round_trip`](Self::round_trip) begins with, for an account that may not write everywhere;
    /// `health:` unless it is set. Each run has a key of its own in all the fleet, so all may have the same prefix. A
    /// [`ping`](Self::ping) has no key, and is not changed by it.
    pub fn prefix(mut self, prefix: impl Into<Cow<'static, str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    fn of(connection: &C, depth: Depth) -> Self {
        Self { connection: connection.clone(), depth, prefix: Cow::Borrowed("health:") }
    }
}

impl<C: ConnectionLike + Clone + Send + Sync> HealthCheck for Redis<C> {
    /// Cancelled, it leaves what has been sent to the server, which does it and whose answer nobody reads. The
    /// connection stays in step.
    async fn check(&self) -> Result<Outcome, Failure> {
        let mut connection = self.connection.clone();
        match self.depth {
            Depth::Ping => ping(&mut connection).await,
            Depth::RoundTrip => round_trip::run(&mut connection, &self.prefix).await,
        }
    }

    fn defaults() -> Spec {
        over_the_network("")
    }
}

async fn ping(connection: &mut impl ConnectionLike) -> Result<Outcome, Failure> {
    match ::redis::cmd("PING").query_async::<String>(connection).await {
        Ok(answer) if answer == "PONG" => Ok(Outcome::healthy()),
        Ok(answer) => Err(Failure::new("something else than Redis answers").because(answer)),
        Err(error) => Err(refusal::told(error)),
    }
}

impl<C: ConnectionLike + Clone + Send + Sync> Recommended for Redis<C> {
    /// What writes runs every 30 seconds.
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        let spec = over_the_network(name);
        match self.depth {
            Depth::Ping => spec,
            Depth::RoundTrip => spec.interval("30s"),
        }
    }
}

/// Without the connection: clients print where they are connected to.
impl<C> fmt::Debug for Redis<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("depth", &self.depth)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
