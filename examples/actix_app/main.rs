//! A small orders service whose health endpoints tell the truth, and routes that break and mend what it depends on.
//!
//! Run with:
//!
//! ```sh
//! cargo run --example actix_app
//! ```
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `AGENT` | where to answer the agent checks of HAProxy | nowhere |
//! | `BIND` | where to listen; port 0 picks a free one, and the first line printed names it | `127.0.0.1:8080` |
//! | `DATA_DIR` | where the embedded database and the receipts are kept | a temporary folder |
//! | `DATABASE_URL` | a PostgreSQL server to use in place of the embedded SQLite: `postgres://...` | none |
//! | `DRAIN_MS` | how long to keep serving with ready red after SIGTERM | `1000` |
//! | `MANAGEMENT` | where else to serve the health, on a thread of its own | nowhere |
//! | `PROFILE` | `haproxy`: ready is 404 while draining, as `http-check disable-on-404` wants it | none |
//! | `RUST_LOG` | what to log, to stderr | `info,actix_server=warn` |
//!
//! What to copy is in `checks.rs` and in `main` below; `demonstration.rs` is here to be played with.

mod checks;
mod database;
mod demonstration;
mod management;
mod orders;
mod receipts;
mod warehouse;

use std::env;
use std::error::Error;
use std::io::{self, IsTerminal as _};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use health_actix::{Exit, Profile, Shutdown, goodbye, hear_signals};
use health_core::{Exposure, Gate, Health, Probe, Status};
use tokio::time::{sleep, timeout};
use tracing_subscriber::EnvFilter;

use crate::database::Database;
use crate::orders::Orders;
use crate::receipts::Receipts;
use crate::warehouse::{Warehouse, WarehouseServer};

#[actix_web::main]
async fn main() -> Result<Exit, Box<dyn Error>> {
    // From the first moment on: the first process of a container ignores signals that nobody hears.
    hear_signals()?;
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn")),
        )
        .init();
    let bind = env::var("BIND").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(&bind)
        .map_err(|error| format!("cannot listen on {bind}: {error}; set BIND to another address"))?;
    let address = listener.local_addr()?;
    let drain_delay = Duration::from_millis(env::var("DRAIN_MS").map_or(Ok(1000), |text| text.parse())?);
    // Kept until the end of `main`: the folder is removed when it is dropped.
    let temporary = tempfile::tempdir()?;
    let folder = env::var_os("DATA_DIR").map_or_else(|| temporary.path().to_owned(), PathBuf::from);

    // What the service works with: made now, at work later. None of this waits for a dependency: a process that starts while its database
    // is down comes up, says so, and recovers by itself.
    let receipts = Arc::new(Receipts::in_folder(&folder)?);
    let database = Arc::new(match env::var("DATABASE_URL") {
        Ok(url) => Database::at(&url)?,
        Err(_) => Database::embedded_in(&folder)?,
    });
    let warehouse_server = Arc::new(WarehouseServer::start()?);
    let warehouse = Arc::new(Warehouse::at(warehouse_server.address())?);
    let migrations = Gate::new("migrations");
    let orders = Arc::new(Orders::new(&database, &receipts, &warehouse, &migrations));

    // Its health: everything declared in the binary, with the values it borrows. All that is missing or contradictory
    // is listed here, before anything is served. It comes before the work, so that whatever goes wrong there is seen.
    let health = Health::builder()
        .resource(Arc::clone(&database))
        .resource(Arc::clone(&receipts))
        .resource(Arc::clone(&warehouse))
        .component(Arc::clone(&orders))
        .reporter(orders.dispatcher())
        .gate(&migrations)
        .discover()
        // Checks are found by the linker; this one must not get lost.
        .require(["db"])
        .build()?
        .start();

    // Kept until the end of `main`, so it answers until the last request is done.
    let management = management::start(&health)?;

    // Then the work. What has to be done before anything is of use opens a gate, so ready comes last.
    orders.start_dispatching();
    tokio::spawn(migrate(Arc::clone(&database), migrations));

    let profile = profile()?;
    let server = {
        let health = health.clone();
        let orders = web::Data::from(Arc::clone(&orders));
        let demonstration = web::Data::from(Arc::clone(&warehouse_server));
        HttpServer::new(move || {
            let endpoints = health_actix::endpoints(health.clone()).exposure(Exposure::Checks);
            App::new()
                .service(if let Some(profile) = profile { endpoints.profile(profile) } else { endpoints })
                .app_data(orders.clone())
                .configure(orders::routes)
                .app_data(demonstration.clone())
                .configure(demonstration::routes)
                // Around everything: it counts what is under way, and tells clients to go elsewhere.
                .wrap(goodbye(&health))
        })
        // Longer than a balancer keeps connections that it does not use, so that none of its requests meets the end of one.
        // And so longer than the drain delay: connections that are idle all that time are never told to close, but cut off
        // when nothing is under way on them.
        .keep_alive(Duration::from_secs(75))
        .listen(listener)?
    };
    tokio::spawn(greet(address, health.clone()));
    let shutdown = Shutdown { drain_delay, ..Shutdown::default() };
    let exit = health_actix::run(server, health, shutdown).await?;

    // No request needs these any more.
    orders.stop_dispatching().await;
    database.close().await;
    warehouse_server.stop().await;
    if let Some(management) = management {
        management.stop().await;
    }
    Ok(exit)
}

/// What a balancer has to hear in a way of its own.
fn profile() -> Result<Option<Profile>, String> {
    match env::var("PROFILE").as_deref() {
        Err(_) => Ok(None),
        Ok("haproxy") => Ok(Some(Profile::haproxy())),
        Ok(unknown) => {
            Err(format!("PROFILE must be `haproxy` if it is set, not `{}`", unknown.escape_debug()))
        }
    }
}

/// The usual start takes a second at most, and whoever reads the address finds the service well.
async fn greet(address: SocketAddr, health: Health) {
    let _ = timeout(Duration::from_secs(2), well(&health)).await;
    println!("listening on http://{address}");
    println!("{}", demonstration::what_to_try(address));
}

/// Brings the schema up to date, for as long as it takes; the process is not ready before.
///
/// A gate, not a startup check: a startup probe that fails for too long gets the process killed, and a restart makes
/// no migration faster and repairs no database.
async fn migrate(database: Arc<Database>, gate: Gate) {
    while let Err(error) = database.migrate().await {
        tracing::warn!(%error, "the schema could not be brought up to date; trying again");
        sleep(Duration::from_secs(1)).await;
    }
    gate.open();
}

async fn well(health: &Health) {
    while health.report(Probe::Ready).await.status() != Status::Healthy {
        sleep(Duration::from_millis(20)).await;
    }
}
