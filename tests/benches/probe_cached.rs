//! `probe_cached`: what a probe whose checks are all fresh costs the thread that serves it, beside a bare actix-web
//! handler that returns a constant body of the same size and type; at `Exposure::Status`, and at `Exposure::Checks`
//! with ten checks.
//!
//! Run with: `cargo bench -p health-tests --bench probe_cached`
//!
//! Real connections over the loopback, kept alive, all from one client thread, which sends on each of them and then
//! reads from each. One server thread per handler; counted is the CPU time of that thread alone, kernel included, which
//! it is asked for before and after. Rounds are interleaved. `dressed` is a bare handler that sets the headers of a
//! probe too: what lies between it and `probe` is the library's own, what lies between it and `bare` is the headers'.
//! Allocations are counted without a socket, in one thread, where the engine's own would be counted as well.

mod measuring;

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpResponse, test, web};
use health_core::{Exposure, Health, Probe, Spec, Status};
use health_tests::http::{Served, get, serve};
use measuring::{Measured, verdict};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 31;
const CONNECTIONS: usize = 32;
/// Requests on each connection in a round.
const REQUESTS: usize = 100;
const PATH: &str = "/health/ready";
const ALLOWED: f64 = 1.05;

fn health(checks: usize) -> Health {
    let mut builder = Health::builder();
    for n in 0..checks {
        // Fresh for as long as this takes.
        let spec = Spec::named(format!("check-{n}")).interval("1h");
        builder = builder.check_fn(spec, || async {});
    }
    builder.build().expect("valid").start()
}

/// A constant answer, and with it the headers that a probe sets too, or only its type.
fn constant(body: &'static str, dressed: bool) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config: &mut ServiceConfig| {
        config.route(
            PATH,
            web::get().to(move || async move {
                // The cheapest way there is to say it.
                let mut answer = HttpResponse::Ok();
                answer.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")));
                if dressed {
                    answer.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
                    answer.insert_header((X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
                    let status = HeaderName::from_static("x-health-status");
                    answer.insert_header((status, HeaderValue::from_static("healthy")));
                }
                answer.body(body)
            }),
        );
    }
}

fn probe(health: &Health, exposure: Exposure) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let health = health.clone();
    move |config: &mut ServiceConfig| {
        config.service(health_actix::endpoints(health.clone()).exposure(exposure));
    }
}

/// Says how much CPU time the thread that serves has used, in nanoseconds.
async fn cpu_of_this_thread() -> String {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    (i128::from(used.tv_sec) * 1_000_000_000 + i128::from(used.tv_nsec)).to_string()
}

/// A handler, the one thread that serves it, and the connections to it.
struct Subject {
    connections: Vec<TcpStream>,
    buffer: Vec<u8>,
    cpu: Vec<f64>,
    rate: Vec<f64>,
    _served: Served,
}

impl Subject {
    fn new(configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> Self {
        let served = serve(1, move |config: &mut ServiceConfig| {
            configure(config);
            config.route("/cpu", web::get().to(cpu_of_this_thread));
        });
        let connections = (0..CONNECTIONS).map(|_| connected(served.address)).collect();
        Self { connections, buffer: Vec::new(), cpu: Vec::new(), rate: Vec::new(), _served: served }
    }

    /// One round, of which the figures are kept.
    fn round(&mut self) {
        let (cpu_before, began) = (self.cpu(), Instant::now());
        let request = format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        for _ in 0..REQUESTS {
            for connection in &mut self.connections {
                connection.write_all(request.as_bytes()).expect("it reads");
            }
            for connection in &mut self.connections {
                black_box(answer(connection, &mut self.buffer));
            }
        }
        let requests = (CONNECTIONS * REQUESTS) as f64;
        self.rate.push(requests / began.elapsed().as_secs_f64());
        let used = self.cpu() - cpu_before;
        self.cpu.push(used / requests / 1e3);
    }

    fn cpu(&mut self) -> f64 {
        let connection = &mut self.connections[0];
        connection.write_all(b"GET /cpu HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
        let body = answer(connection, &mut self.buffer);
        std::str::from_utf8(body).ok().and_then(|text| text.parse().ok()).expect("nanoseconds")
    }

    fn figures(&mut self) -> (Measured, Measured) {
        (Measured::of(std::mem::take(&mut self.cpu)), Measured::of(std::mem::take(&mut self.rate)))
    }
}

fn connected(address: SocketAddr) -> TcpStream {
    let connection = TcpStream::connect(address).expect("it listens");
    connection.set_nodelay(true).expect("a socket");
    connection.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    connection
}

/// Reads one whole answer, which must be a 200, and returns its body.
fn answer<'a>(connection: &mut TcpStream, buffer: &'a mut Vec<u8>) -> &'a [u8] {
    const LENGTH: &[u8] = b"content-length: ";
    buffer.resize(64 << 10, 0);
    let mut filled = 0;
    loop {
        let read = connection.read(&mut buffer[filled..]).expect("an answer in time");
        assert!(read > 0, "it hung up");
        filled += read;
        let Some(end) = buffer[..filled].windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        assert!(buffer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&buffer[..filled]));
        let announced = buffer[..end].windows(LENGTH.len()).position(|bytes| bytes == LENGTH);
        let digits = &buffer[announced.expect("a length") + LENGTH.len()..end];
        let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
        let body = digits.fold(0, |length, byte| length * 10 + usize::from(byte - b'0'));
        if filled == end + 4 + body {
            return &buffer[end + 4..filled];
        }
    }
}

fn over_sockets(exposure: Exposure, checks: usize, runtime: &Runtime) -> &'static str {
    let _runtime = runtime.enter();
    let health = health(checks);
    assert_eq!(runtime.block_on(health.report(Probe::Ready)).status(), Status::Healthy);
    let mut probed = Subject::new(probe(&health, exposure));
    let address = probed.connections[0].peer_addr().expect("connected");
    let body: &str = Box::leak(runtime.block_on(get(address, PATH)).body.into_boxed_str());
    let (mut bare, mut dressed) = (Subject::new(constant(body, false)), Subject::new(constant(body, true)));
    for subject in [&mut bare, &mut probed, &mut dressed] {
        subject.round();
        subject.figures();
    }
    let mut again = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.round();
        probed.round();
        dressed.round();
        bare.round();
        again.0.extend(bare.cpu.pop());
        again.1.extend(bare.rate.pop());
    }
    println!("\n{exposure:?}, checks: {checks}, body: {} bytes", body.len());
    println!(
        "{:>10} {:>15} {:>13} {:>7} {:>11} {:>7}",
        "", "CPU µs/request", "spread", "ratio", "requests/s", "ratio"
    );
    let reference = bare.figures();
    let again = (Measured::of(again.0), Measured::of(again.1));
    let noise = again.0.median() / reference.0.median();
    let rows = [("dressed", dressed.figures()), ("probe", probed.figures())];
    let mut ratio = 0.0;
    for (name, (cpu, rate)) in [("bare", &reference), ("bare again", &again)]
        .into_iter()
        .chain(rows.iter().map(|(name, figures)| (*name, figures)))
    {
        ratio = cpu.median() / reference.0.median();
        println!(
            "{name:>10} {:>15.2} {:>13} {ratio:>7.3} {:>11.0} {:>7.3}",
            cpu.median(),
            cpu.spread(),
            rate.median(),
            rate.median() / reference.1.median()
        );
    }
    // The larger of the two is what the reference costs.
    let over = ratio / noise.max(1.0);
    println!("at most {ALLOWED} x the CPU of bare: {over:.3}, {}", verdict(over <= ALLOWED));
    body
}

/// Allocations of one request, in the steady state.
fn allocations(runtime: &Runtime, configure: impl FnOnce(&mut ServiceConfig)) -> f64 {
    const COUNTED: u32 = 1_000;
    let app = runtime.block_on(test::init_service(App::new().configure(configure)));
    let some = async |count| {
        for _ in 0..count {
            let request = test::TestRequest::get().uri(PATH).to_request();
            let answer: ServiceResponse = app.call(request).await.expect("an answer");
            assert!(answer.status().is_success());
            black_box(answer.into_body().try_into_bytes().expect("a body in one piece"));
        }
    };
    runtime.block_on(some(COUNTED));
    let counted = allocation_counter::measure(|| runtime.block_on(some(COUNTED)));
    counted.count_total as f64 / f64::from(COUNTED)
}

fn without_sockets(exposure: Exposure, checks: usize, body: &'static str) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let health = runtime.block_on(async { health(checks) });
    let bare = allocations(&runtime, constant(body, false));
    let dressed = allocations(&runtime, constant(body, true));
    let probed = allocations(&runtime, probe(&health, exposure));
    println!(
        "allocations per request: bare {bare:.2}, dressed {dressed:.2}, probe {probed:.2}; none beyond bare: {}",
        verdict(probed - bare < 0.01)
    );
}

fn main() {
    println!(
        "{ROUNDS} interleaved rounds of {} requests over {CONNECTIONS} connections, medians",
        CONNECTIONS * REQUESTS
    );
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    for (exposure, checks) in [(Exposure::Status, 1), (Exposure::Status, 10), (Exposure::Checks, 10)] {
        let body = over_sockets(exposure, checks, &runtime);
        without_sockets(exposure, checks, body);
    }
}
