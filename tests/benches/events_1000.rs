//! `events_1000`: what 1 000 readers of `/health/events` cost a bare handler on the same worker while nothing changes,
//! and how long it takes until one transition has reached all of them.
//!
//! Run with: `cargo bench -p health-tests --bench events_1000`
//!
//! Two servers of one worker each, of which one has the readers; rounds of the bare handler are interleaved, and counted
//! is the CPU time of the worker. A transition is timed from the call that causes it until the last reader has read it,
//! by a client of one thread; beside it stands one bare answer on each of as many connections, by the same client.

mod measuring;
mod serving;

use std::net::SocketAddr;
use std::time::Instant;

use actix_web::web::{self, ServiceConfig};
use futures::future::join_all;
use health_actix::endpoints;
use health_core::{Exposure, Health, Reporter, Spec};
use health_tests::http::{Wire, serve};
use measuring::{Measured, ms, verdict};
use serving::{Subject, compare};
use tokio::runtime::Builder;

const READERS: usize = 1_000;
const CHECKS: usize = 20;
const ROUNDS: usize = 11;
const TRANSITIONS: usize = 21;
/// By how much more CPU a bare answer may cost while nothing changes.
const IDLE: f64 = 1.2;
/// How many times as long as as many bare answers a transition may take to reach everybody.
const REACH: f64 = 2.0;

const BARE: &str = "GET /bare HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn health() -> (Health, Reporter) {
    let consumer = Reporter::new(Spec::named("consumer").max_age("1d"));
    let builder = (0..CHECKS).fold(Health::builder().reporter(&consumer), |builder, number| {
        builder.check_fn(Spec::named(format!("check-{number}")), || async {})
    });
    let health = builder.build().expect("valid").start();
    consumer.healthy();
    (health, consumer)
}

fn serves(config: &mut ServiceConfig, health: &Health) {
    config.route("/bare", web::get().to(|| async { "ok" }));
    config.service(endpoints(health.clone()).exposure(Exposure::Checks).max_event_readers(READERS));
}

/// The connection of a reader that has read what comes first.
async fn reader(address: SocketAddr) -> Wire {
    let mut wire = Wire::to(address).await;
    wire.send("GET /health/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(wire.head().await.code, 200);
    reads(&mut wire, "event: report").await;
    wire
}

async fn reads(wire: &mut Wire, what: &str) {
    while !wire.chunk().await.expect("no end").contains(what) {}
}

async fn readers(address: SocketAddr) -> Vec<Wire> {
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(reader(address).await);
    }
    readers
}

fn idle(health: &Health) -> f64 {
    let subject = || {
        let health = health.clone();
        Subject::new("GET /bare HTTP/1.1", move |config| serves(config, &health))
    };
    let (mut without, mut with) = (subject(), subject());
    let address = with.connections[0].peer_addr().expect("it is connected");
    // Readers on a thread that has nothing else to do, which is none while nothing changes.
    let client = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let kept = client.block_on(readers(address));
    let compared = compare(ROUNDS, &mut without, &mut [&mut with]);
    drop(kept);
    let ((reference, _), (others, _)) = (&compared.reference, &compared.others[0]);
    let ratio = compared.ratio(0);
    println!("a bare answer, us of CPU of the worker: {:.2} ({})", reference.median(), reference.spread());
    println!("with {READERS} readers:                  {:.2} ({})", others.median(), others.spread());
    println!("ratio {ratio:.3} (at most {IDLE}): {}", verdict(ratio <= IDLE));
    ratio
}

async fn reach(health: &Health, consumer: &Reporter) -> f64 {
    let kept = health.clone();
    let served = serve(1, move |config| serves(config, &kept));
    let mut followers = readers(served.address).await;
    let mut others = Vec::new();
    for _ in 0..READERS {
        others.push(Wire::to(served.address).await);
    }
    let (mut reached, mut answered) = (Vec::new(), Vec::new());
    for turn in 0..=TRANSITIONS {
        let since = Instant::now();
        if turn % 2 == 0 {
            consumer.degraded("slow")
        } else {
            consumer.healthy()
        }
        join_all(followers.iter_mut().map(|wire| reads(wire, r#""check":"consumer""#))).await;
        reached.push(ms(since.elapsed()));
        // That of ready is on its way too.
        join_all(followers.iter_mut().map(|wire| reads(wire, r#""probe":"ready""#))).await;

        let since = Instant::now();
        join_all(others.iter_mut().map(async |wire| {
            wire.send(BARE).await;
            assert_eq!(wire.answer().await.code, 200);
        }))
        .await;
        answered.push(ms(since.elapsed()));
    }
    // The first of each warms up.
    let (reached, answered) = (Measured::of(reached.split_off(1)), Measured::of(answered.split_off(1)));
    let ratio = reached.median() / answered.median();
    println!("a transition to {READERS} readers, ms:   {:.1} ({})", reached.median(), reached.spread());
    println!("{READERS} bare answers, ms:              {:.1} ({})", answered.median(), answered.spread());
    println!("ratio {ratio:.2} (at most {REACH}): {}", verdict(ratio <= REACH));
    ratio
}

fn main() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let _entered = runtime.enter();
    let (health, consumer) = health();
    let idle = idle(&health);
    let reach = runtime.block_on(reach(&health, &consumer));
    assert!(idle <= IDLE && reach <= REACH, "missed");
}
