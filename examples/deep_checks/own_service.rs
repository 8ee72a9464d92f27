//! A small service that the example starts itself, so that somebody is there to be asked over HTTP.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use actix_web::{App, HttpServer};
use health_core::{Exposure, Health, Outcome, Spec};

/// How long there is paper, and how long there is none.
const HALF: Duration = Duration::from_secs(20);

/// It listens on a free port of this machine, for as long as the program runs.
pub(crate) struct OwnService {
    pub(crate) address: SocketAddr,
}

impl OwnService {
    pub(crate) fn start() -> io::Result<Self> {
        let began = Instant::now();
        let health = Health::builder()
            .check_fn(Spec::named("shelves"), async || Outcome::healthy())
            .check_fn(Spec::named("printer").interval("1s"), move || async move { printer(began) })
            .build()
            .map_err(io::Error::other)?
            .start();
        let server = HttpServer::new(move || {
            App::new().service(health_actix::endpoints(health.clone()).exposure(Exposure::Checks))
        });
        let server = server.workers(1).disable_signals().bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = server.addrs().first().copied().ok_or(io::ErrorKind::AddrNotAvailable)?;
        tokio::spawn(server.run());
        Ok(Self { address })
    }

    /// Whether it serves, and what is wrong with it.
    pub(crate) fn ready(&self) -> String {
        format!("http://{}/health/ready", self.address)
    }
}

/// So that there is a change to be seen when nobody stops a server.
fn printer(began: Instant) -> Outcome {
    match began.elapsed().as_secs() / HALF.as_secs() % 2 {
        0 => Outcome::healthy(),
        _ => Outcome::degraded("out of paper"),
    }
}
