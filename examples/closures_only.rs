//! Without attributes: checks as closures, and a group that is well as long as enough of its members are.
//!
//! Run with `cargo run --example closures_only`. It prints one report and ends.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use health_core::{Exposure, Health, Outcome, Probe, Quorum, Scope, Spec};
use tokio::net::TcpStream;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Three replicas, of which one is down.
    let eu = TcpListener::bind("127.0.0.1:0")?;
    let us = TcpListener::bind("127.0.0.1:0")?;
    let down = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let replicas = [("eu", eu.local_addr()?), ("us", us.local_addr()?), ("asia", down)];

    let mut builder = Health::builder()
        // Asynchronous, with nothing of its own.
        .check_fn(Spec::named("clock").describe("The clock is set."), || async {
            std::time::SystemTime::UNIX_EPOCH.elapsed().map(|_| ())
        })
        // It may block: it gets a thread of the engine's own.
        .check_blocking(Spec::named("scratch").scope(Scope::Local).timeout("500ms"), || {
            std::fs::read_dir(std::env::temp_dir()).map(|_| ())
        })
        // Two of three are enough: one that is down degrades the group, two make it unhealthy.
        .group("replicas", Quorum::at_least(2).critical(true));
    for (name, address) in replicas {
        // What is younger than its cache is not asked anew; by default that is a second.
        let spec = Spec::named(format!("replica/{name}")).group("replicas").cache("10ms");
        // With a value of its own, of which each run gets a clone.
        builder = builder.check_with(spec, address, connects);
    }
    let health = builder.build()?.start();

    let report = health.report(Probe::Ready).await;
    print!("{}", report.view(Exposure::Checks).text());
    println!("ready is {}", report.status());

    // One more goes down: now the group cannot do its work.
    drop(us);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let report = health.report(Probe::Ready).await;
    print!("\n{}", report.view(Exposure::Checks).text());
    println!("ready is {}", report.status());
    Ok(())
}

async fn connects(address: SocketAddr) -> Outcome {
    match TcpStream::connect(address).await {
        Ok(_) => Outcome::healthy(),
        Err(error) => Outcome::unhealthy("does not accept connections").because(error),
    }
}
