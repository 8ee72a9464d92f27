//! Each deep check of `health-builtins`, against the servers that it finds; of the others it says how to start one.
//!
//! Run with:
//!
//! ```sh
//! cargo run --example deep_checks            # asks all, then prints each change until Ctrl-C
//! cargo run --example deep_checks -- --once  # asks all, and ends
//! ```
//!
//! What is not set is looked for at its usual port of this machine, except where another default is named.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `DATABASE_URL` | `postgres://...`, `mysql://...` or `sqlite://...`, where that one's own variable is not set | none |
//! | `DNS_NAME` | a name that should resolve: `example.com.` | not asked |
//! | `DOWNSTREAM_URL` | the health endpoint of another service: `http://...` | a small service of the example's own |
//! | `GRPC_URL` | a server with the health service of gRPC: `http://...` | port 50051 |
//! | `HTTP_URL` | an endpoint that should answer 2xx: `http://...` | the same small service |
//! | `MYSQL_TABLE` | a table to write into | not written |
//! | `MYSQL_URL` | MySQL or MariaDB: `mysql://...` | port 3306 |
//! | `NATS_CONSUMER` | a consumer of that stream | not asked |
//! | `NATS_STREAM` | a stream of JetStream | not asked |
//! | `NATS_URL` | `nats://...` | port 4222 |
//! | `NO_COLOR` | if set, statuses have no colour | coloured on a terminal |
//! | `ONCE` | `1`: as `--once` | goes on |
//! | `POSTGRES_URL` | `postgres://...` | port 5432 |
//! | `RABBITMQ_URL` | `amqp://...` | port 5672 |
//! | `REDIS_CLUSTER_URL` | a node of a cluster: `redis://...` | not asked |
//! | `REDIS_URL` | `redis://...` | port 6379 |
//! | `SQLITE_URL` | `sqlite://...` | a temporary file |
//! | `TCP_ADDRESS` | `host:port` of anything that accepts connections | the same small service |
//! | `TLS_FILE` | a file with certificates (PEM) | not asked |
//! | `TLS_HOST` | `host` or `host:port` of a server that speaks TLS: `example.com` | not asked |
//!
//! It writes into what it is pointed at, and leaves nothing behind: a record in the log of PostgreSQL, a key of Redis
//! that is deleted again, a row of `MYSQL_TABLE` that is deleted again. What to copy is in the rooms of each kind,
//! `databases.rs` and its neighbours.

mod arguments;
mod brokers;
mod changes;
mod combined;
mod databases;
mod found;
mod machine;
mod network;
mod own_service;
mod services;
mod table;
mod variables;

use std::error::Error;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use crate::arguments::USAGE;
use crate::found::Found;
use crate::own_service::OwnService;
use crate::variables::BadVariable;

#[tokio::main]
async fn main() -> ExitCode {
    let once = match arguments::once(std::env::args().skip(1)) {
        Ok(Some(once)) => once,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => return refused(&format!("{error}\n{USAGE}")),
    };
    match run(once).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<BadVariable>() => refused(&error.to_string()),
        // Whoever read along has gone, as `| head` does.
        Err(error) if is_gone(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(once: bool) -> Result<(), Box<dyn Error>> {
    // Kept until the end: the folder is removed when it is dropped.
    let temporary = tempfile::tempdir()?;
    let own = OwnService::start()?;
    let found = look_around(temporary.path(), &own).await?;
    let (builder, table) = found.in_two();
    let health = builder.build()?.start();

    // First listen, then look: so no change is lost in between.
    let transitions = health.subscribe();
    let report = health.overview().await;
    let mut out = io::stdout();
    let coloured = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    out.write_all(table.written(&report, coloured).as_bytes())?;
    if once {
        return Ok(());
    }
    out.write_all(b"\nNow stop one of them and start it again. Each change is told here, until Ctrl-C.\n\n")?;
    tokio::select! {
        told = changes::told(transitions, &mut out, report.status(), coloured) => told?,
        pressed = tokio::signal::ctrl_c() => pressed?,
    }
    Ok(())
}

/// A kind of server that is not asked yet gets a room of its own, or a function in one of these, and a line here.
async fn look_around(temporary: &Path, own: &OwnService) -> Result<Found, Box<dyn Error>> {
    let mut found = Found::default();
    found = databases::postgres(found).await?;
    found = databases::mysql(found).await?;
    found = databases::sqlite(found, temporary)?;
    found = brokers::redis(found).await?;
    found = brokers::redis_cluster(found)?;
    found = brokers::nats(found).await?;
    found = brokers::rabbitmq(found).await?;
    found = services::http(found, own)?;
    found = services::downstream(found, own)?;
    found = services::grpc(found).await?;
    found = network::tcp(found, own)?;
    found = network::dns(found)?;
    found = network::tls(found)?;
    found = machine::checks(found, temporary);
    found = combined::checks(found, own);
    Ok(found)
}

fn is_gone(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

fn refused(why: &str) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::from(2)
}
