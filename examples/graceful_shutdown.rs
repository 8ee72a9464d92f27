//! Stopping without losing a request: ready turns red at once, the service goes on for a while, then it stops.
//!
//! Run with `cargo run --example graceful_shutdown`, press Ctrl-C, and look at
//! `curl -i http://127.0.0.1:8080/health/ready` and `/health/live` before the delay has passed.

use std::env;
use std::error::Error;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use health_core::{Exposure, Health, health_check};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

/// A check that is always well: that ready turns red has nothing to do with it.
#[health_check]
async fn fine() {}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let bind = env::var("BIND").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    // As long as the load balancer takes to notice: its interval times its threshold, and a little more. The
    // orchestrator must wait longer than this and the shutdown timeout together, or it will kill the process.
    let drain_for = Duration::from_millis(env::var("DRAIN_MS").map_or(Ok(5000), |text| text.parse())?);

    let health = Health::builder().discover().build()?.start();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;

    let served = health.clone();
    let server = HttpServer::new(move || {
        App::new()
            .service(health_actix::endpoints(served.clone()).exposure(Exposure::Checks))
            .route("/slow", web::get().to(slow))
    });
    let server = server
        .bind(bind)?
        // Requests that have begun get this long to finish, in seconds.
        .shutdown_timeout(10)
        .shutdown_signal(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            println!("draining: ready is red, live is green, requests are still answered");
            health.drain();
            sleep(drain_for).await;
            println!("stopping: no new connections, requests that have begun may finish");
        });
    if let Some(address) = server.addrs().first() {
        println!("listening on http://{address}");
    }
    server.run().await?;
    println!("stopped");
    Ok(())
}

async fn slow() -> &'static str {
    sleep(Duration::from_secs(2)).await;
    "done\n"
}
