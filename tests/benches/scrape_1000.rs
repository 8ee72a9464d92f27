//! `scrape_1000`: what a scrape of a thousand checks costs the thread that serves it, beside a bare actix-web handler that
//! returns the same bytes; and that no check runs for it.
//!
//! Run with: `cargo bench -p health-tests --bench scrape_1000`
//!
//! Real connections over the loopback, one after the other, as Prometheus asks. Counted is the CPU time of the serving
//! thread alone, kernel included, in interleaved rounds of all of them.

mod measuring;

use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::web::{self, Bytes, ServiceConfig};
use health_actix::endpoints;
use health_core::{Exposure, Health, Probe, Spec, Status};
use health_tests::http::{Served, serve};
use measuring::{Measured, verdict};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Builder;

const CHECKS: u32 = 1000;
const ROUNDS: usize = 21;
/// Scrapes in a round.
const SCRAPES: u32 = 20;
/// By how much more than to send the bytes it may cost to find out what they are.
const ALLOWED: f64 = 20.0;

/// A format, and the header that asks for it.
const FORMATS: [(&str, &str); 2] = [("text", "text/plain"), ("openmetrics", "application/openmetrics-text")];

/// All checks healthy, in groups of ten, and run by nobody but who asks; fresh for as long as this takes.
fn health(ran: &Arc<AtomicU32>) -> Health {
    let spec = |n: u32| {
        let spec = Spec::named(format!("tenants/{n}/primary")).group(format!("tenants-{}", n / 10));
        spec.interval("never").cache("1h").max_age("2h")
    };
    let check = |n| {
        let ran = Arc::clone(ran);
        (spec(n), move || {
            ran.fetch_add(1, Ordering::Relaxed);
            async {}
        })
    };
    let all = (0..CHECKS).map(check);
    let builder = all.fold(Health::builder(), |builder, (spec, run)| builder.check_fn(spec, run));
    builder.build().expect("valid").start()
}

/// Says how much CPU time the thread that serves has used, in nanoseconds.
async fn cpu_of_this_thread() -> String {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    (i128::from(used.tv_sec) * 1_000_000_000 + i128::from(used.tv_nsec)).to_string()
}

/// A handler, the one thread that serves it, and the connection to it.
struct Subject {
    connection: TcpStream,
    accept: &'static str,
    /// Milliseconds for each scrape.
    cpu: Vec<f64>,
    wall: Vec<f64>,
    _served: Served,
}

impl Subject {
    fn new(accept: &'static str, configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> Self {
        let served = serve(1, move |config: &mut ServiceConfig| {
            configure(config);
            config.route("/cpu", web::get().to(cpu_of_this_thread));
        });
        let connection = TcpStream::connect(served.address).expect("it listens");
        connection.set_nodelay(true).expect("a socket");
        connection.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        Self { connection, accept, cpu: Vec::new(), wall: Vec::new(), _served: served }
    }

    fn get(&mut self, path: &str) -> Vec<u8> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {}\r\n\r\n", self.accept);
        self.connection.write_all(request.as_bytes()).expect("it reads");
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            self.connection.read_exact(&mut byte).expect("an answer in time");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let mut body = vec![0; length.parse().expect("a number")];
        self.connection.read_exact(&mut body).expect("a body in time");
        body
    }

    fn cpu(&mut self) -> f64 {
        String::from_utf8(self.get("/cpu")).ok().and_then(|text| text.parse().ok()).expect("nanoseconds")
    }

    /// One round, of which the figures are kept.
    fn round(&mut self) {
        let (before, began) = (self.cpu(), Instant::now());
        for _ in 0..SCRAPES {
            black_box(self.get("/health/metrics"));
        }
        self.wall.push(began.elapsed().as_secs_f64() * 1e3 / f64::from(SCRAPES));
        let used = self.cpu() - before;
        self.cpu.push(used / f64::from(SCRAPES) / 1e6);
    }
}

/// A constant answer at the same path.
fn constant(body: Bytes) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config: &mut ServiceConfig| {
        let body = body.clone();
        let handler = move || {
            let (body, content_type) = (body.clone(), HeaderValue::from_static("text/plain"));
            async move { HttpResponse::Ok().insert_header((CONTENT_TYPE, content_type)).body(body) }
        };
        config.route("/health/metrics", web::get().to(handler));
    }
}

fn main() {
    println!(
        "{ROUNDS} interleaved rounds of {SCRAPES} scrapes of {CHECKS} checks, medians; CPU of the thread that serves"
    );
    println!(
        "{:>24} {:>8} {:>7} {:>8} {:>13} {:>8} {:>7} {:>7}",
        "", "KiB", "bare ms", "ms", "spread", "wall ms", "ratio", "noise"
    );
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let _runtime = runtime.enter();
    let ran = Arc::default();
    let health = health(&ran);
    runtime.block_on(async { while health.report(Probe::Ready).await.status() != Status::Healthy {} });
    assert_eq!(ran.load(Ordering::Relaxed), CHECKS);
    for (format, accept) in FORMATS {
        for has_histograms in [false, true] {
            let mounted = endpoints(health.clone()).exposure(Exposure::Checks).histograms(has_histograms);
            let mut scraped = Subject::new(accept, move |config| {
                config.service(mounted.clone());
            });
            let body = Bytes::from(scraped.get("/health/metrics"));
            let mut bare = Subject::new(accept, constant(body.clone()));
            let mut again = Vec::new();
            for _ in 0..=ROUNDS {
                bare.round();
                scraped.round();
                bare.round();
                again.extend(bare.cpu.pop());
            }
            // The first round is for warming up.
            let measured = |values: Vec<f64>| Measured::of(values.into_iter().skip(1).collect());
            let [bare, again, cpu, wall] = [bare.cpu, again, scraped.cpu, scraped.wall].map(measured);
            let ratio = cpu.median() / bare.median().max(again.median());
            println!(
                "{:>24} {:>8} {:>7.2} {:>8.2} {:>13} {:>8.2} {ratio:>7.2} {:>7.3} {}",
                format!("{format}{}", if has_histograms { ", histograms" } else { "" }),
                body.len() / 1024,
                bare.median(),
                cpu.median(),
                cpu.spread(),
                wall.median(),
                again.median() / bare.median(),
                verdict(ratio <= ALLOWED)
            );
        }
    }
    assert_eq!(ran.load(Ordering::Relaxed), CHECKS, "a scrape runs nothing");
}
