//! A dialect of one's own, beside the native one: `/nagios` answers with one line, like a plugin of Nagios.
//!
//! Run with `cargo run --example own_dialect`, then `curl -i http://127.0.0.1:8080/nagios`.

use std::convert::Infallible;

use actix_web::http::header::HeaderValue;
use actix_web::{App, HttpServer};
use health_actix::dialect::{Asked, Body, Dialect, Route};
use health_actix::endpoints;
use health_core::{Exposure, Health, Outcome, Probe, RenderError, Spec, Status};

/// `OK`, `WARNING: disk`, `CRITICAL: db, queue`.
#[derive(Clone, Debug, PartialEq)]
struct Nagios;

impl Dialect for Nagios {
    fn routes(&self) -> Vec<Route> {
        vec![Route::probe("/nagios", Probe::Ready)]
    }

    fn body(&self, asked: &Asked<'_>) -> Result<Body, RenderError> {
        let view = asked.view();
        // Called once for each report, however many ask.
        let line = || {
            let word = match view.status() {
                Status::Healthy => "OK",
                Status::Degraded => "WARNING",
                Status::Unhealthy => "CRITICAL",
            };
            // No names without `Exposure::Checks`: a view shows nobody more than he may see.
            let failing: Vec<_> = view.failing().collect();
            let colon = if failing.is_empty() { "" } else { ": " };
            Ok::<_, Infallible>(format!("{word}{colon}{}\n", failing.join(", ")).into_bytes())
        };
        let bytes = view.rendered(self, line)?;
        Ok(Body::new(HeaderValue::from_static("text/plain; charset=utf-8"), bytes))
    }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let bind = std::env::var("BIND").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let disk = || async { Outcome::degraded("91 % full") };
    let health = Health::builder().check_fn(Spec::named("disk"), disk).build()?.start();
    let server = HttpServer::new(move || {
        let nagios = endpoints(health.clone()).dialect(Nagios).exposure(Exposure::Checks);
        App::new().service(nagios).service(endpoints(health.clone()))
    });
    let server = server.bind(bind)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    server.run().await
}
