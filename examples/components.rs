//! Values that own several checks: derived, one inside another, and a map of them. No web framework.
//!
//! Run with:
//!
//! ```sh
//! cargo run --example components
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use health_core::{Exposure, Failure, Health, HealthCheck, HealthComponent, Outcome, Probe};

/// Everything that payments need. Every name below starts with `billing/`.
#[derive(HealthComponent)]
#[health(name = "billing", group = "payments")]
struct Billing {
    /// The ledger accepts entries.
    // A type of somebody else's cannot implement `HealthCheck`; a function asks in its place.
    #[health(check = ping_ledger, timeout = "500ms")]
    ledger: Connection,
    /// Invoices leave faster than they arrive.
    // Named after its field: `billing/invoices`.
    #[health(check, critical = false)]
    invoices: Queue,
    // What it declares is named below `billing/archive`.
    #[health(component)]
    archive: Archive,
    /// A shard answers.
    // One check for each key: `billing/shards/eu`, `billing/shards/us`. One customer's shard must not take all down,
    // so it has to be said whether they are critical.
    #[health(each, critical = false, depends_on = ["billing/ledger"])]
    shards: BTreeMap<String, Shard>,
    // Not annotated: not a check.
    retries: u32,
}

/// Where finished invoices go.
#[derive(HealthComponent)]
struct Archive {
    /// The archive has room.
    #[health(check)]
    volume: Volume,
    /// The index of the archive is complete.
    #[health(check, probe = "none")]
    index: Queue,
}

async fn ping_ledger(connection: &Connection) -> io::Result<()> {
    connection.ping().await
}

/// Fails to keep up above a limit.
struct Queue {
    waiting: AtomicU64,
    limit: u64,
}

impl HealthCheck for Queue {
    async fn check(&self) -> Result<Outcome, Failure> {
        let waiting = self.waiting.load(Ordering::Relaxed);
        let outcome =
            if waiting <= self.limit { Outcome::healthy() } else { Outcome::degraded("falls behind") };
        Ok(outcome.data("waiting", waiting))
    }
}

struct Shard {
    online: bool,
}

impl HealthCheck for Shard {
    async fn check(&self) -> Result<Outcome, Failure> {
        if self.online { Ok(Outcome::healthy()) } else { Err(Failure::new("offline for maintenance")) }
    }
}

struct Volume {
    free_bytes: u64,
}

impl HealthCheck for Volume {
    async fn check(&self) -> Result<Outcome, Failure> {
        Ok(if self.free_bytes > 1 << 20 {
            Outcome::healthy()
        } else {
            Outcome::unhealthy("less than 1 MiB is free")
        })
    }
}

/// Stands for a type of a database driver.
struct Connection;

impl Connection {
    async fn ping(&self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let billing = Billing {
        ledger: Connection,
        invoices: Queue { waiting: AtomicU64::new(12), limit: 10 },
        archive: Archive {
            volume: Volume { free_bytes: 5 << 30 },
            index: Queue { waiting: AtomicU64::new(0), limit: 0 },
        },
        shards: BTreeMap::from([
            ("eu".to_owned(), Shard { online: true }),
            ("us".to_owned(), Shard { online: false }),
        ]),
        retries: 3,
    };
    println!("the payments are tried {} times; their health:\n", billing.retries);

    // A second instance of the same type is handed in under a name of its own.
    let spare = Archive {
        volume: Volume { free_bytes: 1 << 30 },
        index: Queue { waiting: AtomicU64::new(0), limit: 0 },
    };
    let health = Health::builder().component(billing).component_as("spare", spare).build()?.start();

    let report = health.report(Probe::Ready).await;
    print!("{}", report.view(Exposure::Checks).text());
    println!("\nready is {}: nothing that is critical fails", report.status());
    Ok(())
}
