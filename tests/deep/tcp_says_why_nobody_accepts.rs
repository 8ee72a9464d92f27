//! A TCP connection: what is wrong is told in the same words, in time, and nothing is left behind.

use std::time::Duration;

use health_builtins::Recommended as _;
use health_builtins::tcp::Tcp;
use health_core::{Health, HealthCheck as _, Status};
use health_deep_tests::apart::Apart;
use health_deep_tests::asked::Deep;
use health_deep_tests::proxy::{Fault, FaultProxy};
use health_tests::leaks::{self, Left, Place};
use health_tests::servers::{eventually, free_port};
use tokio::net::TcpListener;

/// Accepts, and waits until the other side has ended.
async fn accepting(listener: TcpListener) {
    while let Ok((mut connection, _)) = listener.accept().await {
        tokio::spawn(async move { tokio::io::copy(&mut connection, &mut tokio::io::sink()).await });
    }
}

fn asking(address: impl ToString) -> Deep {
    let tcp = Tcp::connect(address.to_string());
    Deep::started("tcp", tcp.spec("tcp").timeout("5s"), tcp)
}

#[tokio::test]
async fn each_fault_has_its_words() {
    let mut server = Apart::start(accepting);
    let port = server.address().port();
    let told_of = async |address: String| asking(address).told().await;

    for address in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
        told_of(address).await.is_healthy();
    }
    for (address, expected) in [
        (format!("127.0.0.1:{}", free_port()), "cannot connect: connection refused"),
        // Refused by each of its addresses.
        (format!("localhost:{}", free_port()), "cannot connect: connection refused"),
        // Reserved for this by RFC 6761.
        ("no-such-name.invalid:80".to_owned(), "cannot connect: the name does not resolve"),
        // Multicast, where no connection leads to.
        ("255.255.255.255:80".to_owned(), "cannot connect: no way to the host"),
        ("tcp://hunter2-is-no-password@127.0.0.1:80".to_owned(), "the address is not `host:port`"),
        ("127.0.0.1".to_owned(), "the address is not `host:port`"),
    ] {
        told_of(address).await.is_unhealthy(expected);
    }

    let deep = asking(server.address());
    deep.told().await.is_healthy();
    // What it cannot see, as its page says: the kernel accepts for whoever stands still.
    server.stop();
    deep.told().await.is_healthy();
    server.go_on();
    server.kill().await;
    deep.told().await.is_unhealthy("cannot connect: connection refused");
    server.restart().await;
    deep.recovers().await;
}

/// Nobody accepts, and the queue of those who wait is full: what is sent there disappears.
#[tokio::test]
async fn a_host_that_does_not_answer_is_given_up_in_time() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).expect("a free port");
    socket.listen(0).expect("it listens");
    let address = socket.local_addr().expect("it is bound").as_socket().expect("an address");
    let mut waiting = Vec::new();
    while let Ok(Ok(connection)) =
        tokio::time::timeout(Duration::from_millis(300), tokio::net::TcpStream::connect(address)).await
    {
        waiting.push(connection);
    }
    let tcp = Tcp::connect(address.to_string());
    let deep = Deep::started("tcp", tcp.spec("tcp").timeout("300ms"), tcp);
    let told = deep.told().await;
    told.timed_out();
    // Whoever waits is taken in.
    let listener = std::net::TcpListener::from(socket);
    std::thread::spawn(move || while listener.accept().is_ok() {});
    deep.recovers().await;
}

#[tokio::test]
async fn one_run_is_one_connection_that_is_closed() {
    let server = Apart::start(accepting);
    let way = FaultProxy::to(server.address()).await;
    let deep = asking(way.address());
    // The first answer may be of the run with which the engine starts.
    deep.told().await.is_healthy();
    let before = way.accepted();
    for _ in 0..10 {
        deep.told().await.is_healthy();
    }
    assert_eq!(way.accepted() - before, 10);
    eventually("they are closed", async || way.open() == 0).await;
    // It is over before anything of this could be seen.
    for fault in [Fault::BlackHole, Fault::HalfOpen, Fault::Reset, Fault::Trickle] {
        way.set(fault);
        deep.told().await.is_healthy();
    }
}

#[test]
fn nobody_is_named_and_a_wrong_name_is_found_where_it_is_written() {
    let tcp = Tcp::connect("hunter2.example:25");
    assert_eq!(format!("{tcp:?}"), "Tcp { .. }");
    let problems = Health::builder().check(tcp.spec("Not A Name"), tcp).build().expect_err("a wrong name");
    assert!(problems.to_string().contains(file!()), "{problems}");
}

/// Looked up on a thread of the runtime, the name would hold that up.
#[test]
fn names_are_looked_up_on_no_thread_of_the_runtime() {
    let told = {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (release, released) = std::sync::mpsc::channel::<()>();
        // The application needs all of its pool.
        runtime.spawn_blocking(move || released.recv());
        let told = runtime.block_on(async {
            let address = format!("localhost:{}", free_port());
            tokio::time::timeout(Duration::from_secs(10), Tcp::connect(address).check()).await
        });
        drop(release);
        told
    };
    let told = told.expect("in time").expect_err("nobody listens");
    assert_eq!(told.summary(), Some("cannot connect: connection refused"));
}

#[test]
fn a_thousand_runs_leave_nothing_behind() {
    leaks::alone("a_thousand_runs_leave_nothing_behind", || {
        let left = leaks::after(Place::OneThread, leaks::PATIENCE, async || {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
            let address = listener.local_addr().expect("it is bound");
            let accepting = tokio::spawn(accepting(listener));
            let (up, down) =
                (Tcp::connect(address.to_string()), Tcp::connect(format!("127.0.0.1:{}", free_port())));
            for _ in 0..500 {
                assert_eq!(up.check().await.map(|outcome| outcome.status()).ok(), Some(Status::Healthy));
                assert!(down.check().await.is_err());
            }
            accepting.abort();
        });
        assert_eq!(left, Left::nothing());
    });
}
