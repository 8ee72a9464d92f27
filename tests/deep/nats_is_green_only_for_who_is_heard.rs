//! A green NATS check means that the server was heard a moment ago, whatever the client keeps for later.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use health_builtins::Recommended;
use health_builtins::nats::Nats;
use health_core::Ended;
use health_core::Status::{Healthy, Unhealthy};
use health_deep_tests::asked::{Deep, Told};
use health_deep_tests::nats::{Counted, NatsServer, connected, options};
use health_deep_tests::proxy::{Fault, FaultProxy};
use health_tests::leaks::{Left, PATIENCE, Place, after, alone};
use health_tests::servers::{eventually, free_port};

const TIMEOUT: &str = "700ms";
const RECONNECTING: &str = "not connected: the client is reconnecting";
const NOT_YET: &str = "not connected yet";

fn deep(name: &'static str, check: impl Recommended + 'static) -> Arc<Deep> {
    Arc::new(Deep::started(name, check.spec(name).timeout(TIMEOUT), check))
}

/// Every depth, each with the same client.
struct Depths {
    client: async_nats::Client,
    connected: Arc<Deep>,
    asking: Vec<Arc<Deep>>,
}

impl Depths {
    fn of(client: async_nats::Client) -> Self {
        let context = jetstream::new(client.clone());
        Self {
            connected: deep("connected", Nats::connected(&client)),
            asking: vec![
                deep("round-trip", Nats::round_trip(&client)),
                deep("request", Nats::round_trip(&client).asking("orders.health")),
                deep("jetstream", Nats::jet_stream(&context)),
                deep("stream", Nats::stream(&context, "ORDERS")),
                deep("consumer", Nats::consumer(&context, "ORDERS", "worker")),
            ],
            client,
        }
    }

    async fn all_are(&self, connected: Expected, asking: Expected, what: &str) {
        let spawned = |deep: &Arc<Deep>| {
            let deep = Arc::clone(deep);
            tokio::spawn(async move { deep.told().await })
        };
        let asked: Vec<_> = self.asking.iter().map(spawned).collect();
        connected.is(&self.connected.told().await, what);
        for told in asked {
            asking.is(&told.await.expect("it is told"), what);
        }
    }

    async fn recover(&self) {
        self.connected.recovers().await;
        for deep in &self.asking {
            deep.recovers().await;
        }
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

/// The stream and the consumer that all tests ask about.
async fn provisioned(server: &NatsServer) -> jetstream::Context {
    let context = jetstream::new(connected("app", server.address()).await);
    let config = Config {
        name: "ORDERS".to_owned(),
        subjects: vec!["shop.>".to_owned()],
        max_messages: 10,
        discard: DiscardPolicy::New,
        ..Config::default()
    };
    let stream = context.create_stream(config).await.expect("a stream");
    let consumer = jetstream::consumer::pull::Config {
        durable_name: Some("worker".to_owned()),
        ..jetstream::consumer::pull::Config::default()
    };
    stream.create_consumer(consumer).await.expect("a consumer");
    context
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_is_told_by_each_depth_and_forgotten_when_it_is_mended() {
    use Expected::{Green, Says, Silent};
    let Some(mut server) = NatsServer::start().await else { return };
    provisioned(&server).await;
    let proxy = FaultProxy::to(server.address()).await;
    let depths = Depths::of(connected("app", proxy.address()).await);
    depths.all_are(Green, Green, "nothing is wrong").await;
    let before = settled(&server).await;

    for fault in [Fault::BlackHole, Fault::HalfOpen, Fault::Latency(Duration::from_secs(3)), Fault::Trickle] {
        proxy.set(fault);
        depths.all_are(Green, Silent, &format!("{fault:?}")).await;
        proxy.set(Fault::None);
        depths.recover().await;
    }

    // Those that were cut off have left no subscription, on connections old and new.
    let after = settled(&server).await;
    assert_eq!((after.subscriptions, after.connections), (before.subscriptions, before.connections));

    proxy.set(Fault::Reset);
    heard_of_it(&depths).await;
    depths.all_are(Says(RECONNECTING), Says(RECONNECTING), "reset").await;
    proxy.set(Fault::None);
    depths.recover().await;

    server.suspend();
    depths.all_are(Green, Silent, "suspended").await;
    server.resume();
    depths.recover().await;

    server.kill();
    heard_of_it(&depths).await;
    depths.all_are(Says(RECONNECTING), Says(RECONNECTING), "killed").await;
    // What the client takes and keeps for later is no answer.
    depths.client.publish("orders.1", "kept".into()).await.expect("a publish during an outage succeeds");
    depths.all_are(Says(RECONNECTING), Says(RECONNECTING), "killed, with a message that waits").await;
    server.restart().await;
    depths.recover().await;
}

#[tokio::test]
async fn what_is_printed_of_a_check_does_not_name_the_server() {
    let Some(server) = NatsServer::start().await else { return };
    let client = connected("app", server.address()).await;
    assert!(format!("{client:?}").contains("server_id"), "the client itself does");
    let context = jetstream::new(client.clone());
    let printed = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        Nats::connected(&client),
        Nats::round_trip(&client),
        Nats::jet_stream(&context),
        Nats::stream(&context, "ORDERS"),
        Nats::consumer(&context, "ORDERS", "worker"),
    );
    assert!(!printed.contains("server_id") && !printed.contains("127.0.0.1"), "{printed}");
}

/// Until the client has noticed, which is not the business of a check.
async fn heard_of_it(depths: &Depths) {
    eventually("the client knows", async || {
        depths.client.connection_state() == async_nats::connection::State::Disconnected
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_lost_while_it_is_asked_is_told_at_once() {
    let Some(server) = NatsServer::start().await else { return };
    let proxy = FaultProxy::to(server.address()).await;
    let client = connected("app", proxy.address()).await;
    let check = Nats::round_trip(&client);
    let patient = Arc::new(Deep::started("patient", check.spec("patient").timeout("30s"), check));
    let sent = || client.statistics().out_messages.load(Ordering::Relaxed);
    for then in [Fault::Reset, Fault::HalfOpen] {
        proxy.set(Fault::BlackHole);
        let before = sent();
        let asked = tokio::spawn({
            let patient = Arc::clone(&patient);
            async move { patient.told().await }
        });
        // The question is under way once the client has written it.
        eventually("it has asked", async || sent() > before).await;
        proxy.set(then);
        // The second is mended at once: there is a new connection, on which nobody answers.
        if then == Fault::HalfOpen {
            eventually("the old one is gone", async || server.counted().await.connections == 0).await;
            proxy.set(Fault::None);
        }
        let told = asked.await.expect("it is told");
        let lost = if then == Fault::Reset { RECONNECTING } else { "the connection was closed" };
        told.is_unhealthy(lost);
        assert!(told.took < Duration::from_secs(15), "{told:?}");
        proxy.set(Fault::None);
        patient.recovers().await;
    }
}

#[tokio::test]
async fn a_client_that_never_got_in_is_not_connected() {
    let Some(server) = NatsServer::start().await else { return };
    let nobody = format!("127.0.0.1:{}", free_port());
    let refused = options("app").retry_on_initial_connect().connect(nobody).await.expect("it keeps trying");
    let stranger = async_nats::ConnectOptions::with_user_and_password("app".to_owned(), "another".to_owned());
    let stranger = stranger.retry_on_initial_connect().connect(server.address().to_string()).await;
    for client in [refused, stranger.expect("it keeps trying")] {
        Depths::of(client).all_are(Expected::Says(NOT_YET), Expected::Says(NOT_YET), "never connected").await;
    }
}

#[tokio::test]
async fn a_client_that_was_drained_is_not_connected() {
    let Some(server) = NatsServer::start().await else { return };
    let client = connected("app", server.address()).await;
    let (shallow, deep) =
        (deep("shallow", Nats::connected(&client)), deep("deep", Nats::round_trip(&client)));
    client.drain().await.expect("it is told to");
    eventually("it is drained", async || client.flush().await.is_err()).await;
    for told in [shallow.told().await, deep.told().await] {
        told.is_unhealthy("the connection was closed");
    }
}

#[tokio::test]
async fn who_may_not_publish_to_inboxes_asks_another_subject() {
    let Some(server) = NatsServer::start().await else { return };
    let narrow = connected("narrow", server.address()).await;
    // The server says why, but only to the callback of the application.
    deep("itself", Nats::round_trip(&narrow)).told().await.timed_out();
    deep("another", Nats::round_trip(&narrow).asking("orders.health")).told().await.is_healthy();
    deep("denied", Nats::round_trip(&narrow).asking("stock.health")).told().await.timed_out();
}

#[tokio::test]
async fn jet_stream_says_what_is_missing_and_what_fills_up() {
    let Some(server) = NatsServer::start().await else { return };
    let context = provisioned(&server).await;
    let plain = jetstream::new(connected("plain", server.address()).await);
    deep("plain", Nats::jet_stream(&plain)).told().await.is_unhealthy("JetStream is not enabled");
    deep("plain", Nats::stream(&plain, "ORDERS")).told().await.is_unhealthy("JetStream is not enabled");
    let missing = deep("missing", Nats::stream(&context, "STOCK")).told().await;
    missing.is_unhealthy("the stream does not exist");
    let missing = deep("missing", Nats::consumer(&context, "ORDERS", "nobody")).told().await;
    missing.is_unhealthy("the consumer does not exist");
    let odd = deep("odd", Nats::stream(&context, "ORDERS.*")).told().await;
    odd.is_unhealthy("this is no name of a stream or a consumer");

    let stream = deep("stream", Nats::stream(&context, "ORDERS"));
    let half = deep("half", Nats::stream(&context, "ORDERS").degraded_above(0.5));
    let consumer = deep("consumer", Nats::consumer(&context, "ORDERS", "worker").degraded_above(9));
    let publish = async |count| {
        for _ in 0..count {
            context.publish("shop.order", "".into()).await.expect("sent").await.expect("stored");
        }
    };
    publish(9).await;
    stream.told().await.is_healthy();
    half.told().await.is_degraded("it holds 9 of at most 10 messages, more than 50 %");
    let told = consumer.told().await;
    told.is_healthy();
    assert_eq!(told.data, serde_json::json!({"waiting": 9, "unacknowledged": 0, "redelivered": 0}));
    publish(1).await;
    stream.told().await.is_degraded("it holds 10 of at most 10 messages, more than 90 %");
    consumer.told().await.is_degraded("10 messages wait for it, more than 9");
}

#[test]
fn a_thousand_runs_leave_nothing_and_cost_what_is_written() {
    alone("a_thousand_runs_leave_nothing_and_cost_what_is_written", || {
        let left = after(Place::SeveralThreads, PATIENCE, async || {
            let Some(server) = NatsServer::start().await else { return };
            let own = provisioned(&server).await;
            let depths = Depths::of(connected("app", server.address()).await);
            // The first request makes the subscription on which all answers arrive.
            depths.all_are(Expected::Green, Expected::Green, "nothing is wrong").await;
            let before = settled(&server).await;
            let all: Vec<_> = depths.asking.iter().chain([&depths.connected]).cloned().collect();
            for deep in &all {
                let runs = 20;
                let before = settled(&server).await;
                asked(Arc::clone(deep), runs).await;
                let after = settled(&server).await;
                let asks = if Arc::ptr_eq(deep, &depths.connected) { 0 } else { runs };
                assert_eq!(after.messages_in - before.messages_in, asks, "messages to the server");
                // It does not count its own answer where nobody listens.
                let answers = if Arc::ptr_eq(deep, &depths.asking[1]) { 0 } else { asks };
                assert_eq!(after.messages_out - before.messages_out, answers, "messages from the server");
            }
            let runs: Vec<_> = all.into_iter().map(|deep| tokio::spawn(asked(deep, 1_000))).collect();
            for run in runs {
                run.await.expect("each is healthy");
            }
            let after = settled(&server).await;
            assert_eq!((after.subscriptions, after.connections), (before.subscriptions, before.connections));
            drop(own);
        });
        assert_eq!(left, Left::nothing());
    });
}

async fn asked(deep: Arc<Deep>, times: u64) {
    for _ in 0..times {
        deep.told().await.is_healthy();
    }
}

/// What is counted once nothing is under way any more.
async fn settled(server: &NatsServer) -> Counted {
    let mut last = server.counted().await;
    eventually("nothing is under way", async || {
        tokio::time::sleep(Duration::from_millis(30)).await;
        let now = server.counted().await;
        std::mem::replace(&mut last, now) == now
    })
    .await;
    last
}
