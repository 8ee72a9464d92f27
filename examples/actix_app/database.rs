//! The orders database: embedded SQLite, or the PostgreSQL server that `DATABASE_URL` names.

use std::path::Path;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::{Any, AnyPool, Row as _, Transaction};

use crate::orders::Order;

pub(crate) struct Database {
    url: String,
    /// Behind a lock only because this demonstration closes and reopens it. An `AnyPool`, `SqlitePool` or `PgPool`
    /// can be a resource as it is.
    pool: RwLock<AnyPool>,
}

impl Database {
    pub(crate) fn embedded_in(folder: &Path) -> Result<Self, sqlx::Error> {
        let file = folder.canonicalize()?.join("orders.db");
        Self::at(&format!("sqlite://{}?mode=rwc", file.display()))
    }

    pub(crate) fn at(url: &str) -> Result<Self, sqlx::Error> {
        sqlx::any::install_default_drivers();
        Ok(Self { url: url.to_owned(), pool: RwLock::new(open(url)?) })
    }

    fn pool(&self) -> AnyPool {
        self.pool.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) async fn close(&self) {
        self.pool().close().await;
    }

    pub(crate) fn reopen(&self) -> Result<(), sqlx::Error> {
        let mut pool = self.pool.write().unwrap_or_else(PoisonError::into_inner);
        if pool.is_closed() {
            *pool = open(&self.url)?;
        }
        Ok(())
    }

    pub(crate) async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&self.pool()).await?;
        Ok(())
    }

    pub(crate) async fn migrate(&self) -> Result<(), sqlx::Error> {
        let table = if self.url.starts_with("sqlite:") {
            "CREATE TABLE IF NOT EXISTS orders
             (id INTEGER PRIMARY KEY, item TEXT NOT NULL, quantity BIGINT NOT NULL, sent BIGINT NOT NULL DEFAULT 0)"
        } else {
            "CREATE TABLE IF NOT EXISTS orders
             (id BIGSERIAL PRIMARY KEY, item TEXT NOT NULL, quantity BIGINT NOT NULL, sent BIGINT NOT NULL DEFAULT 0)"
        };
        sqlx::query(table).execute(&self.pool()).await?;
        Ok(())
    }

    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>, sqlx::Error> {
        self.pool().begin().await
    }

    pub(crate) async fn orders(&self) -> Result<Vec<Order>, sqlx::Error> {
        let query = "SELECT id, item, quantity, sent FROM orders ORDER BY id DESC LIMIT 100";
        sqlx::query(query).try_map(order).fetch_all(&self.pool()).await
    }

    pub(crate) async fn unsent(&self) -> Result<Vec<Order>, sqlx::Error> {
        let query = "SELECT id, item, quantity, sent FROM orders WHERE sent = 0 ORDER BY id LIMIT 10";
        sqlx::query(query).try_map(order).fetch_all(&self.pool()).await
    }

    pub(crate) async fn count_unsent(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("SELECT count(*) FROM orders WHERE sent = 0").fetch_one(&self.pool()).await
    }

    pub(crate) async fn mark_sent(&self, id: i64) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE orders SET sent = 1 WHERE id = $1").bind(id).execute(&self.pool()).await?;
        Ok(())
    }
}

/// Connects when first used, so that it cannot fail because of a server that is down.
fn open(url: &str) -> Result<AnyPool, sqlx::Error> {
    AnyPoolOptions::new()
        .max_connections(8)
        // A pool goes on trying while its server is down; after this long its caller is better off with an error.
        // Longer than the timeout of the check, which then says what is wrong: that there was no answer.
        .acquire_timeout(Duration::from_secs(2))
        .connect_lazy(url)
}

pub(crate) async fn insert(
    transaction: &mut Transaction<'static, Any>,
    item: &str,
    quantity: i64,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("INSERT INTO orders (item, quantity) VALUES ($1, $2) RETURNING id")
        .bind(item)
        .bind(quantity)
        .fetch_one(&mut **transaction)
        .await
}

#[expect(clippy::needless_pass_by_value, reason = "that is how `try_map` hands rows out")]
fn order(row: AnyRow) -> Result<Order, sqlx::Error> {
    Ok(Order {
        id: row.try_get("id")?,
        item: row.try_get("item")?,
        quantity: row.try_get("quantity")?,
        sent: row.try_get::<i64, _>("sent")? != 0,
    })
}
