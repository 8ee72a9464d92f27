//! The questions this service asks about itself. Nobody keeps a list of them: what is declared is found.
//!
//! None of them weighs in live: a restart repairs neither a database nor a disk. What does is in `orders.rs`, reported
//! by the loop it is about.

use std::io;

use health_core::{Failure, Outcome, health_check};

use crate::database::Database;
use crate::receipts::Receipts;
use crate::warehouse::Warehouse;

/// The database answers a trivial query.
// Critical, because without it no request can be served. That is right for an embedded database, which is this
// replica's own. One that all replicas share would better say `scope = "shared"` and be left out of `critical`: when
// it fails, ready fails everywhere at once, and no replica is left to answer anything at all.
#[health_check(name = "db", probe = "ready", critical = true, group = "storage", depends_on = ["disk"])]
async fn database(database: &Database) -> Result<(), sqlx::Error> {
    database.ping().await
}

/// A file can be written, read and deleted where receipts are kept.
// Also in startup: a volume that is not mounted should stop a roll-out, not the service that is running.
#[health_check(
    name = "data-folder",
    probe = ["startup", "ready"],
    blocking = true,
    scope = "local",
    group = "storage",
    depends_on = ["disk"],
)]
fn data_folder(receipts: &Receipts) -> Result<(), Failure> {
    receipts
        .round_trip()
        .map_err(|error| Failure::new("a file could not be written, read and deleted").because(error))
}

/// The disk has room left.
// It can degrade ready, never fail it: a service that can still be asked is worth more than one that cannot.
// It blocks, because asking a network file system may take as long as it likes.
#[health_check(blocking = true, critical = false, scope = "local", group = "storage")]
fn disk(receipts: &Receipts) -> io::Result<Outcome> {
    const ENOUGH: u64 = 64 * 1024 * 1024;
    let free = fs4::available_space(receipts.volume())?;
    let outcome =
        if free < ENOUGH { Outcome::degraded("less than 64 MiB are free") } else { Outcome::healthy() };
    Ok(outcome.data("free_bytes", free))
}

/// The warehouse answers over HTTP.
// Shared, so it is not critical unless told to be: orders are taken in without the warehouse and sent on later.
#[health_check(name = "downstream", scope = "shared", timeout = "500ms")]
async fn warehouse(warehouse: &Warehouse) -> Result<(), Failure> {
    warehouse.ping().await.map_err(|error| Failure::new("the warehouse does not answer").because(error))
}
