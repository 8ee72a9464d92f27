//! Stopping without losing a request: ready turns red at once, the service goes on for a while, then it stops.
//!
//! Run with `cargo run --example graceful_shutdown`, press Ctrl-C, and look at
//! `curl -i http://127.0.0.1:8080/health/ready` and `/health/live` before the delay has passed. Press it again, and it
//! ends at once.

use std::env;
use std::error::Error;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use health_actix::{Exit, Shutdown, goodbye, hear_signals};
use health_core::{Change, Exposure, Health, health_check};
use tokio::time::sleep;

/// A check that is always well: that ready turns red has nothing to do with it.
#[health_check]
async fn fine() {}

#[actix_web::main]
async fn main() -> Result<Exit, Box<dyn Error>> {
    // From the first moment on: the first process of a container ignores signals that nobody hears.
    hear_signals()?;
    let bind = env::var("BIND").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    // As long as the load balancer takes to notice: its interval times its threshold, and a little more. The
    // orchestrator must wait longer than this and the limit together, or it will kill the process.
    let drain_delay = Duration::from_millis(env::var("DRAIN_MS").map_or(Ok(5000), |text| text.parse())?);

    let health = Health::builder()
        .observe(|transition| {
            if let Change::Shutdown { step, under_way, .. } = transition.change() {
                println!("{step}: {under_way} under way");
            }
        })
        .discover()
        .build()?
        .start();

    let served = health.clone();
    let server = HttpServer::new(move || {
        App::new()
            .service(health_actix::endpoints(served.clone()).exposure(Exposure::Checks))
            .route("/slow", web::get().to(slow))
            // Around everything: it counts what is under way, and tells clients to go elsewhere.
            .wrap(goodbye(&served))
    });
    let server = server.bind(bind)?;
    if let Some(address) = server.addrs().first() {
        println!("listening on http://{address}");
    }
    let exit = health_actix::run(server, health, Shutdown { drain_delay, ..Shutdown::default() }).await?;
    println!("stopped");
    Ok(exit)
}

async fn slow() -> &'static str {
    sleep(Duration::from_secs(2)).await;
    "done\n"
}
