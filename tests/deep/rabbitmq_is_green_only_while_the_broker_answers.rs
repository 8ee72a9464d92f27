//! A green RabbitMQ check means that the broker answered a moment ago, and that it has not stopped to listen.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use health_builtins::Recommended;
use health_builtins::rabbitmq::RabbitMq;
use health_core::Ended;
use health_core::Status::{Healthy, Unhealthy};
use health_deep_tests::asked::{Deep, SECRET, Told};
use health_deep_tests::proxy::{Fault, FaultProxy};
use health_deep_tests::rabbitmq::RabbitMqBroker;
use health_tests::leaks::{PATIENCE, Place, after, alone};
use health_tests::servers::eventually;
use lapin::options::{BasicPublishOptions, ExchangeDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::sync::watch;

/// Of runs that are to end by it. Others have time, on a machine with other things to do.
const CUT_OFF: &str = "700ms";
const LOST: &str = "not connected: the connection was lost";
const BLOCKED: &str = "publishing is blocked: the broker is low on memory or disk";
fn deep(name: &'static str, check: impl Recommended + 'static) -> Arc<Deep> {
    Arc::new(Deep::started(name, check.spec(name).timeout("10s"), check))
}

fn hasty(name: &'static str, check: impl Recommended + 'static) -> Arc<Deep> {
    Arc::new(Deep::started(name, check.spec(name).timeout(CUT_OFF), check))
}

fn uri(user: &str, address: SocketAddr) -> String {
    format!("amqp://{user}:{SECRET}@{address}/%2f")
}

async fn connected(uri: &str) -> Arc<Connection> {
    Arc::new(Connection::connect(uri, ConnectionProperties::default()).await.expect("it accepts this client"))
}

async fn published(channel: &Channel, count: usize) {
    for _ in 0..count {
        let options = BasicPublishOptions::default();
        let sent =
            channel.basic_publish("".into(), "orders".into(), options, b"", BasicProperties::default());
        sent.await.expect("it is sent");
    }
}

#[derive(Clone, Copy)]
enum Expected {
    Green,
    Silent,
    Says(&'static str),
}

impl Expected {
    fn is(self, told: &Told, what: &str) {
        let as_expected = match self {
            Self::Green => told.status == Ok(Healthy),
            Self::Silent => told.status == Ok(Unhealthy) && told.ended == Some(Ended::Timeout),
            Self::Says(summary) => told.said() == (Ok(Unhealthy), Some(summary)),
        };
        assert!(as_expected, "{what}: {told:?}");
    }
}

#[test]
fn it_is_green_only_while_the_broker_answers() {
    alone("it_is_green_only_while_the_broker_answers", || {
        warmed_up();
        let mut left = after(Place::SeveralThreads, PATIENCE, async || {
            let Some(mut broker) = RabbitMqBroker::start().await else { return };
            let own = connected(&uri("app", broker.address())).await;
            let channel = own.create_channel().await.expect("a channel");
            a_thousand_runs_cost_what_is_written(&broker, &own).await;
            who_may_do_nothing_may_look(&broker).await;
            channels_that_are_used_up_are_no_fault_of_the_broker(&broker).await;
            a_blocked_connection_is_told(&broker, &own, &channel).await;
            each_fault_is_told_and_forgotten(&mut broker).await;
        });
        // The client has a runtime of its own for the life of the process: its threads come and go, and with them their
        // descriptors, which are compared above.
        left.threads.retain(|name| !name.starts_with("async-compat"));
        assert_eq!((left.tasks, left.threads), (0, Vec::new()));
    });
}

async fn a_thousand_runs_cost_what_is_written(broker: &RabbitMqBroker, own: &Arc<Connection>) {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let descriptors = || std::fs::read_dir("/proc/self/fd").expect("Linux").count();
    let (tasks_before, descriptors_before) = (tasks(), descriptors());
    // The broker counts what is closed a little later.
    let closed = async |but: u64| {
        eventually("the channels are closed", async || {
            let counted = broker.counted();
            counted.channels_opened - counted.channels_closed == but
        })
        .await;
        broker.counted()
    };

    let checks = started(|| deep("connection", RabbitMq::connection(own))).await;
    let before = closed(1).await;
    a_thousand_runs(checks).await;
    assert_eq!(broker.counted(), before, "nobody is asked");

    let checks = started(|| deep("channel", RabbitMq::channel(own))).await;
    let before = closed(1).await;
    a_thousand_runs(checks).await;
    assert_eq!(closed(1).await.channels_opened, before.channels_opened + 1_000);

    eventually("no connection is left", async || broker.connections() == 1).await;
    eventually("no task is left", async || tasks() <= tasks_before).await;
    eventually("no descriptor is left", async || descriptors() <= descriptors_before).await;
}

/// Twenty, whose first runs are over.
async fn started(check: impl Fn() -> Arc<Deep>) -> Vec<Arc<Deep>> {
    let checks: Vec<_> = (0..20).map(|_| check()).collect();
    for deep in &checks {
        // The first answer may be that of the run with which it was started.
        deep.told().await.is_healthy();
        deep.told().await.is_healthy();
    }
    checks
}

/// Many at a time: each run waits for answers.
async fn a_thousand_runs(checks: Vec<Arc<Deep>>) -> Vec<Arc<Deep>> {
    let asked = |deep: Arc<Deep>| {
        tokio::spawn(async move {
            for _ in 0..50 {
                deep.told().await.is_healthy();
            }
            deep
        })
    };
    let asked: Vec<_> = checks.into_iter().map(asked).collect();
    let mut checks = Vec::new();
    for asked in asked {
        checks.push(asked.await.expect("each is healthy"));
    }
    checks
}

async fn who_may_do_nothing_may_look(broker: &RabbitMqBroker) {
    broker.add_user_without_permissions("nobody");
    let uri = uri("nobody", broker.address());
    let connection = connected(&uri).await;
    deep("channel", RabbitMq::channel(&connection)).told().await.is_healthy();
    let denied = connection.create_channel().await.expect("a channel");
    let exchange = denied.exchange_declare(
        "sales".into(),
        lapin::ExchangeKind::Direct,
        ExchangeDeclareOptions::default(),
        FieldTable::default(),
    );
    assert!(exchange.await.is_err(), "it may do something");
}

async fn channels_that_are_used_up_are_no_fault_of_the_broker(broker: &RabbitMqBroker) {
    let connection = connected(&format!("{}?channel_max=3", uri("app", broker.address()))).await;
    let mut busy = Vec::new();
    for _ in 0..3 {
        busy.push(connection.create_channel().await.expect("a channel"));
    }
    let channel = deep("channel", RabbitMq::channel(&connection));
    channel.told().await.is_degraded("all 3 channels of the connection are in use");
    deep("connection", RabbitMq::connection(&connection)).told().await.is_healthy();
    busy.pop();
    channel.recovers().await;
}

async fn a_blocked_connection_is_told(broker: &RabbitMqBroker, own: &Arc<Connection>, channel: &Channel) {
    let checks = [deep("connection", RabbitMq::connection(own)), deep("channel", RabbitMq::channel(own))];
    broker.short_of_memory(true);
    for deep in &checks {
        // Only whoever publishes is told.
        deep.told().await.is_healthy();
    }
    published(channel, 1).await;
    eventually("it is blocked", async || own.status().blocked()).await;
    for deep in &checks {
        deep.told().await.is_unhealthy(BLOCKED);
    }
    broker.short_of_memory(false);
    for deep in &checks {
        deep.recovers().await;
    }
}

/// Both depths, over the same way.
struct Depths {
    connection: Arc<Deep>,
    channel: Arc<Deep>,
}

impl Depths {
    async fn are(&self, connection: Expected, channel: Expected, what: &str) {
        let told = tokio::join!(self.connection.told(), self.channel.told());
        connection.is(&told.0, what);
        channel.is(&told.1, what);
    }

    async fn recover(&self) {
        tokio::join!(self.connection.recovers(), self.channel.recovers());
    }
}

async fn each_fault_is_told_and_forgotten(broker: &mut RabbitMqBroker) {
    use Expected::{Green, Says, Silent};
    let proxy = FaultProxy::to(broker.address()).await;
    let uri = uri("app", proxy.address());
    // An application makes a new connection itself when the old one is lost.
    let (reconnected, current) = watch::channel(Some(connected(&uri).await));
    let current = Arc::new(current);
    let of_today = || {
        let current = Arc::clone(&current);
        move || current.borrow().clone()
    };
    let depths = Depths {
        connection: hasty("connection", RabbitMq::connection(of_today())),
        channel: hasty("channel", RabbitMq::channel(of_today())),
    };
    let client_knows = async || {
        eventually("the client knows", async || {
            current.borrow().as_ref().is_some_and(|old| old.status().errored())
        })
        .await;
    };
    depths.recover().await;
    let channels = broker.channels();

    for fault in [Fault::BlackHole, Fault::Latency(Duration::from_secs(3)), Fault::Trickle] {
        proxy.set(fault);
        depths.are(Green, Silent, &format!("{fault:?}")).await;
        proxy.set(Fault::None);
        depths.recover().await;
    }
    broker.suspend();
    depths.are(Green, Silent, "suspended").await;
    broker.resume();
    depths.recover().await;
    eventually("those that were cut off have given their channels back", async || {
        broker.channels() == channels
    })
    .await;

    proxy.set(Fault::HalfOpen);
    depths.are(Green, Silent, "half open").await;
    proxy.set(Fault::Reset);
    client_knows().await;
    depths.are(Says(LOST), Says(LOST), "reset").await;
    proxy.set(Fault::None);
    depths.are(Says(LOST), Says(LOST), "mended, and nobody has reconnected").await;
    let none = Says("not connected");
    reconnected.send_replace(None);
    depths.are(none, none, "nobody has reconnected").await;
    reconnected.send_replace(Some(connected(&uri).await));
    depths.recover().await;

    broker.kill();
    client_knows().await;
    depths.are(Says(LOST), Says(LOST), "killed").await;
    broker.restart().await;
    reconnected.send_replace(Some(connected(&uri).await));
    depths.recover().await;
}

/// What the client makes once and keeps for the life of the process is nobody's leak.
fn warmed_up() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let uri = uri("app", listener.local_addr().expect("it is bound"));
        let refused = Connection::connect(&uri, ConnectionProperties::default());
        let (refused, _) = tokio::join!(refused, async { drop(listener.accept().await) });
        assert!(refused.is_err(), "this is no broker");
    });
}
