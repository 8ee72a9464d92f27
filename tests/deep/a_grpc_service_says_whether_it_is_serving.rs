//! A gRPC service: what it says of itself and what keeps it from saying it is told in words, and the channel recovers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use health_builtins::Recommended as _;
use health_builtins::grpc::Grpc;
use health_core::{Health, HealthCheck as _, Status};
use health_deep_tests::apart::Apart;
use health_deep_tests::asked::Deep;
use health_deep_tests::proxy::{Fault, FaultProxy};
use health_tests::leaks::{self, Left, Place};
use health_tests::servers::{eventually, free_port};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// A server, and what it has been asked.
#[derive(Clone, Default)]
struct Seen {
    calls: Arc<AtomicUsize>,
    ends: Arc<Notify>,
}

async fn serve(listener: TcpListener, seen: Seen) {
    let reporter = HealthReporter::new();
    reporter.set_service_status("up", ServingStatus::Serving).await;
    reporter.set_service_status("down", ServingStatus::NotServing).await;
    reporter.set_service_status("unsure", ServingStatus::Unknown).await;
    let (calls, ends) = (seen.calls, seen.ends);
    let counted = move |request| {
        calls.fetch_add(1, Ordering::SeqCst);
        Ok(request)
    };
    let service = HealthServer::with_interceptor(HealthService::from_health_reporter(reporter), counted);
    serving(listener, Routes::new(service), async move { ends.notified().await }).await;
}

async fn serving(listener: TcpListener, routes: Routes, until: impl Future<Output = ()>) {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    // Whoever kills it asks for no reason.
    let _ = Server::builder().add_routes(routes).serve_with_incoming_shutdown(incoming, until).await;
}

fn server() -> (Apart, Seen) {
    let seen = Seen::default();
    let seeing = seen.clone();
    (Apart::start(move |listener| serve(listener, seeing.clone())), seen)
}

/// Refuses all calls with this status.
fn refusing(status: fn() -> tonic::Status) -> Apart {
    Apart::start(move |listener| async move {
        let service = HealthService::from_health_reporter(HealthReporter::new());
        let service = HealthServer::with_interceptor(service, move |_| Err(status()));
        serving(listener, Routes::new(service), std::future::pending()).await;
    })
}

/// Says this, and waits for more. Without anything to say it hangs up.
fn saying(text: &'static [u8]) -> Apart {
    Apart::start(async move |listener: TcpListener| {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut hello = [0; 1024];
            let _ = connection.read(&mut hello).await;
            let _ = connection.write_all(text).await;
            while !text.is_empty() && connection.read(&mut hello).await.is_ok_and(|length| length > 0) {}
        }
    })
}

fn channel(port: u16) -> Channel {
    Endpoint::from_shared(format!("http://127.0.0.1:{port}")).expect("an address").connect_lazy()
}

fn deep(grpc: Grpc, timeout: &'static str) -> Deep {
    Deep::started("grpc", grpc.spec("grpc").timeout(timeout), grpc)
}

#[tokio::test]
async fn what_it_says_is_told() {
    let (server, _) = server();
    let channel = channel(server.address().port());
    deep(Grpc::serving(&channel), "5s").told().await.is_healthy();
    deep(Grpc::serving(&channel).service("up"), "5s").told().await.is_healthy();
    for (service, expected) in [
        ("down", "the service says that it is not serving"),
        ("unsure", "the service does not say whether it is serving"),
        ("nobody", "the server does not know this service"),
    ] {
        deep(Grpc::serving(&channel).service(service), "5s").told().await.is_unhealthy(expected);
    }
    let other = Apart::start(async |listener: TcpListener| {
        serving(listener, Routes::default(), std::future::pending()).await;
    });
    for (server, expected) in [
        (other, "the server does not offer the health service"),
        (refusing(|| tonic::Status::unauthenticated("who are you?")), "the credentials were refused"),
        (refusing(|| tonic::Status::permission_denied("")), "the account is not permitted to do this"),
        (refusing(|| tonic::Status::resource_exhausted("")), "the server takes no more calls"),
        (refusing(|| tonic::Status::unavailable("")), "the server is not available"),
        (refusing(|| tonic::Status::internal("")), "the call failed"),
    ] {
        let channel = self::channel(server.address().port());
        deep(Grpc::serving(&channel), "5s").told().await.is_unhealthy(expected);
    }
}

#[tokio::test]
async fn each_fault_has_its_words_and_the_channel_recovers() {
    let (mut server, _) = server();
    let way = FaultProxy::to(server.address()).await;
    let deep = deep(Grpc::serving(&channel(way.port())), "500ms");
    deep.recovers().await;
    for fault in [
        Fault::BlackHole,
        Fault::HalfOpen,
        Fault::Latency(Duration::from_secs(5)),
        Fault::Trickle,
        Fault::Reset,
    ] {
        way.set(fault);
        let told = deep.told().await;
        match fault {
            // How it ended is what the client does not tell.
            Fault::Reset => told.is_unhealthy("the connection was closed"),
            _ => told.timed_out(),
        }
        way.set(Fault::None);
        deep.recovers().await;
        assert_eq!(way.open(), 1, "after {fault:?}");
    }

    let direct = self::deep(Grpc::serving(&channel(server.address().port())), "500ms");
    direct.recovers().await;
    server.stop();
    direct.told().await.timed_out();
    server.go_on();
    direct.recovers().await;
    server.kill().await;
    eventually("it is refused", async || {
        let told = direct.told().await;
        assert_eq!(told.status, Ok(Status::Unhealthy), "{told:?}");
        told.summary.as_deref() == Some("cannot connect: connection refused")
    })
    .await;
    server.restart().await;
    direct.recovers().await;
    // Nobody asks while it is away for a moment, so nothing is seen of it.
    server.kill().await;
    server.restart().await;
    direct.told().await.is_healthy();

    let impatient = Endpoint::from_shared(format!("http://{}", way.address())).expect("an address");
    let impatient = impatient.timeout(Duration::from_millis(100)).connect_lazy();
    let impatient = self::deep(Grpc::serving(&impatient), "5s");
    impatient.recovers().await;
    way.set(Fault::BlackHole);
    impatient.told().await.is_unhealthy("no answer in the time that the call may take");

    let http = saying(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let closing = saying(b"");
    for (port, expected) in [
        (free_port(), "cannot connect: connection refused"),
        (http.address().port(), "the connection to the server failed"),
        (closing.address().port(), "the connection was closed"),
    ] {
        self::deep(Grpc::serving(&channel(port)), "5s").told().await.is_unhealthy(expected);
    }
}

/// As servers do now and then with connections that have grown old, so that balancers can move them.
#[tokio::test]
async fn a_connection_that_the_server_takes_back_is_no_fault() {
    let seen = Seen::default();
    let seeing = seen.clone();
    let server = Apart::start(move |listener| {
        let seen = seeing.clone();
        async move {
            let listener = listener.into_std().expect("a socket");
            loop {
                // It goes on to listen: this is another descriptor of the same socket.
                let again = listener.try_clone().expect("a socket");
                serve(TcpListener::from_std(again).expect("a socket"), seen.clone()).await;
            }
        }
    });
    let way = FaultProxy::to(server.address()).await;
    let deep = deep(Grpc::serving(&channel(way.port())), "5s");
    for age in 1..=5 {
        deep.told().await.is_healthy();
        assert_eq!(way.accepted(), age);
        // GOAWAY, and the end of the connection.
        seen.ends.notify_one();
        eventually("it is taken back", async || way.open() == 0).await;
    }
}

/// More than the channel keeps in its queue, and more than a connection has streams for.
#[tokio::test]
async fn calls_that_were_given_up_hold_no_place() {
    const GIVEN_UP: usize = 1_100;
    let (server, _) = server();
    let way = FaultProxy::to(server.address()).await;
    let (connected, lazy) = (Grpc::serving(&channel(way.port())), Grpc::serving(&channel(way.port())));
    assert_eq!(connected.check().await.expect("it serves").status(), Status::Healthy);
    way.set(Fault::BlackHole);
    for _ in 0..GIVEN_UP {
        let calls = async { tokio::join!(connected.check(), lazy.check()) };
        assert!(tokio::time::timeout(Duration::from_millis(1), calls).await.is_err());
    }
    way.set(Fault::None);
    for grpc in [connected, lazy] {
        // Not always at once: a server to which they all come late, in one piece, may end the connection for it.
        deep(grpc, "5s").recovers().await;
    }
    assert!(way.accepted() <= 4, "{}", way.accepted());
    eventually("there is one for each channel", async || way.open() <= 2).await;
}

#[tokio::test]
async fn one_run_is_one_call_over_one_connection() {
    const RUNS: usize = 50;
    let (server, seen) = server();
    let way = FaultProxy::to(server.address()).await;
    let deep = deep(Grpc::serving(&channel(way.port())), "5s");
    deep.told().await.is_healthy();
    let before = seen.calls.load(Ordering::SeqCst);
    for _ in 0..RUNS {
        deep.told().await.is_healthy();
    }
    assert_eq!(seen.calls.load(Ordering::SeqCst) - before, RUNS);
    assert_eq!(way.accepted(), 1);
}

#[tokio::test]
async fn nobody_is_named_and_a_wrong_name_is_found_where_it_is_written() {
    let channel = Endpoint::from_static("http://hunter2.example:1").connect_lazy();
    let grpc = Grpc::serving(&channel).service("hunter2");
    assert_eq!(format!("{grpc:?}"), "Grpc { .. }");
    let problems = Health::builder().check(grpc.spec("Not A Name"), grpc).build().expect_err("a wrong name");
    assert!(problems.to_string().contains(file!()), "{problems}");
}

#[test]
fn a_thousand_runs_leave_nothing_behind() {
    leaks::alone("a_thousand_runs_leave_nothing_behind", || {
        let left = leaks::after(Place::OneThread, leaks::PATIENCE, async || {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
            let address = listener.local_addr().expect("it is bound");
            let silent = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
            let seen = Seen::default();
            let serving = tokio::spawn(serve(listener, seen.clone()));
            let up = Grpc::serving(&channel(address.port()));
            let silent = Grpc::serving(&channel(silent.local_addr().expect("it is bound").port()));
            let gone = Grpc::serving(&channel(free_port()));
            for run in 0..1000 {
                match run % 4 {
                    0 => drop(tokio::time::timeout(Duration::from_millis(1), silent.check()).await),
                    1 => assert!(gone.check().await.is_err()),
                    _ => assert_eq!(up.check().await.expect("it serves").status(), Status::Healthy),
                }
            }
            drop((up, silent, gone));
            seen.ends.notify_one();
            serving.await.expect("it ends");
        });
        assert_eq!(left, Left::nothing());
    });
}
