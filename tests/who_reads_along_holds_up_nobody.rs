//! There are only so many who follow `/health/events`; one that is slow, talks or has gone costs the others nothing, and
//! its place is free again soon.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer};
use health_actix::{Endpoints, endpoints};
use health_core::{Exposure, Failure, Health, Reporter, Spec};
use health_tests::http::{Served, Wire, ask, get, serve};
use health_tests::servers::eventually;
use health_tests::sse::{Event, Events};
use socket2::{Domain, Socket, Type};
use tokio::net::TcpSocket;
use tokio::time::timeout;

/// Less than two heartbeats, after which everybody would have noticed.
const SOON: Duration = Duration::from_secs(14);
const CHECKS: usize = 20;

/// A health in which nothing happens by itself, and what is reported about its checks.
fn reported() -> (Health, Vec<Reporter>) {
    let spec = |number| Spec::named(format!("check-{number}")).max_age("1d");
    let reporters: Vec<_> = (0..CHECKS).map(|number| Reporter::new(spec(number))).collect();
    let builder = reporters.iter().fold(Health::builder(), |builder, reporter| builder.reporter(reporter));
    (builder.build().unwrap().start(), reporters)
}

fn served(health: &Health, adjust: fn(Endpoints) -> Endpoints) -> Served {
    let health = health.clone();
    serve(2, move |config| {
        let endpoints = || endpoints(health.clone()).exposure(Exposure::Checks);
        config.service(adjust(endpoints()));
        config.service(adjust(endpoints()).mount("/other"));
    })
}

/// Whether nobody is there who is counted.
fn nobody_is_left(health: &Health) -> bool {
    health.subscribe_if_fewer_than(1).is_some()
}

async fn soon_nobody_is_left(health: &Health) {
    let since = Instant::now();
    eventually("nobody is left", async || nobody_is_left(health)).await;
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
}

#[tokio::test]
async fn of_one_health_no_more_than_the_limit_in_every_worker_and_mount() {
    let (health, _) = reported();
    let served = served(&health, |endpoints| endpoints.max_event_readers(5));
    let mut readers = Vec::new();
    for path in ["/health/events", "/other/events"].into_iter().cycle().take(5) {
        let reader = Events::asking(served.address, path, "").await;
        assert_eq!(reader.answer.code, 200);
        readers.push(reader);
    }
    for path in ["/health/events", "/other/events"] {
        let answer = get(served.address, path).await;
        let headers: Vec<_> = answer.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let expected = [
            ("cache-control", "no-store"),
            ("content-length", "0"),
            ("retry-after", "5"),
            ("x-content-type-options", "nosniff"),
        ];
        assert_eq!((answer.code, &*headers), (503, &expected[..]), "{path}");
        // HEAD tells what GET would be told, and takes nobody's place.
        let answer = ask(served.address, format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!((answer.code, answer.header("retry-after")), (503, Some("5")));
    }
    // Those that are not counted are let in.
    drop((health.subscribe(), health.subscribe()));
    readers.pop().unwrap().reset();
    for _ in 0..10 {
        let request = "HEAD /health/events HTTP/1.1\r\nHost: x\r\n\r\n";
        eventually("there is a place", async || {
            let mut wire = Wire::to(served.address).await;
            wire.send(request).await;
            wire.head().await.code == 200
        })
        .await;
    }
    readers.push(Events::of(served.address).await);
    assert_eq!(get(served.address, "/health/events").await.code, 503);
    drop(readers);
    soon_nobody_is_left(&health).await;
}

#[tokio::test]
async fn a_reader_that_has_gone_is_forgotten_soon_however_it_went() {
    let (health, _) = reported();
    let served = served(&health, |endpoints| endpoints);
    let leave: [fn(Events); 2] = [Events::close, Events::reset];
    for leave in leave {
        let mut readers = Vec::new();
        for _ in 0..20 {
            readers.push(Events::after_the_report(served.address).await.0);
        }
        assert!(!nobody_is_left(&health));
        readers.into_iter().for_each(leave);
        soon_nobody_is_left(&health).await;
    }
    // One that leaves before it has read a word.
    for _ in 0..20 {
        let mut wire = Wire::to(served.address).await;
        wire.send("GET /health/events HTTP/1.1\r\nHost: x\r\n\r\n").await;
    }
    soon_nobody_is_left(&health).await;
}

#[tokio::test]
async fn one_that_has_only_stopped_sending_goes_on_reading() {
    let (health, reporters) = reported();
    let served = served(&health, |endpoints| endpoints);
    let mut wire = Wire::to(served.address).await;
    wire.send_all("GET /health/events HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(wire.head().await.code, 200);
    let mut read = async |what: &str| {
        loop {
            let part = wire.chunk().await.unwrap_or_else(|| panic!("{what} before the end"));
            if part.contains(what) {
                return;
            }
            assert!(part == ":\n\n" || part.contains("event: transition"), "{part:?}");
        }
    };
    read("event: report").await;
    // Whether it is there was found out, and it is.
    read(":\n\n").await;
    reporters[0].degraded("slow");
    read(r#""check":"check-0""#).await;
}

/// Of an application that has neither `run` nor `goodbye`.
#[tokio::test]
async fn a_server_that_waits_for_its_connections_waits_for_no_reader() {
    let (health, _) = reported();
    let shared = health.clone();
    let app = move || App::new().service(endpoints(shared.clone()).exposure(Exposure::Checks));
    let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    let (mut early, _) = Events::after_the_report(address).await;
    health.drain();
    let (mut late, _) = Events::after_the_report(address).await;
    let since = Instant::now();
    // Who keeps a connection open would be waited for for half a minute.
    handle.stop(true).await;
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert_eq!(early.next_about(("phase", "draining")).await.flip(), ("running", "draining"));
    for reader in [&mut early, &mut late] {
        while reader.next().await.is_some() {}
    }
}

/// The same with a listener whose kernel keeps little for those who do not read.
fn narrowly_served(health: &Health) -> (SocketAddr, ServerHandle) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_send_buffer_size(4096).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(128).unwrap();
    let health = health.clone();
    let app = move || App::new().service(endpoints(health.clone()).exposure(Exposure::Checks));
    let server = HttpServer::new(app).workers(1).disable_signals().listen(socket.into()).unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    (address, handle)
}

/// A reader that has the kernel keep little for it.
async fn narrow(address: SocketAddr) -> Events {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let wire = Wire::over(socket.connect(address).await.unwrap());
    let events = Events::on(wire, "/health/events", "").await;
    assert_eq!(events.answer.code, 200);
    events
}

/// Reads until each check has come to healthy; how many events that took, and how many were told in others.
async fn until_all_is_well(events: &mut Events) -> (usize, u64) {
    let (mut well, mut read, mut missed, mut last) = (vec![false; CHECKS], 0, 0, 0);
    while well.contains(&false) {
        let Event { name, id, data } = events.next().await.expect("more");
        assert!(id > last || read == 0, "{id} after {last}");
        (last, read) = (id, read + 1);
        missed += data["missed"].as_u64().unwrap_or_default();
        let number = data["check"].as_str().and_then(|name| name.strip_prefix("check-"));
        if let Some(number) = number.filter(|_| name == "transition") {
            well[number.parse::<usize>().unwrap()] = data["to"] == "healthy";
        }
    }
    (read, missed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_gets_the_latest_and_no_backlog_and_others_all_of_it() {
    // Some fifty fit into all buffers: these are on their way and stay as they are.
    const TURNS: usize = 50;
    let (health, reporters) = reported();
    let (address, server) = narrowly_served(&health);
    let (mut slow, mut quick) = (narrow(address).await, Events::of(address).await);
    let reads = tokio::spawn(async move { until_all_is_well(&mut quick).await });
    let long = "x".repeat(1_000);
    for turn in 0..TURNS {
        for reporter in &reporters {
            // Never healthy, so that only the end is the end.
            if turn % 2 == 0 {
                reporter.degraded(long.clone())
            } else {
                reporter.unhealthy(Failure::new(long.clone()))
            }
        }
        // The quick one is let read.
        tokio::task::yield_now().await;
        if turn % 10 == 0 {
            assert_eq!(get(address, "/health/live").await.code, 200);
        }
    }
    reporters.iter().for_each(Reporter::healthy);
    let (read, _) = reads.await.unwrap();
    assert!(read >= CHECKS, "{read}");
    let (read, missed) = until_all_is_well(&mut slow).await;
    assert!(read < TURNS * CHECKS / 4, "a backlog of {read}");
    assert!(missed > (TURNS * CHECKS / 2) as u64, "{missed}");
    drop(server.stop(false));
}

#[tokio::test]
async fn one_that_asks_without_end_while_it_is_answered_is_answered_no_more() {
    let (health, _) = reported();
    let served = served(&health, |endpoints| endpoints);
    let (mut events, _) = Events::after_the_report(served.address).await;
    // More than actix-http keeps of what it has not come to yet: that would go round and round.
    let request = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    events.says(&request.repeat(10_000)).await;
    timeout(SOON, async { while events.next().await.is_some() {} }).await.expect("an end");
    assert!(nobody_is_left(&health));
}
