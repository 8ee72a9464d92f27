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
//! One connection of the pool for as long as it takes. All but `ping` make it wait for a lock no longer than half a
//! second meanwhile: where it would wait longer, that is 3 statements more, else 1 (`PRAGMA busy_timeout`, read, set
//! and set back). Statements per run at most, all on the thread of the connection:
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
//! A database that somebody else has locked for more than half a second is degraded, not unhealthy: a lock is a rush,
//! not damage, a restart or another instance has to wait for it all the same, and it goes with whoever holds it.
//! Without a write-ahead log a writer that commits keeps readers out too, so `query` says it as well.
//!
//! # When it is cut off
//!
//! SQLite cannot be hurried. What was begun is finished in the background by a task of its own, which then gives the
//! connection back in order; as long as that has not happened, the same check takes no second connection, and says
//! that its last question is unanswered. A connection is never closed for a check, because with the last one a
//! database in memory is gone.

mod ask;
mod why;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use health_core::{Failure, HealthCheck, Outcome, Scope, Spec};
use sqlx::SqlitePool;
use tokio::sync::Semaphore;

use crate::sqlx_pool::Lender;
use crate::{Connections, Pressure, Recommended};

/// A SQLite database, as deep as the constructor says.
///
/// ```no_run
/// use health_builtins::Recommended as _;
/// use health_builtins::sqlite::Sqlite;
/// use health_core::Health;
/// use sqlx::SqlitePool;
///
/// # fn assembled() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = SqlitePool::connect_lazy("sqlite:///var/lib/app/app.db")?;
/// let (query, write) = (Sqlite::query(&pool), Sqlite::write(&pool));
/// let integrity = Sqlite::integrity(&pool);
/// Health::builder()
///     .check(query.spec("db"), query)
///     .check(write.spec("db/write"), write)
///     .check(integrity.spec("db/integrity").interval("24h"), integrity)
///     .build()?;
/// # Ok(())
/// # }
/// ```
///
/// That it is locked, or all connections are busy, is degraded; every other failure is unhealthy. The recommended spec
/// is local, hence critical, with a timeout of 2 s; a write is made every 30 s. Clones are the same check: no two of
/// them ask at a time.
#[derive(Clone, Debug)]
#[must_use]
pub struct Sqlite {
    lender: Lender<sqlx::Sqlite>,
    depth: Depth,
    under_way: Arc<Semaphore>,
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

    /// All pages are in order. This reads the whole database.
    pub fn integrity(pool: &SqlitePool) -> Self {
        Self::to(pool, Depth::Integrity)
    }

    /// The share of the pool's connections that is in use, read without taking one. Degraded above 80 %.
    pub fn pool_pressure(pool: &SqlitePool) -> Pressure<Connections<SqlitePool>> {
        Pressure::of(Connections::of(pool))
    }

    /// How long to wait for a connection of the pool: 1.5 s, unless said otherwise.
    ///
    /// Less than the timeout of the check: afterwards nobody is told whether the pool was busy or the disk silent.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.lender = self.lender.patience(patience);
        self
    }

    fn to(pool: &SqlitePool, depth: Depth) -> Self {
        Self { lender: Lender::of(pool), depth, under_way: Arc::new(Semaphore::new(1)) }
    }
}

impl HealthCheck for Sqlite {
    /// Cancelled, it leaves what was begun to a task that ends when SQLite has answered.
    async fn check(&self) -> Result<Outcome, Failure> {
        let Ok(only) = Arc::clone(&self.under_way).try_acquire_owned() else {
            return Err(Failure::new("the last question is still unanswered"));
        };
        let (lender, depth) = (self.lender.clone(), self.depth);
        let answered = tokio::spawn(async move {
            let answered = lender.ask(move |connection| Box::pin(ask::answer(connection, depth))).await;
            drop(only);
            answered
        });
        match answered.await? {
            Ok(answer) => answer,
            Err(trouble) => why::told(trouble),
        }
    }
}

impl Recommended for Sqlite {
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        let spec = Spec::named(name).scope(Scope::Local).timeout("2s");
        match self.depth {
            Depth::Ping | Depth::Query => spec,
            Depth::Write => spec.interval("30s"),
            Depth::Integrity => spec.interval("1h").timeout("1m").critical(false),
        }
    }
}
