//! The smallest service with a health check.
//!
//! Run with `cargo run --example minimal`, then `curl -i http://127.0.0.1:8080/health/ready`.

use std::io::Write as _;

use actix_web::{App, HttpServer};
use health_core::{Health, health_check};

/// Temporary files can be written.
#[health_check(blocking = true)]
fn scratch() -> std::io::Result<()> {
    tempfile::tempfile()?.write_all(b"written by a health check")
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let bind = std::env::var("BIND").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let health = Health::builder().discover().build()?.start();
    let server = HttpServer::new(move || App::new().service(health_actix::endpoints(health.clone())));
    let server = server.bind(bind)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    server.run().await
}
