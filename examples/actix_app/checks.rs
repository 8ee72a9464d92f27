//! The questions this service asks about itself. Nobody keeps a list of them: what is declared is found.
//!
//! None of them weighs in live: a restart repairs neither a database nor a disk. What does is in `orders.rs`, reported
//! by the loop it is about.

use health_builtins::disk::DiskSpace;
use health_builtins::folder::Folder;
use health_builtins::postgres::Postgres;
use health_builtins::sqlite::Sqlite;
use health_core::{Failure, HealthCheck as _, Outcome, health_check};

use crate::database::{Database, Pool};
use crate::receipts::Receipts;
use crate::warehouse::Warehouse;

/// The database answers a trivial query.
// Critical, because without it no request can be served. That is right for an embedded database, which is this
// replica's own. One that all replicas share would better say `scope = "shared"` and be left out of `critical`: when
// it fails, ready fails everywhere at once, and no replica is left to answer anything at all.
#[health_check(name = "db", probe = "ready", critical = true, group = "storage", depends_on = ["disk"])]
async fn database(database: &Database) -> Result<Outcome, Failure> {
    match database.pool() {
        Pool::Embedded(pool) => Sqlite::query(&pool).check().await,
        Pool::Server(pool) => Postgres::query(&pool).check().await,
    }
}

/// A file can be written, read and deleted where receipts are kept.
// Also in startup: a volume that is not mounted should stop a roll-out, not the service that is running.
#[health_check(
    name = "data-folder",
    probe = ["startup", "ready"],
    scope = "local",
    group = "storage",
    depends_on = ["disk"],
)]
async fn data_folder(receipts: &Receipts) -> Result<Outcome, Failure> {
    Folder::writable(receipts.folder()).check().await
}

/// The disk has room left.
// It can degrade ready, never fail it: a service that can still be asked is worth more than one that cannot.
#[health_check(critical = false, scope = "local", group = "storage")]
async fn disk(receipts: &Receipts) -> Result<Outcome, Failure> {
    // What is left matters here, whatever share of a large disk that is.
    let space = DiskSpace::of(receipts.volume()).degraded_above(1.0).degraded_below_free(64 * 1024 * 1024);
    space.check().await
}

/// The warehouse answers over HTTP.
// Shared, so it is not critical unless told to be: orders are taken in without the warehouse and sent on later.
#[health_check(name = "downstream", scope = "shared", timeout = "500ms")]
async fn warehouse(warehouse: &Warehouse) -> Result<Outcome, Failure> {
    warehouse.answers().check().await
}
