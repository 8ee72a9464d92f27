//! PostgreSQL, through the pool or the client that the application has.
//!
//! | | asks for | proves |
//! |---|---|---|
//! | [`ping`](Postgres::ping) | a `Sync` message | a process of the server answers |
//! | [`query`](Postgres::query) | a trivial statement | statements are run |
//! | [`write`](Postgres::write) | a commit that has to be durable | the application can store something |
//! | [`replication_lag`](Postgres::replication_lag) | how far a standby is behind | what is read is not too old |
//! | [`pool_pressure`](Postgres::pool_pressure) | nothing | the pool has connections left |
//!
//! # What green proves
//!
//! For all that ask: the application's pool or client had a connection, with the account it uses. `write`: the log of
//! the server took a record and was flushed, and, as far as `synchronous_commit` says so, standbys have confirmed it.
//! Where the application has set that to `off`, the log is flushed all the same.
//!
//! # What it costs
//!
//! `ping` no statement, the others one, which is not prepared: one round trip. Pools add what they always do: sqlx asks
//! with a `Sync` message of its own before and after. `write` adds one flush of the log and less than 200 bytes in it,
//! no row and no dead one; it recommends to be run every 30 s. It also looks into `pg_stat_activity`. `pool_pressure`
//! costs the server nothing.
//!
//! # What it needs
//!
//! An account that may connect. `write` and `replication_lag` call functions that everybody may call unless an
//! administrator has revoked that: `pg_logical_emit_message`, `pg_last_wal_receive_lsn` and their like. No table, no
//! extension. PostgreSQL 10 or later; `ping` and `query` without an expected role ask nothing that others who speak the
//! protocol cannot answer.
//!
//! # When it lies
//!
//! - All connections of a pool are busy: that is degraded, because nothing is known about the server then. If it went
//!   away while the application holds all of them, this says busy until they fail. Timeouts of the application's own
//!   bring that about.
//! - **A server that is gone is told as busy, not as gone, while an application under load tries to connect through
//!   sqlx.** sqlx counts a place as taken while it tries, tries again when it is refused, until its `acquire_timeout`
//!   (30 s, unless said otherwise), and then somebody who waits takes the place of who has failed: with as many
//!   waiting as the pool may have connections the pool is full, and nothing shows that it is full of attempts. Keep
//!   `acquire_timeout` short, and have a second check that does not stand in that line: a
//!   [`Tcp`](crate::tcp::Tcp), or a `ping` through a pool of its own with one connection. deadpool-postgres shows
//!   the difference: `no connection within 1.5s`, or what the server said.
//! - sqlx does not say why it cannot connect when nobody listens there, the server is starting up, or it is full: then
//!   this can say no more than `no connection within 1.5s`. deadpool-postgres says it. When the server is full, sqlx
//!   goes on trying to connect and does not look at connections that come back
//!   ([sqlx #2848](https://github.com/launchbadge/sqlx/issues/2848)); this does, once, before it says so.
//! - `write` proves that the log can be written, not that a table can: a tablespace of its own may be full, a lock be
//!   held. Readers of logical changes that ask for messages see one, empty, with the prefix `health`. A commit that
//!   waits for a standby which is gone is cut off by the timeout, and is on the server until the standby is back;
//!   from then on `write` starts no other and says `commits wait for a standby`.
//! - `replication_lag` takes a standby for up to date when it has replayed all it has received and still receives:
//!   for up to `wal_receiver_timeout` (a minute) after the way to its primary went dark that is not so. It reads the
//!   clock of the standby and the times of the primary. What a standby that is not up to date is behind is the age of
//!   the last change that it has replayed: the first change after an idle night shows the whole night for the moment
//!   in which it is received and not yet replayed. A `failure_threshold` of 2 hides that.
//! - A standby that is fed from an archive alone receives nothing, so nobody knows what there is to be replayed: it is
//!   healthy while the last change that it has is no older than the limit, and degraded, `how far the standby is
//!   behind is not known`, from then on, also when there was nothing to change. Set a limit above `archive_timeout`.
//! - The replicas of Amazon Aurora share a disk with their primary and do not have these functions:
//!   `replication_lag` is unhealthy there, `the server does not support this`.
//! - Through a pooler such as PgBouncer, `ping` is answered by the pooler. All that a pooler itself refuses is told as
//!   `a pooler gave no connection to the server`: that the server is gone, and that the pooler is used up.
//! - An `Arc<tokio_postgres::Client>` never connects again: once its connection has ended, it stays unhealthy until the
//!   application makes another client and check. A client that is inside a transaction of the application is asked
//!   inside it: `write` writes nothing then and is degraded, and inside a transaction that has failed all but a `ping`
//!   are. While the server is silent each run leaves a question in
//!   the queue of the client, until it is answered or the connection ends.
//!
//! # Cut off midway
//!
//! A connection of a pool that has not answered when the check is dropped is closed, and the pool opens another when it
//! needs one: it never goes back with an answer that is meant for somebody else.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use health_core::{Failure, HealthCheck, Outcome, Spec};

use crate::pool::PATIENCE;
use crate::recommended::over_the_network;
use crate::{Connections, Counted, Pressure, Recommended};

mod client;
mod codes;
#[cfg(feature = "deadpool-postgres")]
mod of_deadpool;
#[cfg(feature = "sqlx-postgres")]
mod of_sqlx;
#[cfg(feature = "tokio-postgres")]
mod of_tokio;
mod questions;

pub use client::Client;

/// A PostgreSQL server answers.
///
#[cfg_attr(feature = "sqlx-postgres", doc = "```no_run")]
#[cfg_attr(not(feature = "sqlx-postgres"), doc = "```text")]
/// use std::time::Duration;
///
/// use health_builtins::Recommended as _;
/// use health_builtins::postgres::Postgres;
/// use health_core::Health;
/// use sqlx::PgPool;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = PgPool::connect("postgres://app@db.example/app").await?;
/// let replica = PgPool::connect("postgres://app@replica.example/app").await?;
/// let primary = Postgres::write(&pool).expect_primary();
/// let lag = Postgres::replication_lag(&replica, Duration::from_secs(10)).expect_standby();
/// let pressure = Postgres::pool_pressure(&pool);
/// let health = Health::builder()
///     .check(primary.spec("db").critical(true), primary)
///     .check(lag.spec("replica"), lag)
///     .check(pressure.spec("pool"), pressure)
///     .build()?
///     .start();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Postgres<C> {
    client: C,
    depth: Depth,
    expected: Option<Role>,
    patience: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Depth {
    Ping,
    Query,
    Write,
    Lag(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Primary,
    Standby,
}

impl<C: Client> Postgres<C> {
    /// The cheapest round trip there is: a process of the server answers on a connection.
    pub fn ping(client: &C) -> Self {
        Self::of(client, Depth::Ping)
    }

    /// A trivial statement is run.
    pub fn query(client: &C) -> Self {
        Self::of(client, Depth::Query)
    }

    /// A commit is made durable. It leaves no row behind and needs no table.
    pub fn write(client: &C) -> Self {
        Self::of(client, Depth::Write)
    }

    /// A standby is behind its primary by no more than `limit`: otherwise, or when it receives nothing, it is degraded.
    ///
    /// On a primary it is healthy, unless [`expect_standby`](Self::expect_standby) says what it has to be.
    pub fn replication_lag(client: &C, limit: Duration) -> Self {
        Self::of(client, Depth::Lag(limit))
    }

    fn of(client: &C, depth: Depth) -> Self {
        Self { client: client.clone(), depth, expected: None, patience: PATIENCE }
    }

    /// Unhealthy on a standby. A ping, which knows no role, becomes a query.
    pub fn expect_primary(mut self) -> Self {
        self.expected = Some(Role::Primary);
        self
    }

    /// Unhealthy on a primary. A ping, which knows no role, becomes a query.
    pub fn expect_standby(mut self) -> Self {
        self.expected = Some(Role::Standby);
        self
    }

    /// How long to wait for a connection of the pool: 1.5 s, unless said otherwise. A third of it is for a pool whose
    /// connections are all busy, all of it for a connection that is being made.
    ///
    /// Keep it below the timeout of the check: afterwards nobody is told whether the pool was busy or the server
    /// silent. With 1.5 s a busy pool is still told when the timeout is 700 ms.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

impl<C: Client + Counted> Postgres<C> {
    /// How many of the connections that the pool may have are in use, read without taking one. Degraded above 80 %.
    pub fn pool_pressure(pool: &C) -> Pressure<Connections<C>> {
        Pressure::of(Connections::of(pool))
    }
}

impl<C: Client> HealthCheck for Postgres<C> {
    /// Cancelled, it closes the connection that has not answered.
    async fn check(&self) -> Result<Outcome, Failure> {
        let question = questions::question(self.depth, self.expected);
        match self.client.ask(question, self.patience).await {
            Ok(answer) => questions::judged(answer, self.depth, self.expected),
            Err(trouble) => trouble.told(|failure| failure),
        }
    }

    fn defaults() -> Spec {
        over_the_network("")
    }
}

impl<C: Client> Recommended for Postgres<C> {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        let spec = over_the_network(name);
        match self.depth {
            Depth::Write => spec.interval("30s"),
            Depth::Ping | Depth::Query | Depth::Lag(_) => spec,
        }
    }
}

impl<C> fmt::Debug for Postgres<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing of the client, which may know a password.
        f.debug_struct("Postgres")
            .field("depth", &self.depth)
            .field("expected", &self.expected)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Role {
    /// As `pg_is_in_recovery()` says it.
    fn of(in_recovery: &str) -> Option<Self> {
        match in_recovery {
            "true" => Some(Self::Standby),
            "false" => Some(Self::Primary),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Standby => "standby",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
#[cfg(feature = "deadpool-postgres")]
mod tests {
    use deadpool_postgres::{Manager, Pool};
    use health_core::Health;
    use tokio_postgres::{Config, NoTls};

    use super::*;

    #[test]
    fn what_it_was_told_can_be_seen_and_where_it_is_made_too() {
        let pool = Pool::builder(Manager::new(Config::new(), NoTls)).build().unwrap();
        let check = Postgres::ping(&pool).patience(Duration::from_millis(300));
        assert!(format!("{check:?}").contains("patience: 300ms"), "{check:?}");

        let spec = check.spec("No Name");
        let line = line!() - 1;
        let problems = Health::builder().check(spec, check).build().unwrap_err().to_string();
        assert!(problems.contains(&format!("{}:{line}", file!())), "{problems}");
    }
}
