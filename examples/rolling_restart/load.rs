//! A steady load over connections that are kept, and what became of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, interval_at};

use crate::connection::{Connection, Failure};

const CONNECTIONS: u32 = 16;
const ORDER: &str = r#"{"item":"tea","quantity":2}"#;

/// What became of the requests.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    /// How many orders were answered with 200.
    pub(crate) orders: u64,
    /// The longest time from when a request was due until its answer was there.
    pub(crate) longest: Duration,
    /// What failed, by the number of the request.
    pub(crate) failures: Vec<(u64, Failure)>,
    /// How often a connection had to be opened.
    pub(crate) connections: u64,
}

impl Tally {
    fn add(&mut self, mut other: Self) {
        self.requests += other.requests;
        self.orders += other.orders;
        self.longest = self.longest.max(other.longest);
        self.failures.append(&mut other.failures);
        self.connections += other.connections;
    }
}

/// Goes on until it is stopped.
pub(crate) struct Load {
    is_over: Arc<AtomicBool>,
    senders: JoinSet<Tally>,
}

impl Load {
    /// So many requests in a second, whatever the answers do.
    pub(crate) fn start(address: SocketAddr, rate: u32) -> Self {
        let (is_over, number) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let senders_count = CONNECTIONS.min(rate);
        let period = Duration::from_secs(1) * senders_count / rate;
        let mut senders = JoinSet::new();
        for sender in 0..senders_count {
            let begins = Instant::now() + Duration::from_secs(1) * sender / rate;
            let numbers = Arc::clone(&number);
            senders.spawn(send(address, begins, period, numbers, Arc::clone(&is_over)));
        }
        Self { is_over, senders }
    }

    /// Waits for the answers that are under way.
    pub(crate) async fn stop(mut self) -> Result<Tally, JoinError> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut all = Tally::default();
        while let Some(tally) = self.senders.join_next().await {
            all.add(tally?);
        }
        all.failures.sort_by_key(|(number, _)| *number);
        Ok(all)
    }
}

/// Asks for the orders and places one, in turns. A new connection only where HTTP allows one without a request tried twice:
/// the other side had said that it closes, or had closed before anything was sent.
async fn send(
    address: SocketAddr,
    begins: Instant,
    period: Duration,
    numbers: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
) -> Tally {
    let mut tally = Tally::default();
    let mut kept: Option<Connection> = None;
    // An answer that is late delays those behind it, which are late then, too, and not left out.
    let mut due = interval_at(begins, period);
    while !is_over.load(Ordering::Relaxed) {
        let was_due = due.tick().await;
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let is_order = tally.requests % 2 == 1;
        tally.requests += 1;
        let answered = async {
            let mut connection = match kept.take().filter(|connection| !connection.has_ended()) {
                Some(connection) => connection,
                None => {
                    tally.connections += 1;
                    Connection::to(address).await?
                }
            };
            let answer = connection.ask(request(number, is_order).as_bytes()).await?;
            kept = (!answer.is_last).then_some(connection);
            if answer.code == 200 { Ok(()) } else { Err(Failure::Refused(answer.code)) }
        };
        match answered.await {
            Ok(()) => tally.orders += u64::from(is_order),
            Err(failure) => tally.failures.push((number, failure)),
        }
        tally.longest = tally.longest.max(was_due.elapsed());
    }
    tally
}

/// The number is there for the log of HAProxy.
fn request(number: u64, is_order: bool) -> String {
    let head = format!("/orders?request={number} HTTP/1.1\r\nHost: localhost\r\n");
    if is_order {
        let length = ORDER.len();
        format!("POST {head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{ORDER}")
    } else {
        format!("GET {head}\r\n")
    }
}
