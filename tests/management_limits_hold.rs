//! What a client of the management listener may take is bounded, on every request of a connection, and its place is free
//! for the next one when it is cut off.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use health_actix::{Management, Server, server};
use health_core::{Exposure, Health, Outcome, Probe, Spec, Status};
use health_tests::http::{Wire, get};
use health_tests::servers::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

const LIVE: &str = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// The limit of a client, in tests that wait for its end: for one that does not mean to, on a busy machine, still long.
const BRIEF: Duration = Duration::from_secs(1);
/// Between two bytes of a slow client.
const DRIP: Duration = Duration::from_millis(20);

fn health() -> Health {
    // Enough to say that a client who does not read is noticed soon.
    let well = || async { Outcome::healthy().with_summary("x".repeat(1000)) };
    let names: Vec<String> = (0..20).map(|number| format!("check-{number}")).collect();
    let builder =
        names.into_iter().fold(Health::builder(), |builder, name| builder.check_fn(Spec::named(name), well));
    builder.build().unwrap().start()
}

async fn started(limit: impl FnOnce(Server) -> Server) -> (Management, SocketAddr) {
    let health = health();
    // What the engine has to do first would take the time of the clients, which are in the same thread.
    eventually("every check has run", async || health.status(Probe::Ready) == Status::Healthy).await;
    let management = limit(server(health).bind(("127.0.0.1", 0)).unwrap()).start().unwrap();
    let address = management.addresses()[0];
    (management, address)
}

/// Everything that comes until the other side closes, however it does.
async fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    drop(timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("closed in time"));
    String::from_utf8(rest).unwrap()
}

/// Sends a head that never ends, byte by byte, until that is not wanted any more; what came back.
async fn drips(mut stream: TcpStream, head: &'static str) -> String {
    let (mut reads, mut writes) = stream.split();
    let mut answer = Vec::new();
    let dripping = async {
        for byte in head.bytes().chain(std::iter::repeat(b'x')) {
            if writes.write_all(&[byte]).await.is_err() {
                break;
            }
            sleep(DRIP).await;
        }
    };
    let reading = reads.read_to_end(&mut answer);
    drop(
        timeout(PATIENCE, futures::future::select(Box::pin(dripping), Box::pin(reading)))
            .await
            .expect("cut off"),
    );
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn clients_who_say_nothing_lose_their_place() {
    let (_management, address) = started(|server| server.max_connections(4).request_timeout(BRIEF)).await;
    let mut attackers = Vec::new();
    for _ in 0..4 {
        attackers.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(get(address, "/health/live").await.code, 200, "waited for a place, and got it");
    for mut attacker in attackers {
        assert_eq!(rest(&mut attacker).await, "", "nothing was asked, nothing is said");
    }
}

#[tokio::test]
async fn clients_who_send_byte_by_byte_lose_their_place() {
    let (_management, address) = started(|server| server.max_connections(4).request_timeout(BRIEF)).await;
    let mut attackers = Vec::new();
    for _ in 0..4 {
        let stream = TcpStream::connect(address).await.unwrap();
        attackers.push(tokio::spawn(drips(stream, "GET /health HTTP/1.1\r\nX: ")));
    }
    assert_eq!(get(address, "/health/live").await.code, 200);
    for attacker in attackers {
        let answer = attacker.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
}

#[tokio::test]
async fn the_second_request_of_a_connection_has_no_more_time_than_the_first() {
    // One place more, so that their first answers leave the connections open.
    let (_management, address) = started(|server| server.max_connections(5).request_timeout(BRIEF)).await;
    let mut attackers = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(LIVE.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        attackers.push(tokio::spawn(drips(stream, "GET /health HTTP/1.1\r\nX: ")));
    }
    // All five places are wanted at once.
    let mut wires = Vec::new();
    for attacker in attackers {
        let answer = attacker.await.unwrap();
        assert!(answer.contains("HTTP/1.1 408 "), "{answer}");
        wires.push(Wire::to(address).await);
    }
    for wire in &mut wires {
        wire.send(LIVE).await;
        assert_eq!(wire.answer().await.code, 200);
    }
}

#[tokio::test]
async fn a_connection_that_is_idle_ends_and_one_that_is_used_does_not() {
    let (_management, address) = started(|server| server.request_timeout(BRIEF * 2)).await;
    let mut wire = Wire::to(address).await;
    // Longer altogether than one request may take.
    for _ in 0..8 {
        wire.send(LIVE).await;
        assert_eq!(wire.answer().await.code, 200);
        sleep(BRIEF / 3).await;
    }
    assert!(wire.rest().await.is_empty(), "closed without a word");
}

#[tokio::test]
async fn clients_who_never_read_lose_their_place() {
    let (_management, address) = started(|server| server.max_connections(5).answer_timeout(BRIEF)).await;
    let mut attackers = Vec::new();
    for _ in 0..4 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        attackers.push(tokio::spawn(async move {
            // More than the kernel keeps for it on both sides, and than the server reads of who does not listen.
            let many = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000);
            for _ in 0..10_000 {
                if let Err(error) = stream.write_all(many.as_bytes()).await {
                    return error.kind();
                }
            }
            panic!("all of it was read");
        }));
    }
    for attacker in attackers {
        let end = timeout(PATIENCE, attacker).await.expect("cut off").unwrap();
        assert!(matches!(end, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{end}");
    }
    let mut wires = Vec::new();
    for _ in 0..5 {
        wires.push(Wire::to(address).await);
    }
    for wire in &mut wires {
        wire.send(LIVE).await;
        assert_eq!(wire.answer().await.code, 200);
    }
}

#[tokio::test]
async fn clients_who_never_read_and_take_all_places_lose_them() {
    let (_management, address) =
        started(|server| server.max_connections(4).request_timeout(BRIEF).answer_timeout(BRIEF)).await;
    let mut attackers = Vec::new();
    for _ in 0..4 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(address).await.unwrap();
        // As much as goes out, and then silence.
        stream.writable().await.unwrap();
        stream.try_write(LIVE.repeat(1000).as_bytes()).unwrap();
        attackers.push(stream);
    }
    for _ in 0..8 {
        assert_eq!(get(address, "/health/live").await.code, 200);
    }
    drop(attackers);
}

#[tokio::test]
async fn a_slow_but_steady_reader_gets_a_pipeline_of_any_length_in_order() {
    let (_management, address) = started(|server| server.max_head(1024)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut reads, mut writes) = stream.split();
    let last = "GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let pipeline = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2000) + last;
    let mut answers = Vec::new();
    let reading = async {
        // The answers to 2000 requests do not fit into any buffer.
        sleep(BRIEF).await;
        reads.read_to_end(&mut answers).await.unwrap();
    };
    let (sent, ()) =
        timeout(PATIENCE * 3, futures::future::join(writes.write_all(pipeline.as_bytes()), reading))
            .await
            .expect("neither side waits for the other");
    sent.unwrap();
    let answers = String::from_utf8(answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2001);
    assert!(answers.rsplit("HTTP/1.1 200 OK").next().unwrap().contains(r#""probe":"ready""#));
}

/// A head of exactly this many bytes.
fn head(bytes: usize) -> String {
    let (start, end) = ("GET /health/live HTTP/1.1\r\nHost: x\r\nX: ", "\r\n\r\n");
    format!("{start}{}{end}", "y".repeat(bytes - start.len() - end.len()))
}

#[tokio::test]
async fn a_head_of_the_limit_is_answered_and_a_larger_one_refused() {
    for limit in [1024, 16 * 1024, 64 * 1024] {
        let (_management, address) = started(|server| server.max_head(limit)).await;
        for whole in [true, false] {
            let send = async |bytes: usize| {
                let mut stream = TcpStream::connect(address).await.unwrap();
                let head = head(bytes);
                let (first, second) = head.split_at(if whole { head.len() } else { head.len() / 3 });
                stream.write_all(first.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
                stream.write_all(second.as_bytes()).await.unwrap();
                let mut code = [0; 12];
                timeout(PATIENCE, stream.read_exact(&mut code)).await.expect("in time").unwrap();
                (String::from_utf8(code[9..].into()).unwrap(), stream)
            };
            assert_eq!(send(limit).await.0, "200");
            for bytes in [limit + 1, limit * 2, 200_000] {
                let (code, mut stream) = send(bytes).await;
                assert_eq!(code, "431", "{bytes} of {limit}");
                assert!(rest(&mut stream).await.contains("connection: close"));
            }
        }
        // The same on a connection that was used.
        let mut wire = Wire::to(address).await;
        for _ in 0..3 {
            wire.send(head(limit)).await;
            assert_eq!(wire.answer().await.code, 200);
        }
        wire.send(head(limit + 1)).await;
        assert_eq!(wire.answer().await.code, 431);
        assert!(wire.rest().await.is_empty());
    }
}

#[tokio::test]
async fn a_body_that_is_announced_is_not_waited_for() {
    let (_management, address) = started(|server| server).await;
    for (request, code) in [
        ("POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n", 405),
        ("GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", 200),
        ("GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 200),
        ("PUT /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n", 404),
    ] {
        let mut wire = Wire::to(address).await;
        wire.send(request).await;
        let answer = wire.answer().await;
        assert_eq!((answer.code, answer.header("connection")), (code, Some("close")), "{request}");
        // What is sent nevertheless does not take the answer away, and is never taken for a request.
        wire.send(LIVE.repeat(10)).await;
        assert!(wire.rest().await.is_empty());
    }
}

#[tokio::test]
async fn an_answer_survives_a_body_that_comes_with_the_request() {
    let (_management, address) = started(|server| server.max_head(1024)).await;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = "POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n".to_owned();
        stream.write_all((request + &"b".repeat(100_000)).as_bytes()).await.unwrap();
        // To its clean end: a reset can take an answer away that was not read yet.
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer))
            .await
            .expect("closed in time")
            .expect("no reset");
        assert!(answer.starts_with("HTTP/1.1 405 ") && answer.matches("HTTP/1.1").count() == 1, "{answer}");
    }
}

#[tokio::test]
async fn while_all_places_are_taken_each_answer_makes_room() {
    let (_management, address) = started(|server| server.max_connections(1)).await;
    let mut first = Wire::to(address).await;
    let mut second = Wire::to(address).await;
    second.send(LIVE).await;
    first.send(LIVE).await;
    let answer = first.answer().await;
    assert_eq!((answer.code, answer.header("connection")), (200, Some("close")));
    assert!(first.rest().await.is_empty());
    assert_eq!(second.answer().await.code, 200);

    let (_management, address) = started(|server| server.max_connections(2)).await;
    let mut alone = Wire::to(address).await;
    for _ in 0..3 {
        alone.send(LIVE).await;
        assert_eq!(alone.answer().await.header("connection"), None, "there is room");
    }
}

#[tokio::test]
async fn hundreds_of_connections_come_and_go() {
    let (_management, address) = started(|server| server.max_connections(3)).await;
    for number in 0..300 {
        match number % 4 {
            0 => assert_eq!(get(address, "/health").await.code, 200),
            1 => drop(Wire::to(address).await),
            2 => {
                let mut wire = Wire::to(address).await;
                wire.send("GET /health HTTP/1.1\r\nHo").await;
                wire.reset();
            }
            _ => {
                let mut wire = Wire::to(address).await;
                wire.send("nonsense\r\n\r\n").await;
                assert_eq!(wire.answer().await.code, 400);
            }
        }
    }
    assert_eq!(get(address, "/health").await.code, 200);
}

/// What a check takes is the time in which others may want to keep us busy.
#[tokio::test]
async fn a_pipeline_that_waits_for_a_check_costs_next_to_nothing() {
    let laggard = || async {
        sleep(Duration::from_millis(50)).await;
        Outcome::healthy()
    };
    let spec = Spec::named("laggard").interval("1h").cache("1ms");
    let health = Health::builder().check_fn(spec, laggard).build().unwrap().start();
    let management = server(health)
        .endpoints(|endpoints| endpoints.exposure(Exposure::Checks))
        .bind(("127.0.0.1", 0))
        .unwrap()
        .start()
        .unwrap();
    let stream = TcpStream::connect(management.addresses()[0]).await.unwrap();
    let (mut reads, mut writes) = stream.into_split();
    let pipeline = tokio::spawn(async move {
        while writes
            .write_all("GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000).as_bytes())
            .await
            .is_ok()
        {}
    });
    let (mut answers, mut buffer) = (0, vec![0; 4096]);
    let mut before = None;
    while answers < 60 {
        let bytes = timeout(PATIENCE, reads.read(&mut buffer)).await.expect("answers go on").unwrap();
        answers += buffer[..bytes].windows(8).filter(|window| window == b"HTTP/1.1").count();
        // By now as much was read ahead as ever will be.
        if answers >= 20 && before.is_none() {
            before = Some((Instant::now(), cpu()));
        }
    }
    pipeline.abort();
    let (since, before) = before.unwrap();
    let (lasted, spent) = (since.elapsed(), cpu() - before);
    assert!(spent < lasted / 2, "{spent:?} of {lasted:?}");
}

/// What this process has computed.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}
