//! Callers that send or read slowly, stop in the middle or never say goodbye: others are answered meanwhile, and when
//! they are gone, so is everything that they occupied.

#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use health_actix::endpoints;
use health_core::{Exposure, Health, Outcome, Scope, Spec};
use health_tests::http::{Served, Wire, get, serve};
use health_tests::leaks::{self, Left, PATIENCE, Place};
use health_tests::servers::eventually;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Paths with a verdict, of whatever mount.
const PATHS: [&str; 4] = ["/health/live", "/health/ready", "/full", "/full/ready"];

/// How many connections are opened and left.
const CROWD: usize = 2_000;

/// Enough checks for a long body.
fn server() -> Served {
    let summary = "it is as it is, and there is a lot to be said about that".repeat(16);
    let mut builder = Health::builder();
    for number in 0..100 {
        let (spec, summary) = (Spec::named(format!("check-{number}")), summary.clone());
        let spec = spec.scope(Scope::Local).interval("never").cache("1h");
        builder = builder.check_fn(spec, move || {
            let summary = summary.clone();
            async { Outcome::degraded(summary) }
        });
    }
    let health = builder.build().unwrap().start();
    // One worker: whoever could hold it up would hold up everybody.
    serve(1, move |config| {
        config.service(endpoints(health.clone()));
        config.service(endpoints(health.clone()).mount("/full").exposure(Exposure::Full));
    })
}

async fn others_are_answered(address: SocketAddr) {
    for path in PATHS {
        assert_eq!(get(address, path).await.code, 200, "{path}");
    }
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: one that takes its time\r\n\r\n")
}

/// The open descriptors of this process.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux").count()
}

/// The memory that this process occupies, in KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn who_stops_anywhere_in_a_request() {
    let served = server();
    let requests = [
        request("/full/ready"),
        "POST /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nsome".into(),
        "GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab".into(),
    ];
    let mut stopped = Vec::new();
    for request in &requests {
        for end in (0..request.len()).step_by(5) {
            let mut wire = Wire::to(served.address).await;
            wire.send(&request[..end]).await;
            stopped.push((wire, &request[end..]));
        }
    }
    others_are_answered(served.address).await;
    // Those whose request was only late get what everybody gets.
    for (wire, rest) in &mut stopped {
        if rest.ends_with("\r\n\r\n") {
            wire.send(rest).await;
            let code = wire.answer().await.code;
            assert!([200, 408].contains(&code), "{code}: it was in time, or the server lost its patience");
        }
    }
    drop(stopped);
    others_are_answered(served.address).await;
}

#[tokio::test]
async fn who_sends_byte_by_byte() {
    let served = server();
    let slow = |number: usize| {
        let path = PATHS[number % PATHS.len()];
        async move {
            let mut wire = Wire::to(served.address).await;
            for byte in format!("GET {path} HTTP/1.0\r\n\r\n").bytes() {
                wire.send([byte]).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(wire.answer().await.code, 200, "{path}");
        }
    };
    let others = async {
        for _ in 0..10 {
            others_are_answered(served.address).await;
        }
    };
    futures::join!(join_all((0..50).map(slow)), others);
}

#[test]
fn who_does_not_read_what_it_asked_for() {
    leaks::alone("who_does_not_read_what_it_asked_for", || {
        let left = leaks::after(Place::SeveralThreads, PATIENCE, async || {
            let served = server();
            others_are_answered(served.address).await;
            let length = get(served.address, "/full").await.body.len();
            let before = memory();
            let mut deaf = Vec::new();
            for _ in 0..20 {
                let mut wire = Wire::to(served.address).await;
                // As much as fits into the pipe: the server must stop reading where nobody reads what it says.
                for _ in 0..20 {
                    let pipeline = request("/full").repeat(25);
                    let sent = wire.send_if_it_reads(&pipeline).await;
                    if !sent {
                        break;
                    }
                }
                deaf.push(wire);
            }
            others_are_answered(served.address).await;
            // The requests are kept, which is the server's affair; the answers would be 20 times 500 bodies.
            let grown = memory().saturating_sub(before) * 1024;
            assert!(grown < 20 * 500 * length as u64 / 8, "{grown} bytes for {length} each");
            // Read in the end, in small pieces, it is whole.
            let mut patient = Wire::to(served.address).await;
            patient.send(request("/full").repeat(20)).await;
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(2)).await;
                let answer = patient.answer().await;
                assert_eq!((answer.code, answer.body.len()), (200, length));
            }
        });
        assert_eq!(left, Left::nothing());
    });
}

#[test]
fn who_never_says_goodbye() {
    leaks::alone("who_never_says_goodbye", || {
        // Both ends of every connection are here.
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("up to the maximum");
        let left = leaks::after(Place::SeveralThreads, PATIENCE, async || {
            let served = server();
            others_are_answered(served.address).await;
            let before = descriptors();
            let mut sizes = Vec::new();
            for _ in 0..4 {
                let mut crowd = Vec::with_capacity(CROWD);
                for number in 0..CROWD {
                    let mut wire = Wire::to(served.address).await;
                    // Nothing, half of a request, or one that is answered and not read.
                    match number % 3 {
                        0 => {}
                        1 => wire.send("GET /full/ready HTTP/1.1\r\nHo").await,
                        _ => wire.send(request("/full/ready")).await,
                    }
                    crowd.push(wire);
                }
                assert!(descriptors() > before + CROWD);
                others_are_answered(served.address).await;
                for (number, wire) in crowd.into_iter().enumerate() {
                    if number % 2 == 0 { wire.reset() } else { drop(wire) }
                }
                eventually("their descriptors are back", async || descriptors() <= before).await;
                others_are_answered(served.address).await;
                sizes.push(memory());
            }
            // The first crowd makes room that the next ones find.
            assert!(sizes[3] < sizes[1] + 8 * 1024, "{sizes:?} KiB");
        });
        assert_eq!(left, Left::nothing());
    });
}

#[tokio::test]
async fn who_hangs_up_in_the_midst_of_an_answer() {
    let served = server();
    for number in 0..300 {
        let mut wire = Wire::to(served.address).await;
        wire.send(request("/full").repeat(4)).await;
        // Before the answer, in its head, or in its body.
        match number % 3 {
            0 => {}
            1 => wire.some(5).await,
            _ => wire.some(2_000).await,
        }
        wire.reset();
    }
    others_are_answered(served.address).await;
}
