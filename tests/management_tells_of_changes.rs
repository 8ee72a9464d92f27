//! On a management listener an event stream has no clock while it is read, and the clock of every answer once it is not;
//! nothing waits for its end.

#![cfg(unix)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use health_actix::{Management, Server, server};
use health_core::{Failure, Health, Reporter, Spec};
use health_tests::http::{Wire, get};
use health_tests::servers::{Scratch, eventually};
use health_tests::sse::Events;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::time::sleep;

/// The limit of a client: for one that does not mean to break it, on a busy machine, still long.
const BRIEF: Duration = Duration::from_secs(1);

fn started(limit: impl FnOnce(Server) -> Server) -> (Management, SocketAddr, Health, Reporter) {
    let consumer = Reporter::new(Spec::named("consumer").max_age("1d"));
    let health = Health::builder().reporter(&consumer).build().unwrap().start();
    consumer.healthy();
    let management = limit(server(health.clone()).bind(("127.0.0.1", 0)).unwrap()).start().unwrap();
    let address = management.addresses()[0];
    (management, address, health, consumer)
}

fn nobody_is_left(health: &Health) -> bool {
    health.subscribe_if_fewer_than(1).is_some()
}

#[tokio::test]
async fn a_stream_outlasts_every_clock_and_is_not_disturbed_by_them() {
    let (_management, address, _health, consumer) =
        started(|server| server.request_timeout(BRIEF).answer_timeout(BRIEF));
    let (mut events, _) = Events::after_the_report(address).await;
    sleep(BRIEF * 4).await;
    consumer.degraded("slow");
    assert_eq!(events.next_about(("check", "consumer")).await.flip(), ("healthy", "degraded"));
    assert!(events.comments <= 1, "one at the beginning, and then nothing but news: {}", events.comments);
}

#[tokio::test]
async fn one_that_has_gone_leaves_its_place_to_others() {
    let (_management, address, health, _consumer) = started(|server| server.max_connections(2));
    for leave in [Events::close, Events::reset] as [fn(Events); 2] {
        leave(Events::after_the_report(address).await.0);
        let since = Instant::now();
        eventually("it is gone", async || nobody_is_left(&health)).await;
        assert!(since.elapsed() < Duration::from_secs(14), "{:?}", since.elapsed());
    }
    let (_one, _two) = (Events::of(address).await, Wire::to(address).await);
    // Both places are taken: the next one waits, and is answered when one of them is free.
    drop(_two);
    assert_eq!(get(address, "/health/live").await.code, 200);
}

#[tokio::test]
async fn half_of_the_connections_are_left_to_those_who_ask() {
    let (_management, address, _health, _consumer) = started(|server| server.max_connections(5));
    let _readers = [Events::of(address).await, Events::of(address).await];
    let _idle = Wire::to(address).await;
    for _ in 0..5 {
        assert_eq!(get(address, "/health/events").await.code, 503);
        assert_eq!(get(address, "/health/live").await.code, 200);
    }
    // Whoever says how many there may be is believed.
    let (_management, address, _health, _consumer) =
        started(|server| server.max_connections(4).endpoints(|endpoints| endpoints.max_event_readers(3)));
    let _readers = [Events::of(address).await, Events::of(address).await, Events::of(address).await];
    assert_eq!(get(address, "/health/events").await.code, 503);
}

/// On a Unix socket, because of one the kernel keeps no megabytes.
#[tokio::test]
async fn one_that_does_not_read_is_cut_off_when_an_answer_would_be() {
    let folder = Scratch::new("health-events");
    let path = folder.path().join("s");
    let (_management, address, health, consumer) =
        started(|server| server.answer_timeout(BRIEF).bind_uds(&path).unwrap());
    let (mut quick, _) = Events::after_the_report(address).await;
    let mut slow = UnixStream::connect(&path).await.unwrap();
    slow.write_all(b"GET /health/events HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    eventually("both are let in", async || health.subscribe_if_fewer_than(2).is_none()).await;
    let reads = tokio::spawn(async move { while quick.next().await.is_some() {} });
    let long = "x".repeat(1_000);
    eventually("it is cut off", async || {
        for _ in 0..50 {
            consumer.degraded(long.clone());
            tokio::task::yield_now().await;
            consumer.unhealthy(Failure::new(long.clone()));
            tokio::task::yield_now().await;
        }
        health.subscribe_if_fewer_than(2).is_some()
    })
    .await;
    assert!(!nobody_is_left(&health), "the one that reads goes on");
    reads.abort();
}

#[tokio::test]
async fn a_stop_waits_for_no_reader() {
    let (management, address, health, _consumer) = started(|server| server);
    let (mut events, _) = Events::after_the_report(address).await;
    let since = Instant::now();
    management.stop().await;
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    assert!(nobody_is_left(&health));
    assert!(events.whatever_comes().await.len() < 100, "an end of whatever kind");
}
