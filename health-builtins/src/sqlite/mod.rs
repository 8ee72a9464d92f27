//! SQLite, through a pool of sqlx.
//!
//! # What green proves
//!
//! | check | a moment ago |
//! |---|---|
//! | [`Sqlite::ping`] | a connection of the application's pool was to be had, and its thread did something; no file was touched |
//! | [`Sqlite::query`] | and the schema could be read, and the file of the database was still there under its name |
//! | [`Sqlite::write`] | and a transaction was committed: the lock was to be had, the journal and the database could be written, there was room |
//! | [`Sqlite::integrity`] | and every page of the database was read and is in order (`PRAGMA quick_check`) |
//! | [`Sqlite::pool_pressure`] | the pool has connections left; the database was not touched |
//!
//! # What it costs
//!
//! One connection of the pool for as long as it takes. All but `ping` make it wait for a lock no longer than 300 ms
//! meanwhile: where it would wait longer, that is 3 statements more, else 1 (`PRAGMA busy_timeout`, read, set and set
//! back). Statements per run at most, all on the thread of the connection:
//!
//! | check | statements | reads | writes |
//! |---|---|---|---|
//! | `ping` | 0 | nothing | nothing |
//! | `query` | 5: and `PRAGMA database_list`, `SELECT count(*) FROM sqlite_master` | a page or two, and whether there is a file of that name | nothing |
//! | `write` | 9: and `BEGIN IMMEDIATE`, `PRAGMA user_version` read and written back, `COMMIT` | the same | one page, synced like any other commit |
//! | `integrity` | 4: and `PRAGMA quick_check(1)` | the whole database | nothing |
//! | `pool_pressure` | 0 | nothing | nothing |
//!
//! A `write` holds the lock for writing for as long as the sync takes, and every other connection reads its pages anew
//! afterwards, as after any commit; it is recommended every 30 s. `integrity` reads gigabytes where there are
//! gigabytes, and without a write-ahead log nobody can write meanwhile: it is recommended every hour, with a timeout
//! of a minute, not critical.
//!
//! # What it needs
//!
//! No table and no permission of SQL: `write` writes back the `user_version` that it found. The process needs what the
//! application needs: the file, and for writes its folder.
//!
//! # When it lies
//!
//! - What is read is mostly in a cache: of the connection, with a write-ahead log, or of the kernel. A disk that
//!   cannot be read any more is seen by `integrity`, if its cache is cold.
//! - Whoever has opened a file that is deleted goes on with it, and loses it when it is closed. `query` and `write`
//!   look whether there is a file of that name. One that was put there since is not known for another: only `write`
//!   sees it, and only without a write-ahead log, where SQLite looks before it writes. A pool with
//!   `create_if_missing` makes a new, empty database for its next connection.
//! - A committed `write` is as durable as `PRAGMA synchronous` makes it: with a write-ahead log and `NORMAL`, which
//!   sqlx users often set, not before the next checkpoint; with `OFF` never.
//! - A connection that was opened while the file could not be written stays read-only when it can: so does what `write`
//!   says, until the pool opens another.
//! - It takes no new page of the database: a database at its `max_page_count` is full for the application only.
//! - A database in memory is another one in each connection, unless its cache is shared.
//!
//! # When it is locked
//!
//! A database that somebody else has locked for more than 300 ms is degraded, not unhealthy: a lock is a rush, not
//! damage, a restart or another instance has to wait for it all the same, and it goes with whoever holds it. Without a
//! write-ahead log a writer that commits keeps readers out too, so `query` says it as well.
//!
//! A `write` waits twice, to begin and, without a write-ahead log, to commit. With half a second for a connection that
//! is 1.1 s in all: with a timeout below that, a lock can look like a disk that does not answer. A connection that is
//! only being opened waits for locks as long as the application says, so that there was none in time is degraded too.
//!
//! # When it is cut off
//!
//! `integrity` is stopped, by a progress handler that is there only as long as it runs. The others are finished in the
//! background by a task of their own, which then gives the connection back in order. As long as that has not happened,
//! no check takes another connection of the same pool, however many there are and whether they are kept or made for
//! each call, and says that the last question is still unanswered: degraded, as it may be a lock; after two seconds it
//! is none, and unhealthy. A connection is never closed for a check, because with the last one a database in memory is
//! gone.

mod ask;
mod under_way;
mod why;

use std::borrow::Cow;
use std::time::Duration;

use health_core::{Failure, HealthCheck, Outcome, Scope, Spec};
use sqlx::SqlitePool;

use self::under_way::PoolId;
use crate::sqlx_pool::Lender;
use crate::{Connections, Pressure, Recommended};

/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_millis(500);

/// A SQLite database, as deep as the constructor says.
///
/// ```no_run
/// use health_builtins::Recommended as _;
/// use health_builtins::sqlite::Sqlite;
/// use health_core::Health;
/// use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
///
/// # fn assembled() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = SqlitePool::connect_lazy("sqlite:///var/lib/app/app.db")?;
/// let (query, write) = (Sqlite::query(&pool), Sqlite::write(&pool));
/// // A pool of its own: it holds its connection for as long as it reads.
/// let aside = SqlitePoolOptions::new().max_connections(1);
/// let integrity = Sqlite::integrity(&aside.connect_lazy("sqlite:///var/lib/app/app.db")?);
/// Health::builder()
///     .check(query.spec("db"), query)
///     .check(write.spec("db/write"), write)
///     .check(integrity.spec("db/integrity").interval("24h"), integrity)
///     .build()?;
/// # Ok(())
/// # }
/// ```
///
/// That it is locked, or may be, or all connections are busy, is degraded; every other failure is unhealthy. The
/// recommended spec is local, hence critical, with a timeout of 2 s; a write is made every 30 s.
#[derive(Clone, Debug)]
#[must_use]
pub struct Sqlite {
    lender: Lender<sqlx::Sqlite>,
    depth: Depth,
    pool: PoolId,
}

#[derive(Clone, Copy, Debug)]
enum Depth {
    Ping,
    Query,
    Write,
    Integrity,
}

impl Sqlite {
    /// The thread of a connection answers. The database is not touched.
    pub fn ping(pool: &SqlitePool) -> Self {
        Self::to(pool, Depth::Ping)
    }

    /// The schema can be read, and the file of the database is there.
    pub fn query(pool: &SqlitePool) -> Self {
        Self::to(pool, Depth::Query)
    }

    /// A transaction that changes nothing is written and committed.
    pub fn write(pool: &SqlitePool) -> Self {
        Self::to(pool, Depth::Write)
    }

    /// All pages are in order. This reads the whole database, and holds a connection for as long: better one of a pool
    /// of its own, with `max_connections(1)`, than one of those that the application needs.
    ///
    /// It is stopped by a progress handler on that connection, and one that the application has set there is lost.
    pub fn integrity(pool: &SqlitePool) -> Self {
        Self::to(pool, Depth::Integrity)
    }

    /// The share of the pool's connections that is in use, read without taking one. Degraded above 80 %.
    pub fn pool_pressure(pool: &SqlitePool) -> Pressure<Connections<SqlitePool>> {
        Pressure::of(Connections::of(pool))
    }

    /// How long to wait for a connection of the pool: half a second, unless said otherwise. Nothing has to be
    /// connected to, so whoever waits longer waits for the application, or for a lock.
    ///
    /// Together with the 600 ms that a `write` may wait for locks it is less than the timeout of the check: afterwards
    /// nobody is told whether the pool was busy, the database locked or the disk silent.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.lender = self.lender.patience(patience);
        self
    }

    fn to(pool: &SqlitePool, depth: Depth) -> Self {
        Self { lender: Lender::of(pool).patience(PATIENCE), depth, pool: PoolId::of(pool) }
    }
}

impl HealthCheck for Sqlite {
    /// Cancelled, it leaves what was begun to a task that ends when SQLite has answered: `integrity` at once, the
    /// others when they have waited for locks as long as they may.
    async fn check(&self) -> Result<Outcome, Failure> {
        let (asker, answerer) = match under_way::ask(&self.pool) {
            Ok(both) => both,
            Err(unanswered) => return unanswered.told(),
        };
        let (lender, depth) = (self.lender.clone(), self.depth);
        let answered = tokio::spawn(async move {
            let given_up = answerer.given_up();
            let ask = lender.ask(move |connection| Box::pin(ask::answer(connection, depth, given_up)));
            let answered = ask.await;
            drop(answerer);
            answered
        });
        let answered = answered.await?;
        drop(asker);
        match answered {
            Ok(answer) => answer,
            Err(trouble) => why::told(trouble),
        }
    }

    fn defaults() -> Spec {
        Spec::named("").scope(Scope::Local).timeout("2s")
    }
}

impl Recommended for Sqlite {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        let spec = Spec::named(name).scope(Scope::Local).timeout("2s");
        match self.depth {
            Depth::Ping | Depth::Query => spec,
            Depth::Write => spec.interval("30s"),
            Depth::Integrity => spec.interval("1h").timeout("1m").critical(false),
        }
    }
}
