//! Live and ready for everybody on the main port; everything else, in every dialect, on a port of its own that answers
//! while the application cannot.
//!
//! Run with `cargo run --example management_port`, then
//! `curl http://127.0.0.1:8080/health/ready`, `curl http://127.0.0.1:9000/health?verbose`, and, while
//! `curl http://127.0.0.1:8080/wedge` holds the only worker, `curl http://127.0.0.1:9000/readyz?verbose`.

use std::thread;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use health_actix::dialect::{HealthJson, Kubernetes, MicroProfile, Spring};
use health_actix::{Access, probes, server};
use health_core::{Exposure, Health, Heartbeat, Outcome, Spec};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let variable = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let disk = || async { Outcome::degraded("91 % full").data("free_percent", 9) };
    let health = Health::builder()
        .check_fn(Spec::named("storage/disk"), disk)
        .check_fn(Spec::named("storage/index").critical(false), || async {})
        // Tells the management port that the worker is stuck.
        .heartbeat(Heartbeat::new())
        .build()?
        .start();

    // Those on this machine see the checks; whoever knows the token sees error texts and data as well.
    let mut access = Access::new();
    if let Ok(token) = std::env::var("HEALTH_TOKEN") {
        access = access.token(Exposure::Full, token)?;
    }
    let [a, b, c, d, e] = std::array::from_fn(|_| access.clone());
    let management = server(health.clone())
        .bind(variable("MANAGEMENT", "127.0.0.1:9000"))?
        .endpoints(move |endpoints| endpoints.access(a.clone()))
        .endpoints(move |endpoints| endpoints.access(b.clone()).dialect(Kubernetes::new()))
        .endpoints(move |endpoints| endpoints.access(c.clone()).dialect(Spring::new()))
        .endpoints(move |endpoints| {
            endpoints.access(d.clone()).dialect(HealthJson::new()).mount("/health-json")
        })
        .endpoints(move |endpoints| {
            endpoints.access(e.clone()).dialect(MicroProfile::new()).mount("/microprofile")
        })
        .start()?;
    let wedge = || async {
        // Forbidden in a handler, and survived.
        thread::sleep(Duration::from_secs(30));
        "free again\n"
    };
    let app = move || App::new().service(probes(health.clone())).route("/wedge", web::get().to(wedge));
    let main = HttpServer::new(app).workers(1).bind(variable("BIND", "127.0.0.1:8080"))?;
    for address in main.addrs() {
        println!("listening on http://{address}");
    }
    for address in management.addresses() {
        println!("management on http://{address}");
    }
    main.run().await?;
    management.stop().await;
    Ok(())
}
