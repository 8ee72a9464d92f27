//! The work of this service: it takes orders in, and passes them on to the warehouse.

use std::error::Error;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::error::ErrorServiceUnavailable;
use actix_web::web::{Data, Json, ServiceConfig, block, get, post};
use health_core::{Gate, HealthComponent, Outcome, Probe, Reporter, Scope, Spec};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::database::Database;
use crate::receipts::Receipts;
use crate::warehouse::Warehouse;

#[derive(Serialize)]
pub(crate) struct Order {
    pub(crate) id: i64,
    pub(crate) item: String,
    pub(crate) quantity: i64,
    pub(crate) sent: bool,
}

#[derive(Deserialize)]
struct NewOrder {
    item: String,
    quantity: u16,
}

/// Orders, from the moment they come in until the warehouse has them.
#[derive(HealthComponent)]
#[health(name = "orders")]
pub(crate) struct Orders {
    /// The warehouse keeps up with the orders.
    #[health(check = backlog, name = "backlog", critical = false, depends_on = ["db", "downstream"])]
    database: Arc<Database>,
    dispatcher: Reporter,
    receipts: Arc<Receipts>,
    warehouse: Arc<Warehouse>,
    migrations: Gate,
    /// The loop, which goes on for as long as the sender is kept.
    dispatching: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

async fn backlog(database: &Database) -> Result<Outcome, sqlx::Error> {
    const MANY: i64 = 20;
    let unsent = database.count_unsent().await?;
    let outcome = if unsent < MANY { Outcome::healthy() } else { Outcome::degraded("orders pile up") };
    Ok(outcome.data("unsent", unsent))
}

/// Evidence that the loop pushes, since only the loop knows that it has come round.
///
/// The one thing here that a restart does repair, so the one thing that weighs in live. A loop that waits for a slow
/// database comes round again, because everything it waits for has a timeout.
fn dispatcher() -> Reporter {
    let spec =
        Spec::named("orders/dispatcher").describe("The loop that sends orders on has come round lately.");
    Reporter::new(spec.probe(Probe::Live).scope(Scope::Local).max_age("5s"))
}

impl Orders {
    pub(crate) fn new(
        database: &Arc<Database>,
        receipts: &Arc<Receipts>,
        warehouse: &Arc<Warehouse>,
        migrations: &Gate,
    ) -> Self {
        Self {
            database: Arc::clone(database),
            dispatcher: dispatcher(),
            receipts: Arc::clone(receipts),
            warehouse: Arc::clone(warehouse),
            migrations: migrations.clone(),
            dispatching: Mutex::new(None),
        }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn receipts(&self) -> &Receipts {
        &self.receipts
    }

    /// What says that the dispatcher is alive.
    pub(crate) fn dispatcher(&self) -> &Reporter {
        &self.dispatcher
    }

    pub(crate) fn start_dispatching(self: &Arc<Self>) {
        let (stops, is_stopped) = oneshot::channel();
        let task = tokio::spawn(Arc::clone(self).dispatch(is_stopped));
        // One from before stops too, since nobody is left who could tell it to.
        *self.dispatching.lock().unwrap_or_else(PoisonError::into_inner) = Some((stops, task));
    }

    /// Waits for the turn that is under way: an order that was sent but not marked would be sent again. That takes two
    /// seconds at most, and so less than a process has after `run`.
    pub(crate) async fn stop_dispatching(&self) {
        let dispatching = self.dispatching.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stops, task)) = dispatching {
            drop(stops);
            // It only fails if the loop has panicked, which its evidence has told.
            let _ = task.await;
        }
    }

    async fn dispatch(self: Arc<Self>, mut is_stopped: oneshot::Receiver<()>) {
        let mut tick = interval(Duration::from_millis(500));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = &mut is_stopped => return,
            }
            self.dispatcher.beat();
            // Not "begins when they are done": the loop comes round while it has to wait, so live stays green.
            if !self.migrations.is_open() {
                continue;
            }
            let tried = match timeout(Duration::from_secs(2), self.send_unsent()).await {
                Ok(tried) => tried,
                Err(late) => Err(late.into()),
            };
            // Said once when it begins, not twice a second; what is unsent is tried again at the next turn.
            match &tried {
                Err(error) if !failing => tracing::warn!(%error, "orders cannot be sent"),
                Ok(()) if failing => tracing::info!("orders are sent again"),
                _ => {}
            }
            failing = tried.is_err();
        }
    }

    async fn send_unsent(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        for order in self.database.unsent().await? {
            self.warehouse.send(&order).await?;
            self.database.mark_sent(order.id).await?;
        }
        Ok(())
    }
}

pub(crate) fn routes(service: &mut ServiceConfig) {
    service.route("/orders", get().to(list)).route("/orders", post().to(create));
}

async fn list(orders: Data<Orders>) -> actix_web::Result<Json<Vec<Order>>> {
    Ok(Json(orders.database.orders().await.map_err(unavailable)?))
}

async fn create(orders: Data<Orders>, new: Json<NewOrder>) -> actix_web::Result<Json<Order>> {
    let NewOrder { item, quantity } = new.into_inner();
    let quantity = quantity.into();
    // An order without a receipt is no order.
    let mut transaction = orders.database.begin().await.map_err(unavailable)?;
    let id = transaction.insert(&item, quantity).await.map_err(unavailable)?;
    let receipt = format!("{quantity} x {item}\n");
    let receipts = Arc::clone(&orders.receipts);
    block(move || receipts.write(id, &receipt)).await?.map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)?;
    Ok(Json(Order { id, item, quantity, sent: false }))
}

/// The log says why; the caller learns only that it is not their fault.
fn unavailable(error: impl Display) -> actix_web::Error {
    tracing::error!(%error, "a request failed");
    ErrorServiceUnavailable("this does not work at the moment\n")
}
