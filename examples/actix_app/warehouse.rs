//! The downstream service: a client of it, and the server itself, which in real life runs elsewhere.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use health_builtins::http::Http;

use crate::orders::Order;

pub(crate) struct Warehouse {
    client: reqwest::Client,
    url: String,
    answers: Http,
}

impl Warehouse {
    pub(crate) fn at(address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let client = reqwest::Client::builder()
            // A client without a timeout waits for ever.
            .timeout(Duration::from_millis(450))
            .no_proxy()
            .build()?;
        let url = format!("http://{address}");
        let answers = Http::get(&client, format!("{url}/ping"))?;
        Ok(Self { client, url, answers })
    }

    /// Whether it does: a check on the client that sends the orders.
    pub(crate) fn answers(&self) -> &Http {
        &self.answers
    }

    pub(crate) async fn send(&self, order: &Order) -> reqwest::Result<()> {
        self.client.post(format!("{}/parcels", self.url)).json(order).send().await?.error_for_status()?;
        Ok(())
    }
}

/// The warehouse itself, on a free port of the loopback interface.
pub(crate) struct WarehouseServer {
    address: SocketAddr,
    running: Mutex<Option<ServerHandle>>,
}

impl WarehouseServer {
    pub(crate) fn start() -> io::Result<Self> {
        let (address, handle) = serve(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        Ok(Self { address, running: Mutex::new(Some(handle)) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn start_again(&self) -> io::Result<()> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_none() {
            *running = Some(serve(self.address)?.1);
        }
        Ok(())
    }

    pub(crate) async fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(handle) = running {
            handle.stop(false).await;
        }
    }
}

fn serve(address: SocketAddr) -> io::Result<(SocketAddr, ServerHandle)> {
    let app = || {
        App::new()
            .route("/ping", web::get().to(HttpResponse::Ok))
            .route("/parcels", web::post().to(HttpResponse::Accepted))
    };
    let server = HttpServer::new(app).workers(1).disable_signals().bind(address)?;
    let address = server.addrs().first().copied().unwrap_or(address);
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok((address, handle))
}
