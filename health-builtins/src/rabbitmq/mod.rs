//! RabbitMQ, for connections of `lapin`.
//!
//! # What green proves
//!
//! - [`RabbitMq::connection`]: that the client believes in its connection, and that the broker has not blocked it. It asks
//!   nobody: a broker that hangs is noticed when heartbeats are missing, a minute later by default.
//! - [`RabbitMq::channel`]: that the broker opened and closed a channel on this connection a moment ago.
//!
//! # What it costs
//!
//! Per run: nothing for `connection`; `channel.open` and `channel.close`, and one channel of the connection for as long as
//! the run lasts, for `channel`.
//!
//! A run of `channel` that is cut off by its timeout gives its channel back when the broker has answered. Until then, on
//! a broker that is silent, each further run takes one more, until heartbeats end the connection.
//!
//! # What it needs
//!
//! Access to the virtual host, and no permission on anything in it.
//!
//! # When it lies
//!
//! The broker tells a connection that it is blocked only once it has published while memory or disk were short: one
//! that has not is green, and its next publish hangs. From then on `lapin` writes nothing at all to it, neither
//! acknowledgements nor the question of a check, so this is unhealthy without being asked.
//!
//! Neither tells whether a queue exists, how long it is, or who reads it. There is no check for that yet: a passive
//! declare of a queue that is missing ends its channel, and `lapin` 4.12 keeps the error for the number of that channel:
//! whoever gets this number next fails with it. A check must not do that to the connection of the application.
//!
//! **A connection that is lost stays lost**, and that is told until the application hands in another one: see
//! [`Current`]. With `enable_auto_recover` it may come back by itself. Do not count on it with `lapin` 4.12: we have
//! seen it still away, or back and answering nothing, a minute after the broker was, so these checks stay red as long.

mod current;
mod fault;

use std::borrow::Cow;
use std::fmt;

use health_core::{Failure, HealthCheck, Outcome, Spec};
use lapin::protocol::constants::REPLY_SUCCESS;

use crate::Recommended;
use crate::recommended::over_the_network;

pub use current::Current;

/// RabbitMQ, as deep as its constructor says.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use health_builtins::Recommended as _;
/// use health_builtins::rabbitmq::RabbitMq;
/// use health_core::Health;
/// use lapin::{Connection, ConnectionProperties};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let connection = Connection::connect("amqp://localhost", ConnectionProperties::default()).await?;
/// let connection = Arc::new(connection);
/// let rabbitmq = RabbitMq::channel(&connection);
/// let health = Health::builder().check(rabbitmq.spec("rabbitmq"), rabbitmq).build()?.start();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct RabbitMq {
    current: Current,
    opens_channel: bool,
}

impl RabbitMq {
    /// The connection is there and not blocked. Nobody is asked.
    ///
    /// Takes `&connection`, an `Arc`, or a function that gives the [current](Current) one.
    pub fn connection(current: impl Into<Current>) -> Self {
        Self { current: current.into(), opens_channel: false }
    }

    /// The broker opens a channel and closes it.
    ///
    /// Takes `&connection`, an `Arc`, or a function that gives the [current](Current) one.
    pub fn channel(current: impl Into<Current>) -> Self {
        Self { current: current.into(), opens_channel: true }
    }
}

impl HealthCheck for RabbitMq {
    /// Cancelled, it closes its channel as soon as that is open.
    async fn check(&self) -> Result<Outcome, Failure> {
        let connection = self.current.usable()?;
        if !self.opens_channel {
            return Ok(Outcome::healthy());
        }
        let channel = match connection.create_channel().await {
            Ok(channel) => channel,
            Err(error) => return fault::on(&connection, error),
        };
        // Waits for the broker to have closed it.
        channel.close(REPLY_SUCCESS, "OK".into()).await.map_err(fault::of)?;
        Ok(Outcome::healthy())
    }

    fn defaults() -> Spec {
        over_the_network("")
    }
}

impl Recommended for RabbitMq {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        over_the_network(name)
    }
}

impl fmt::Debug for RabbitMq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitMq").field("opens_channel", &self.opens_channel).finish_non_exhaustive()
    }
}
