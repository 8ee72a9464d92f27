//! Redis or Valkey, NATS, and RabbitMQ.

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client as NatsClient, ConnectOptions, ServerAddr, jetstream};
use health_builtins::nats::Nats;
use health_builtins::rabbitmq::RabbitMq;
use health_builtins::redis::{Cluster, Redis, Replication};
use lapin::{Connection, ConnectionProperties};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::found::Found;
use crate::variables::{self, BadVariable, Place};

const GROUP: &str = "brokers";

const REDIS: [&str; 1] = ["redis"];
const REDIS_URL: &str = "like redis://user:password@host:6379/ (this example speaks no TLS)";
const NATS: [&str; 2] = ["nats", "tls"];
const NATS_URL: &str = "like nats://user:password@host:4222";
const RABBITMQ: [&str; 1] = ["amqp"];
const RABBITMQ_URL: &str = "like amqp://user:password@host:5672/%2f (this example speaks no TLS)";

pub(crate) async fn redis(found: Found) -> Result<Found, BadVariable> {
    let place = match variables::url("REDIS_URL", &REDIS, REDIS_URL)? {
        Some(place) => Some(place),
        None => variables::usual_port(6379, "REDIS_URL", |address| format!("redis://{address}/")).await,
    };
    let Some(place) = place else {
        return Ok(found.absent("Redis or Valkey", &["docker run --rm -p 127.0.0.1:6379:6379 redis"]));
    };
    let connection = connection(&place)?;
    Ok(found
        .at("Redis", &place)
        .check(GROUP, "redis/ping", Redis::ping(&connection), "the account is accepted, and answered")
        .check(
            GROUP,
            "redis/round-trip",
            Redis::round_trip(&connection),
            "a key was written, read back and deleted",
        )
        .check(GROUP, "redis/replication", Replication::primary(&connection), "it believes to be a primary"))
}

pub(crate) fn redis_cluster(found: Found) -> Result<Found, BadVariable> {
    let Some(place) = variables::url("REDIS_CLUSTER_URL", &REDIS, REDIS_URL)? else {
        return Ok(found.absent(
            "a cluster of Redis",
            &[
                "docker run --rm --name cluster -p 127.0.0.1:7000:7000 redis redis-server --port 7000 --cluster-enabled yes",
                "docker exec cluster redis-cli -p 7000 cluster addslotsrange 0 16383",
                "export REDIS_CLUSTER_URL=redis://127.0.0.1:7000/",
            ],
        ));
    };
    // An application has a `ClusterConnection`; any connection to a node can ask this question.
    let cluster = Cluster::of(&connection(&place)?);
    let found = found.at("Redis cluster", &place);
    Ok(found.check(GROUP, "redis-cluster", cluster, "every slot has a primary"))
}

/// One that connects again, and says at once when it cannot. Nothing is connected yet.
fn connection(place: &Place) -> Result<ConnectionManager, BadVariable> {
    let told_at_once = ConnectionManagerConfig::new().set_number_of_retries(0);
    redis::Client::open(&*place.url)
        .and_then(|client| ConnectionManager::new_lazy_with_config(client, told_at_once))
        .map_err(|_| BadVariable::new(place.variable, REDIS_URL))
}

pub(crate) async fn nats(found: Found) -> Result<Found, BadVariable> {
    let place = match variables::url("NATS_URL", &NATS, NATS_URL)? {
        Some(place) => Some(place),
        None => variables::usual_port(4222, "NATS_URL", |address| format!("nats://{address}")).await,
    };
    let Some(place) = place else {
        return Ok(found.absent("NATS", &["docker run --rm -p 127.0.0.1:4222:4222 nats -js"]));
    };
    let bad = || BadVariable::new(place.variable, NATS_URL);
    let address: ServerAddr = place.url.parse().map_err(|_| bad())?;
    // It connects on its own, now and whenever the server comes back.
    let client =
        ConnectOptions::new().retry_on_initial_connect().connect(address).await.map_err(|_| bad())?;
    is_connected(&client).await;
    let context = jetstream::new(client.clone());
    let mut found = found
        .at("NATS", &place)
        .check(GROUP, "nats/connected", Nats::connected(&client), "the client believes in its connection")
        .check(GROUP, "nats/round-trip", Nats::round_trip(&client), "a message came back through the server")
        .check(GROUP, "nats/jetstream", Nats::jet_stream(&context), "JetStream answered for this account");
    let Some(stream) = variables::variable("NATS_STREAM")? else {
        return Ok(found.absent(
            "a stream of JetStream",
            &["nats stream add ORDERS --subjects 'orders.>' --defaults", "export NATS_STREAM=ORDERS"],
        ));
    };
    if let Some(consumer) = variables::variable("NATS_CONSUMER")? {
        let consumer = Nats::consumer(&context, &stream, consumer);
        found = found.check(GROUP, "nats/consumer", consumer, "the consumer is there, and keeps up");
    }
    let stream = Nats::stream(&context, stream);
    Ok(found.check(GROUP, "nats/stream", stream, "the stream is there, and has room"))
}

/// Waits for the first connection, but not for ever: a server that is not there is what the checks are to say.
async fn is_connected(client: &NatsClient) {
    let connected = async {
        while client.connection_state() != State::Connected {
            sleep(Duration::from_millis(10)).await;
        }
    };
    drop(timeout(Duration::from_secs(1), connected).await);
}

pub(crate) async fn rabbitmq(found: Found) -> Result<Found, BadVariable> {
    let place = match variables::url("RABBITMQ_URL", &RABBITMQ, RABBITMQ_URL)? {
        Some(place) => Some(place),
        None => variables::usual_port(5672, "RABBITMQ_URL", |address| format!("amqp://{address}/%2f")).await,
    };
    let Some(place) = place else {
        return Ok(found.absent("RabbitMQ", &["docker run --rm -p 127.0.0.1:5672:5672 rabbitmq"]));
    };
    if place.url.parse::<lapin::uri::AMQPUri>().is_err() {
        return Err(BadVariable::new(place.variable, RABBITMQ_URL));
    }
    let (reconnected, mut current) = watch::channel(None);
    tokio::spawn(stay_connected(place.url.clone(), reconnected));
    // Not for ever: a broker that is not there is what the checks are to say.
    drop(timeout(Duration::from_secs(2), current.wait_for(Option::is_some)).await);
    let today = move || current.borrow().clone();
    Ok(found
        .at("RabbitMQ", &place)
        .check(
            GROUP,
            "rabbitmq/connection",
            RabbitMq::connection(today.clone()),
            "the client believes in its connection",
        )
        .check(GROUP, "rabbitmq/channel", RabbitMq::channel(today), "the broker opened and closed a channel"))
}

/// Connects, and connects again when that connection is lost: `lapin` leaves this to its users.
async fn stay_connected(url: String, reconnected: watch::Sender<Option<Arc<Connection>>>) {
    while !reconnected.is_closed() {
        if let Ok(connection) = Connection::connect(&url, ConnectionProperties::default()).await {
            let connection = Arc::new(connection);
            reconnected.send_replace(Some(Arc::clone(&connection)));
            while connection.status().connected() {
                sleep(Duration::from_millis(200)).await;
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
}
