//! Each fault of the way is seen by whoever uses it, on connections that exist and on new ones, and can be mended.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use health_deep_tests::proxy::{Fault, FaultProxy};
use health_tests::servers::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Long enough for a machine with other things to do.
const AT_ONCE: Duration = Duration::from_secs(20);
/// How long silence is listened to.
const A_WHILE: Duration = Duration::from_millis(200);

/// Sends back what it hears, and ends when the other side has.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut heard, mut said) = connection.split();
                tokio::io::copy(&mut heard, &mut said).await
            });
        }
    });
    address
}

async fn connect(way: &FaultProxy) -> TcpStream {
    timeout(AT_ONCE, TcpStream::connect(way.address())).await.expect("in time").expect("it is accepted")
}

async fn hears(connection: &mut TcpStream, length: usize) -> Result<Vec<u8>, ErrorKind> {
    let mut heard = vec![0; length];
    let read = timeout(AT_ONCE, connection.read_exact(&mut heard)).await.expect("in time");
    read.map(|_| heard).map_err(|error| error.kind())
}

async fn is_echoed(connection: &mut TcpStream, said: &[u8]) {
    connection.write_all(said).await.expect("it can be said");
    assert_eq!(hears(connection, said.len()).await.as_deref(), Ok(said));
}

async fn is_silent(connection: &mut TcpStream) {
    let heard = timeout(A_WHILE, connection.read_u8()).await;
    assert!(heard.is_err(), "{heard:?}");
}

async fn is_reset(connection: &mut TcpStream) {
    assert_eq!(hears(connection, 1).await, Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn nothing_is_wrong_with_it() {
    let way = FaultProxy::to(echo().await).await;
    let mut connection = connect(&way).await;
    let long = vec![b'x'; 1_000_000];
    let (mut heard, mut said) = connection.split();
    let (heard, said) = tokio::join!(
        async {
            let mut all = Vec::new();
            timeout(AT_ONCE, heard.read_to_end(&mut all)).await.expect("in time").map(|_| all)
        },
        async {
            said.write_all(&long).await?;
            // What is still on its way back arrives all the same.
            said.shutdown().await
        }
    );
    said.expect("it can be said");
    assert!(heard.expect("it is heard") == long);
    assert_eq!(way.accepted(), 1);
    eventually("the connection is gone", async || way.open() == 0).await;
}

#[tokio::test]
async fn what_is_late_is_late_in_both_directions() {
    const LATER: Duration = Duration::from_millis(150);
    let way = FaultProxy::to(echo().await).await;
    let mut connection = connect(&way).await;
    is_echoed(&mut connection, b"soon").await;
    way.set(Fault::Latency(LATER));
    for mut connection in [connection, connect(&way).await] {
        let asked = Instant::now();
        is_echoed(&mut connection, b"late").await;
        assert!(asked.elapsed() >= 2 * LATER, "{:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn mended_nothing_that_was_late_is_waited_for() {
    let way = FaultProxy::to(echo().await).await;
    let mut connection = connect(&way).await;
    way.set(Fault::Latency(Duration::from_secs(3600)));
    connection.write_all(b"late").await.expect("it can be said");
    is_silent(&mut connection).await;
    way.set(Fault::None);
    assert_eq!(hears(&mut connection, 4).await.as_deref(), Ok(&b"late"[..]));
}

#[tokio::test]
async fn in_a_black_hole_nothing_arrives_until_it_is_mended() {
    let way = FaultProxy::to(echo().await).await;
    let mut before = connect(&way).await;
    is_echoed(&mut before, b"hello").await;
    way.set(Fault::BlackHole);
    let mut within = connect(&way).await;
    for connection in [&mut before, &mut within] {
        connection.write_all(b"lost").await.expect("it can be said");
        is_silent(connection).await;
    }
    way.set(Fault::None);
    for connection in [&mut before, &mut within] {
        assert_eq!(hears(connection, 4).await.as_deref(), Ok(&b"lost"[..]));
        is_echoed(connection, b"again").await;
    }
}

#[tokio::test]
async fn what_is_late_falls_into_a_black_hole() {
    let server = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let way = FaultProxy::to(server.local_addr().expect("it is bound")).await;
    let mut connection = connect(&way).await;
    let (mut at_the_server, _) =
        timeout(AT_ONCE, server.accept()).await.expect("in time").expect("it is passed on");
    way.set(Fault::Latency(Duration::from_secs(3600)));
    connection.write_all(b"late").await.expect("it can be said");
    is_silent(&mut at_the_server).await;
    way.set(Fault::BlackHole);
    is_silent(&mut at_the_server).await;
    way.set(Fault::None);
    assert_eq!(hears(&mut at_the_server, 4).await.as_deref(), Ok(&b"late"[..]));
}

#[tokio::test]
async fn a_client_of_a_half_open_connection_is_told_when_it_is_mended() {
    let server = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let way = FaultProxy::to(server.local_addr().expect("it is bound")).await;
    let mut connection = connect(&way).await;
    let (mut at_the_server, _) =
        timeout(AT_ONCE, server.accept()).await.expect("in time").expect("it is passed on");
    way.set(Fault::HalfOpen);
    assert_eq!(hears(&mut at_the_server, 1).await, Err(ErrorKind::UnexpectedEof));
    connection.write_all(b"hello").await.expect("nobody has told it");
    is_silent(&mut connection).await;
    way.set(Fault::None);
    is_reset(&mut connection).await;
}

#[tokio::test]
async fn a_reset_is_seen_by_both_sides() {
    let server = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let way = FaultProxy::to(server.local_addr().expect("it is bound")).await;
    let mut before = connect(&way).await;
    let (mut at_the_server, _) =
        timeout(AT_ONCE, server.accept()).await.expect("in time").expect("it is passed on");
    way.set(Fault::Reset);
    is_reset(&mut before).await;
    is_reset(&mut at_the_server).await;
    is_reset(&mut connect(&way).await).await;
    way.set(Fault::None);
    let _mended = connect(&way).await;
    timeout(AT_ONCE, server.accept()).await.expect("in time").expect("it is passed on");
    eventually("the others are gone", async || way.open() == 1).await;
}

#[tokio::test]
async fn a_reset_by_the_server_is_passed_on() {
    let server = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let way = FaultProxy::to(server.local_addr().expect("it is bound")).await;
    let mut connection = connect(&way).await;
    let (at_the_server, _) =
        timeout(AT_ONCE, server.accept()).await.expect("in time").expect("it is passed on");
    socket2::SockRef::from(&at_the_server).set_linger(Some(Duration::ZERO)).expect("a socket");
    drop(at_the_server);
    is_reset(&mut connection).await;
}

#[tokio::test]
async fn one_byte_a_second_is_what_a_client_gets() {
    let way = FaultProxy::to(echo().await).await;
    let mut connection = connect(&way).await;
    way.set(Fault::Trickle);
    let asked = Instant::now();
    connection.write_all(b"abc").await.expect("it can be said");
    assert_eq!(hears(&mut connection, 2).await.as_deref(), Ok(&b"ab"[..]));
    let took = asked.elapsed();
    assert!(took >= Duration::from_millis(1_900), "{took:?}");
    way.set(Fault::None);
    assert_eq!(hears(&mut connection, 1).await.as_deref(), Ok(&b"c"[..]));
}

#[tokio::test]
async fn without_the_way_nobody_gets_there() {
    let way = FaultProxy::to(echo().await).await;
    let mut connection = connect(&way).await;
    is_echoed(&mut connection, b"hello").await;
    let address = way.address();
    drop(way);
    assert_eq!(hears(&mut connection, 1).await, Err(ErrorKind::UnexpectedEof));
    eventually("it is refused", async || TcpStream::connect(address).await.is_err()).await;
}
