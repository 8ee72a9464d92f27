//! Real connections over the loopback, and what they cost the one thread that serves them.
//!
//! Connections are kept alive, all from one client thread, which sends on each of them and then reads from each. Counted
//! is the CPU time of the serving thread alone, kernel included, which it is asked for before and after.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use actix_web::web;
use actix_web::web::ServiceConfig;
use health_tests::http::{Served, serve};
use rustix::time::{ClockId, clock_gettime};

use crate::measuring::Measured;

pub const CONNECTIONS: usize = 32;
/// Requests on each connection in a round.
pub const REQUESTS: usize = 100;

/// Says how much CPU time the thread that serves has used, in nanoseconds.
async fn cpu_of_this_thread() -> String {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    (i128::from(used.tv_sec) * 1_000_000_000 + i128::from(used.tv_nsec)).to_string()
}

/// A handler, the one thread that serves it, and the connections to it.
pub struct Subject {
    pub connections: Vec<TcpStream>,
    buffer: Vec<u8>,
    request: String,
    cpu: Vec<f64>,
    rate: Vec<f64>,
    _served: Served,
}

impl Subject {
    /// `request` is the line of the request and its headers, as they are sent.
    pub fn new(request: &str, configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> Self {
        let served = serve(1, move |config: &mut ServiceConfig| {
            configure(config);
            config.route("/cpu", web::get().to(cpu_of_this_thread));
        });
        let connections = (0..CONNECTIONS).map(|_| connected(served.address)).collect();
        let request = format!("{request}\r\nHost: localhost\r\n\r\n");
        Self { connections, buffer: Vec::new(), request, cpu: Vec::new(), rate: Vec::new(), _served: served }
    }

    /// One round, of which the figures are kept.
    fn round(&mut self) {
        let (cpu_before, began) = (self.cpu(), Instant::now());
        for _ in 0..REQUESTS {
            for connection in &mut self.connections {
                connection.write_all(self.request.as_bytes()).expect("it reads");
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

/// What a subject costs beside a reference, in interleaved rounds, and the reference beside itself.
pub struct Compared {
    pub reference: (Measured, Measured),
    pub again: (Measured, Measured),
    pub others: Vec<(Measured, Measured)>,
}

/// Interleaves rounds of all of them, the reference first and last.
pub fn compare(rounds: usize, reference: &mut Subject, others: &mut [&mut Subject]) -> Compared {
    reference.round();
    reference.figures();
    for other in &mut *others {
        other.round();
        other.figures();
    }
    let mut again = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        reference.round();
        for other in &mut *others {
            other.round();
        }
        reference.round();
        again.0.extend(reference.cpu.pop());
        again.1.extend(reference.rate.pop());
    }
    Compared {
        reference: reference.figures(),
        again: (Measured::of(again.0), Measured::of(again.1)),
        others: others.iter_mut().map(|other| other.figures()).collect(),
    }
}

impl Compared {
    /// By how much more CPU one costs than the reference, where the larger of its two measurements is what that costs.
    pub fn ratio(&self, other: usize) -> f64 {
        let reference = self.reference.0.median().max(self.again.0.median());
        self.others[other].0.median() / reference
    }
}
