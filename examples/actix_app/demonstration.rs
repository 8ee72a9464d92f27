//! Routes that break and mend each dependency for real. No service should have them; this one is to be played with.

use std::error::Error;
use std::net::SocketAddr;

use actix_web::error::{ErrorConflict, ErrorNotFound};
use actix_web::web::{Data, Path, ServiceConfig, post};

use crate::orders::Orders;
use crate::warehouse::WarehouseServer;

type Tried = Result<(), Box<dyn Error>>;

pub(crate) fn routes(service: &mut ServiceConfig) {
    service.route("/break/{what}", post().to(break_it)).route("/mend/{what}", post().to(mend_it));
}

async fn break_it(
    what: Path<String>,
    orders: Data<Orders>,
    warehouse: Data<WarehouseServer>,
) -> actix_web::Result<String> {
    let tried: Tried = match what.as_str() {
        "db" => {
            orders.database().close().await;
            Ok(())
        }
        "downstream" => {
            warehouse.stop().await;
            Ok(())
        }
        "folder" => orders.receipts().take_away().map_err(Into::into),
        "dispatcher" => {
            orders.stop_dispatching().await;
            Ok(())
        }
        _ => return Err(unknown()),
    };
    said("broken", &what, tried)
}

async fn mend_it(
    what: Path<String>,
    orders: Data<Orders>,
    warehouse: Data<WarehouseServer>,
) -> actix_web::Result<String> {
    let tried: Tried = match what.as_str() {
        "db" => orders.database().reopen().map_err(Into::into),
        "downstream" => warehouse.start_again().map_err(Into::into),
        "folder" => orders.receipts().bring_back().map_err(Into::into),
        "dispatcher" => {
            orders.into_inner().start_dispatching();
            Ok(())
        }
        _ => return Err(unknown()),
    };
    said("mended", &what, tried)
}

fn said(what_happened: &str, what: &str, tried: Tried) -> actix_web::Result<String> {
    match tried {
        Ok(()) => Ok(format!("{what_happened}: {what}\n")),
        Err(error) => Err(ErrorConflict(format!("not {what_happened}: {what}: {error}\n"))),
    }
}

fn unknown() -> actix_web::Error {
    ErrorNotFound("there are db, downstream, folder and dispatcher\n")
}

pub(crate) fn what_to_try(address: SocketAddr) -> String {
    let url = format!("http://{address}");
    format!(
        "
Look:
  curl -i {url}/health/ready
  curl '{url}/health/ready?verbose'
  curl -i {url}/health/live
  curl -i {url}/health
  {url}/health/ui                       # in a browser
  curl -N {url}/health/events           # every change while it happens
  curl {url}/health/metrics             # what Prometheus scrapes

Work:
  curl {url}/orders -H 'content-type: application/json' -d '{{\"item\":\"tea\",\"quantity\":2}}'
  curl {url}/orders

Break something, look again a second later, mend it:
  curl -X POST {url}/break/db           # ready: 503
  curl -X POST {url}/mend/db
  curl -X POST {url}/break/folder       # ready: 503
  curl -X POST {url}/mend/folder
  curl -X POST {url}/break/downstream   # ready: 200, degraded
  curl -X POST {url}/mend/downstream
  curl -X POST {url}/break/dispatcher   # live: 503 after 5 seconds, the one thing that a restart repairs
  curl -X POST {url}/mend/dispatcher

Ctrl-C drains, then stops.
"
    )
}
