//! The orders database: embedded SQLite, or the PostgreSQL server that `DATABASE_URL` names.

use std::path::Path;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use sqlx::{Postgres, Sqlite, Transaction};

use crate::orders::Order;

pub(crate) struct Database {
    url: String,
    /// Behind a lock only because this demonstration closes and reopens it. A `SqlitePool` or `PgPool` can be a
    /// resource as it is.
    pool: RwLock<Pool>,
}

/// A service has one of them, as a rule. What is asked is the same, so every question is written once.
#[derive(Clone)]
pub(crate) enum Pool {
    Embedded(SqlitePool),
    Server(PgPool),
}

/// Either pool, or a transaction of either.
macro_rules! either {
    ($of:ident, $what:expr, $it:ident => $asked:expr) => {
        match $what {
            $of::Embedded($it) => $asked,
            $of::Server($it) => $asked,
        }
    };
}

impl Database {
    pub(crate) fn embedded_in(folder: &Path) -> Result<Self, sqlx::Error> {
        let file = folder.canonicalize()?.join("orders.db");
        Self::at(&format!("sqlite://{}?mode=rwc", file.display()))
    }

    pub(crate) fn at(url: &str) -> Result<Self, sqlx::Error> {
        Ok(Self { url: url.to_owned(), pool: RwLock::new(open(url)?) })
    }

    pub(crate) fn pool(&self) -> Pool {
        self.pool.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) async fn close(&self) {
        either!(Pool, self.pool(), pool => pool.close().await);
    }

    pub(crate) fn reopen(&self) -> Result<(), sqlx::Error> {
        let mut pool = self.pool.write().unwrap_or_else(PoisonError::into_inner);
        if either!(Pool, &*pool, pool => pool.is_closed()) {
            *pool = open(&self.url)?;
        }
        Ok(())
    }

    pub(crate) async fn migrate(&self) -> Result<(), sqlx::Error> {
        match self.pool() {
            Pool::Embedded(pool) => {
                let table = "CREATE TABLE IF NOT EXISTS orders
                    (id INTEGER PRIMARY KEY, item TEXT NOT NULL, quantity BIGINT NOT NULL, sent BIGINT NOT NULL DEFAULT 0)";
                sqlx::query(table).execute(&pool).await?;
            }
            Pool::Server(pool) => {
                let table = "CREATE TABLE IF NOT EXISTS orders
                    (id BIGSERIAL PRIMARY KEY, item TEXT NOT NULL, quantity BIGINT NOT NULL, sent BIGINT NOT NULL DEFAULT 0)";
                sqlx::query(table).execute(&pool).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn begin(&self) -> Result<Begun, sqlx::Error> {
        Ok(match self.pool() {
            Pool::Embedded(pool) => Begun::Embedded(pool.begin().await?),
            Pool::Server(pool) => Begun::Server(pool.begin().await?),
        })
    }

    pub(crate) async fn orders(&self) -> Result<Vec<Order>, sqlx::Error> {
        let query = "SELECT id, item, quantity, sent FROM orders ORDER BY id DESC LIMIT 100";
        either!(Pool, self.pool(), pool => Ok(orders(sqlx::query_as(query).fetch_all(&pool).await?)))
    }

    pub(crate) async fn unsent(&self) -> Result<Vec<Order>, sqlx::Error> {
        let query = "SELECT id, item, quantity, sent FROM orders WHERE sent = 0 ORDER BY id LIMIT 10";
        either!(Pool, self.pool(), pool => Ok(orders(sqlx::query_as(query).fetch_all(&pool).await?)))
    }

    pub(crate) async fn count_unsent(&self) -> Result<i64, sqlx::Error> {
        let query = "SELECT count(*) FROM orders WHERE sent = 0";
        either!(Pool, self.pool(), pool => sqlx::query_scalar(query).fetch_one(&pool).await)
    }

    pub(crate) async fn mark_sent(&self, id: i64) -> Result<(), sqlx::Error> {
        let query = "UPDATE orders SET sent = 1 WHERE id = $1";
        either!(Pool, self.pool(), pool => sqlx::query(query).bind(id).execute(&pool).await.map(drop))
    }
}

/// Connects when first used, so that it cannot fail because of a server that is down.
fn open(url: &str) -> Result<Pool, sqlx::Error> {
    const MOST: u32 = 8;
    // A pool goes on trying while its server is down; after this long its caller is better off with an error.
    // Longer than the timeout of the check, which then says what is wrong: that there was no answer.
    const PATIENCE: Duration = Duration::from_secs(2);
    Ok(if url.starts_with("sqlite:") {
        let options = SqlitePoolOptions::new().max_connections(MOST).acquire_timeout(PATIENCE);
        Pool::Embedded(options.connect_lazy(url)?)
    } else {
        let options = PgPoolOptions::new().max_connections(MOST).acquire_timeout(PATIENCE);
        Pool::Server(options.connect_lazy(url)?)
    })
}

/// A transaction: what happens in it happens when it is committed, or not at all.
pub(crate) enum Begun {
    Embedded(Transaction<'static, Sqlite>),
    Server(Transaction<'static, Postgres>),
}

impl Begun {
    pub(crate) async fn insert(&mut self, item: &str, quantity: i64) -> Result<i64, sqlx::Error> {
        let query = "INSERT INTO orders (item, quantity) VALUES ($1, $2) RETURNING id";
        either!(Begun, self, transaction => {
            sqlx::query_scalar(query).bind(item).bind(quantity).fetch_one(&mut **transaction).await
        })
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        either!(Begun, self, transaction => transaction.commit().await)
    }
}

fn orders(rows: Vec<(i64, String, i64, i64)>) -> Vec<Order> {
    let order = |(id, item, quantity, sent)| Order { id, item, quantity, sent: sent != 0 };
    rows.into_iter().map(order).collect()
}
