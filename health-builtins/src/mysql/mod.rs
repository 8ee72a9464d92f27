//! MySQL and MariaDB, through a pool of sqlx.
//!
//! # What green proves
//!
//! | check | a moment ago |
//! |---|---|
//! | [`MySql::ping`] | a connection of the application's pool was to be had, and the server answered a packet on it |
//! | [`MySql::query`] | and it ran a statement, `SELECT 1` |
//! | [`MySql::write`] | and it committed a row that was inserted into a table and deleted again, in one transaction: it is neither read-only nor out of room, and the account may write |
//! | [`MySql::replication_lag`] | if the server is a replica, its replication runs, and it is not further behind than the limit |
//! | [`MySql::pool_pressure`] | the pool has connections left; the server was not asked |
//!
//! # What it costs
//!
//! One connection of the pool for as long as it takes, and per run at most so many commands (a pool without
//! `test_before_acquire` sends one ping less):
//!
//! | check | statements | pings | round trips |
//! |---|---|---|---|
//! | `ping` | 0 | 3: one by the check, two by the pool | 3 |
//! | `query` | 1 | 2 | 3 |
//! | `write` | 5: `SELECT @@global.read_only` and `innodb_read_only`, `BEGIN`, `INSERT`, `DELETE`, `COMMIT` | 2 | 7 |
//! | `replication_lag` | 2: `SELECT VERSION()`, `SHOW ALL SLAVES STATUS` or `SHOW REPLICA STATUS`; 3 before MySQL 8.0.22 | 2 | 4 or 5 |
//! | `pool_pressure` | 0 | 0 | 0 |
//!
//! Where a role is expected, that is one statement more: the same `SELECT`. No statement is prepared. A commit is
//! written to the redo log and, if there is one, to the binary log, and with it to every replica; the table stays
//! empty, its `AUTO_INCREMENT` counts on.
//!
//! # What it needs
//!
//! `ping` and `query` need an account that may connect, and nothing else; where a role is expected, a server with
//! InnoDB. `write` needs a table that you create for it, in an engine that knows transactions:
//!
//! ```sql
//! CREATE TABLE health_probe (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB;
//! GRANT SELECT, INSERT, DELETE ON app.health_probe TO app;
//! ```
//!
//! `replication_lag` needs `REPLICATION CLIENT`, from MariaDB 10.5 on `SLAVE MONITOR` (alias `REPLICA MONITOR`).
//!
//! # When it lies
//!
//! - A `ping` is answered by a server that can run no statement: one without a disk, or one whose tables are locked.
//! - A `query` reads nothing from a disk.
//! - MySQL has no roles: a server that is `read_only` or `innodb_read_only` is taken for a replica, and any other for a
//!   primary. So all nodes of a Galera cluster are primaries.
//! - The lag is what `SHOW REPLICA STATUS` says. The secondaries of Group Replication, the nodes of Galera and the
//!   readers of Aurora get their data in another way, and list no source: they are healthy, whatever they are behind,
//!   and where a replica is expected, degraded with `replication is not configured on this server`.
//! - A committed `write` is as durable as the server is told to make it: with `innodb_flush_log_at_trx_commit` other
//!   than 1 (and `sync_binlog` other than 1) it says "committed" before anything is on a disk. It also shows nothing
//!   about tables on other file systems, in other engines or locked by somebody.
//! - An account with `SUPER`, `CONNECTION_ADMIN` or `READ ONLY ADMIN` writes to a server that is `read_only`. The check
//!   asks for `read_only` first and then does not write: a row of its own would make a replica differ from its primary.
//!   The application with the same account would not be stopped.
//! - A `write` that meets a lock gives up after a second, and is degraded: on MariaDB a lock of the table or of a row,
//!   from MySQL 8.0.3 on one of the table. A row that is locked on MySQL (the table is used for nothing else), and a
//!   commit that has to wait on either (for `FLUSH TABLES WITH READ LOCK`, a full disk of logs, a replica that has to
//!   acknowledge), wait as long as the server is told to (`innodb_lock_wait_timeout`, 50 s; `lock_wait_timeout`, a day
//!   or a year; or for ever). There each run that is cut off leaves a waiting thread on the server: few are left with
//!   an interval that is longer than that wait.
//! - In a table of an engine without transactions (MyISAM, Aria) a run that is cut off leaves a row behind.
//! - The server's own figure for the lag says how old the event is that is being applied. It is 0 while a slow
//!   connection to the primary has brought nothing new, counts from the direct primary only, and jumps. It is `NULL`
//!   while replication does not run, which this check says in words.
//! - A connection that the application gives back is asked for a ping by sqlx first, without a limit. Those that are on
//!   their way back when the server falls silent are in use until that ends: when these are all, what is told is that
//!   they are busy.
//! - A server that is refused is tried again by sqlx, which does not say why in the end: `no connection within 1.5s`.
//! - A server that has no room left for its logs may wait for some instead of refusing: then a write is cut off.
//! - A proxy (ProxySQL, MaxScale, a balancer) answers a ping by itself and sends reads and writes to different servers.
//!
//! # When it is cut off
//!
//! The protocol of MySQL answers in order, so a connection on which a question was left unanswered would give its
//! answer to the next one that asks. Such a connection is closed, never given back to the pool, and the server rolls
//! back what was not committed as soon as it notices. ([sqlx #563](https://github.com/launchbadge/sqlx/issues/563))

mod ask;
mod replication;
mod why;

use std::borrow::Cow;
use std::time::Duration;

use health_core::{Failure, HealthCheck, Outcome, Spec};
use sqlx::MySqlPool;

use self::ask::Table;
use crate::recommended::over_the_network;
use crate::sqlx_pool::Lender;
use crate::{Connections, Pressure, Recommended};

/// A MySQL or MariaDB server, as deep as the constructor says.
///
/// ```no_run
/// use std::time::Duration;
///
/// use health_builtins::Recommended as _;
/// use health_builtins::mysql::MySql;
/// use health_core::Health;
/// use sqlx::MySqlPool;
///
/// # fn assembled() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = MySqlPool::connect_lazy("mysql://app@db.example/app")?;
/// let (query, write) = (MySql::query(&pool), MySql::write(&pool, "health_probe"));
/// let lag = MySql::replication_lag(&pool, Duration::from_secs(30));
/// let pressure = MySql::pool_pressure(&pool);
/// Health::builder()
///     .check(query.spec("db").critical(true), query)
///     .check(write.spec("db/write"), write)
///     .check(lag.spec("db/lag"), lag)
///     .check(pressure.spec("db/pool"), pressure)
///     .build()?;
/// # Ok(())
/// # }
/// ```
///
/// That all connections are busy, and nothing is known about the server, or that a write waits for a lock, is degraded;
/// every other failure is unhealthy. The recommended spec is shared, hence not critical, with a timeout of 2 s; a write
/// is made every 30 s.
#[derive(Clone, Debug)]
#[must_use]
pub struct MySql {
    lender: Lender<sqlx::MySql>,
    depth: Depth,
    expected: Option<Role>,
}

#[derive(Clone, Debug)]
enum Depth {
    Ping,
    Query,
    Write(Table),
    ReplicationLag(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Primary,
    Replica,
}

impl MySql {
    /// The server answers a packet.
    pub fn ping(pool: &MySqlPool) -> Self {
        Self::to(pool, Depth::Ping)
    }

    /// The server runs `SELECT 1`.
    pub fn query(pool: &MySqlPool) -> Self {
        Self::to(pool, Depth::Query)
    }

    /// The server commits a row that is inserted into this table and deleted again in the same transaction. The table
    /// has an `AUTO_INCREMENT` column `id`, is used for nothing else, and is named as `table` or `database.table`:
    /// every dot separates, so neither name may have one in it. [The module](self) says how it is made.
    pub fn write(pool: &MySqlPool, table: &str) -> Self {
        Self::to(pool, Depth::Write(Table::named(table)))
    }

    /// A replica is behind its primary by no more than `limit`: otherwise, or when replication has stopped, it is
    /// degraded. With several sources the worst one counts.
    ///
    /// On a server that lists no source it is healthy, unless [`expect_replica`](Self::expect_replica) says what it
    /// has to be.
    pub fn replication_lag(pool: &MySqlPool, limit: Duration) -> Self {
        Self::to(pool, Depth::ReplicationLag(limit))
    }

    /// The share of the pool's connections that is in use, read without taking one. Degraded above 80 %.
    pub fn pool_pressure(pool: &MySqlPool) -> Pressure<Connections<MySqlPool>> {
        Pressure::of(Connections::of(pool))
    }

    /// Unhealthy on a server that is read-only.
    pub fn expect_primary(mut self) -> Self {
        self.expected = Some(Role::Primary);
        self
    }

    /// Unhealthy on a server that is not read-only; for the lag, degraded on one that is and lists no source.
    pub fn expect_replica(mut self) -> Self {
        self.expected = Some(Role::Replica);
        self
    }

    /// How long to wait for a connection of the pool: 1.5 s, unless said otherwise.
    ///
    /// Less than the timeout of the check: afterwards nobody is told whether the pool was busy or the server silent.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.lender = self.lender.patience(patience);
        self
    }

    fn to(pool: &MySqlPool, depth: Depth) -> Self {
        Self { lender: Lender::of(pool), depth, expected: None }
    }
}

impl HealthCheck for MySql {
    /// Cancelled, it closes the connection on which an answer was awaited.
    async fn check(&self) -> Result<Outcome, Failure> {
        let (depth, expected) = (self.depth.clone(), self.expected);
        let answered =
            self.lender.ask(move |connection| Box::pin(ask::answer(connection, depth, expected))).await;
        match answered {
            Ok(answer) => answer,
            Err(trouble) => why::told(trouble),
        }
    }

    fn defaults() -> Spec {
        over_the_network("")
    }
}

impl Recommended for MySql {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        let spec = over_the_network(name);
        match self.depth {
            Depth::Write(_) => spec.interval("30s"),
            Depth::Ping | Depth::Query | Depth::ReplicationLag(_) => spec,
        }
    }
}
