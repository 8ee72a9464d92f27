//! Checks borrow what they ask about: values of the application, keyed by their types.
//!
//! Run with `cargo run --example injected_resources`. It prints one report and ends.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use health_core::{Exposure, Health, Outcome, Probe, health_check};

struct Inventory {
    items: Vec<&'static str>,
    counted_at: SystemTime,
}

trait Clock: Send + Sync {
    fn now(&self) -> SystemTime;
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Everybody who uses the licence file says `&Licence`; a bare `&str` can stand for one thing only.
struct Licence(String);

/// A value is lent as a reference.
#[health_check(blocking = false)]
fn stock(inventory: &Inventory) -> Outcome {
    let outcome = match inventory.items.len() {
        0 => Outcome::unhealthy("there is nothing to sell"),
        1 => Outcome::degraded("one item is left"),
        _ => Outcome::healthy(),
    };
    outcome.data("items", inventory.items.len())
}

/// Several resources at once; an `Arc<dyn Clock>` lends `&dyn Clock`.
#[health_check(name = "stock/counted", blocking = false)]
fn counted(inventory: &Inventory, clock: &dyn Clock) -> Result<Outcome, std::time::SystemTimeError> {
    let age = clock.now().duration_since(inventory.counted_at)?;
    let recent = age < Duration::from_secs(24 * 60 * 60);
    Ok(if recent { Outcome::healthy() } else { Outcome::degraded("not counted since yesterday") })
}

/// An `Arc<str>` lends `&str`.
#[health_check(blocking = false)]
fn region(region: &str) -> Outcome {
    if region == "nowhere" { Outcome::unhealthy("no region is set") } else { Outcome::healthy() }
}

/// A new type tells two values of one type apart.
#[health_check(blocking = false, critical = false)]
fn licence(licence: &Licence) -> Result<(), std::num::ParseIntError> {
    licence.0.parse::<u64>()?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let inventory = Arc::new(Inventory { items: vec!["tea"], counted_at: SystemTime::now() });
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);

    let health = Health::builder()
        // An `Arc` lends what it holds, so the application and its checks share it.
        .resource(Arc::clone(&inventory))
        .resource(clock)
        .resource(Arc::<str>::from("eu"))
        .resource(Licence("none".to_owned()))
        .discover()
        .build()?
        .start();

    let report = health.report(Probe::Ready).await;
    // The error of `licence` needs `Full`: texts that come by `?` may contain anything.
    print!("{}", report.view(Exposure::Checks).text());
    println!("ready is {}", report.status());

    // A resource that nobody handed in is found before anything runs, with the place where it is needed.
    if let Err(error) = Health::builder().resource(inventory).discover().build() {
        println!("\nwithout the others:\n{error}");
    }
    Ok(())
}
