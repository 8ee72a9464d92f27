//! The management listener has a port and a thread of its own: it answers whatever the application does, from its start
//! until it is stopped, and shows more to those who are on this machine already.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::{App, HttpServer, rt, web};
use health_actix::{Management, server};
use health_core::{Exposure, Health, Probe, Spec, Status};
use health_tests::http::{Wire, get, serve};
use health_tests::servers::eventually;
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

/// A check that is well, and asked anew by every poll.
fn health() -> Health {
    let spec = Spec::named("db").cache("1ms");
    Health::builder().check_fn(spec, || async {}).deadline("200ms").build().unwrap().start()
}

fn address(management: &Management) -> SocketAddr {
    // Bound to every address, it is reached on loopback too.
    let address = management.addresses()[0];
    SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))
}

/// Closed until it is opened, by threads that wait for it without a runtime.
#[derive(Default)]
struct Latch(Mutex<bool>, Condvar);

impl Latch {
    fn wait(&self) {
        let is_open = self.0.lock().unwrap();
        drop(self.1.wait_while(is_open, |is_open| !*is_open));
    }

    fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }
}

#[tokio::test]
async fn while_every_worker_and_the_main_runtime_are_blocked_and_after() {
    const WORKERS: usize = 2;
    let latch = Arc::new(Latch::default());
    let (blocked, is_blocked) = mpsc::channel();
    let (started, has_started) = mpsc::channel();
    let release = Arc::clone(&latch);
    thread::spawn(move || {
        rt::System::new().block_on(async move {
            let health = health();
            eventually("the check has run", async || health.status(Probe::Ready) == Status::Healthy).await;
            let management = server(health).bind(("127.0.0.1", 0)).unwrap().start().unwrap();
            let (latch_of_workers, blocked_worker) = (Arc::clone(&latch), blocked.clone());
            let server = HttpServer::new(move || {
                let (latch, blocked) = (Arc::clone(&latch_of_workers), blocked_worker.clone());
                let block = move || {
                    blocked.send(()).unwrap();
                    latch.wait();
                    std::future::ready("released")
                };
                App::new().route("/block", web::get().to(block))
            });
            let server = server.workers(WORKERS).disable_signals().bind(("127.0.0.1", 0)).unwrap();
            started.send((management.addresses()[0], server.addrs()[0])).unwrap();
            rt::spawn(server.run());
            // All workers first, which needs somebody who accepts.
            rt::time::sleep(Duration::from_millis(1)).await;
            rt::spawn(async move {
                blocked.send(()).unwrap();
                latch.wait();
            });
            std::future::pending::<()>().await;
            drop(management);
        });
    });
    let (management, application) = has_started.recv().unwrap();
    let mut callers = Vec::new();
    for _ in 0..4 * WORKERS {
        let mut wire = Wire::to(application).await;
        wire.send("GET /block HTTP/1.1\r\nHost: x\r\n\r\n").await;
        callers.push(wire);
    }
    for _ in 0..WORKERS + 1 {
        is_blocked
            .recv_timeout(Duration::from_secs(20))
            .expect("every worker and the main runtime are blocked");
    }

    // From here on they are, for as long as this test likes.
    for _ in 0..3 {
        for path in ["/health/live", "/health/ready", "/health"] {
            let answer = get(management, path).await;
            assert_eq!((answer.code, answer.header("x-health-status")), (200, Some("healthy")), "{path}");
        }
    }
    release.open();
    for mut caller in callers {
        assert_eq!(caller.answer().await.body, "released");
    }
    assert_eq!(get(management, "/health/ready").await.code, 200);
}

#[tokio::test]
async fn loopback_sees_the_checks_and_everybody_else_a_word() {
    let one_word = r#"{"status":"healthy"}"#;
    let body = async |management: &Management| get(address(management), "/health/ready").await.body;

    let management =
        server(health()).bind("127.0.0.1:0").unwrap().bind("127.0.0.2:0").unwrap().start().unwrap();
    for address in management.addresses() {
        assert!(get(*address, "/health/ready").await.body.contains(r#""name":"db""#));
        assert_eq!(get(*address, "/health/checks/db").await.code, 200);
    }
    assert_eq!(management.probe_port(), None, "a kubelet does not reach loopback");

    let management =
        server(health()).bind("127.0.0.1:0").unwrap().bind("0.0.0.0:0").unwrap().start().unwrap();
    let public = management.addresses()[1];
    assert_eq!(management.probe_port(), Some(public.port()));
    assert_eq!(get(public, "/health/ready").await.body, one_word);
    assert_eq!(get(public, "/health/checks/db").await.code, 404);
    assert!(body(&management).await.contains("db"), "each listener by itself");

    // What is set wins, in either direction.
    let set = |exposure, to: &str| {
        let server = server(health()).endpoints(move |endpoints| endpoints.exposure(exposure));
        server.bind(to).unwrap().start().unwrap()
    };
    assert!(body(&set(Exposure::Checks, "0.0.0.0:0")).await.contains("db"));
    assert_eq!(body(&set(Exposure::Status, "127.0.0.1:0")).await, one_word);
}

#[tokio::test]
async fn several_endpoints_stand_side_by_side() {
    let management = server(health())
        .endpoints(|endpoints| endpoints.mount("/status"))
        .endpoints(|endpoints| endpoints.mount("/public").exposure(Exposure::Status))
        .endpoints(|_| web::resource("/version").to(async || "1.2.3"))
        .bind(("127.0.0.1", 0))
        .unwrap()
        .start()
        .unwrap();
    let ask = async |path| get(address(&management), path).await;
    assert!(ask("/status").await.body.contains("db"));
    assert_eq!(ask("/public/ready").await.body, r#"{"status":"healthy"}"#);
    assert_eq!(ask("/version").await.body, "1.2.3");
    assert_eq!(ask("/health").await.code, 404, "what is made of the default replaces it");
}

#[test]
fn what_cannot_be_bound_is_an_error_at_once_that_says_where() {
    // A health without a runtime around it.
    let health = || Health::builder().build().unwrap().start_dedicated().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let error = server(health()).bind(address).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    // One that is taken is not made good by another.
    let error = server(health()).bind(&[SocketAddr::from(([127, 0, 0, 1], 0)), address][..]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);

    for nonsense in ["", "here", "127.0.0.1", "127.0.0.1:99999"] {
        let error = server(health()).bind(nonsense).unwrap_err().to_string();
        assert!(error.contains(&format!("{nonsense:?}")), "{error}");
    }
    let nowhere: &[SocketAddr] = &[];
    assert_eq!(server(health()).bind(nowhere).unwrap_err().kind(), ErrorKind::InvalidInput);
    // A documentation address, which no machine has: an error by itself, left out beside one that it has.
    let absent = SocketAddr::from(([192, 0, 2, 1], 0));
    assert!(server(health()).bind(absent).unwrap_err().to_string().contains("192.0.2.1:0"));
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    assert_eq!(server(health()).bind(&[absent, here][..]).unwrap().start().unwrap().addresses().len(), 1);
}

#[test]
fn what_would_serve_nobody_is_an_error_at_the_start() {
    let health = Health::builder().build().unwrap().start_dedicated().unwrap();
    let bound = || server(health.clone()).bind(("127.0.0.1", 0)).unwrap();
    for (server, word) in [
        (server(health.clone()), "bound"),
        (bound().max_connections(0), "max_connections"),
        (bound().max_connections(usize::MAX), "max_connections"),
        (bound().request_timeout(Duration::ZERO), "request_timeout"),
        (bound().answer_timeout(Duration::ZERO), "answer_timeout"),
        (bound().max_head(0), "max_head"),
        (bound().max_head(65_537), "max_head"),
        (bound().endpoints(|_| -> health_actix::Endpoints { panic!("on purpose") }), "thread"),
    ] {
        let error = server.start().unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    let endless = bound().request_timeout(Duration::MAX).answer_timeout(Duration::MAX).start().unwrap();
    assert_eq!(asked_without_a_runtime(address(&endless)), 200);
}

/// The code of live, asked by a plain thread.
fn asked_without_a_runtime(address: SocketAddr) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn its_handle_may_be_kept_anywhere() {
    fn may_be_shared<T: Send + Sync + 'static>() {}
    may_be_shared::<Management>();
    may_be_shared::<health_actix::Server>();
}

#[test]
fn it_starts_and_stops_outside_any_runtime_and_inside_any() {
    let starts = |health: Health| server(health).bind(("127.0.0.1", 0)).unwrap().start().unwrap();
    let asked = |management: &Management| asked_without_a_runtime(address(management));

    let management = starts(Health::builder().build().unwrap().start_dedicated().unwrap());
    assert_eq!(asked(&management), 200);
    futures::executor::block_on(management.stop());

    let in_one = async || {
        let management = starts(health());
        assert_eq!(asked(&management), 200);
        management.stop().await;
        drop(starts(health()));
    };
    let mut tokio = tokio::runtime::Builder::new_current_thread();
    tokio.enable_all().build().unwrap().block_on(in_one());
    let mut tokio = tokio::runtime::Builder::new_multi_thread();
    tokio.enable_all().build().unwrap().block_on(in_one());
    rt::System::new().block_on(in_one());
}

#[tokio::test]
async fn the_port_is_free_when_it_is_stopped_or_dropped() {
    for drops in [true, false] {
        let management = server(health()).bind(("127.0.0.1", 0)).unwrap().start().unwrap();
        let address = address(&management);
        // One that waits for its next request, one in the midst of it.
        let mut idle = Wire::to(address).await;
        idle.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
        idle.answer().await;
        let mut half = Wire::to(address).await;
        half.send("GET /health HT").await;
        if drops {
            drop(management);
        } else {
            management.stop().await;
        }
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        drop(TcpListener::bind(address).expect("the port is free"));
        assert!(idle.rest().await.is_empty());
    }
}

/// A health whose check says when it begins and ends only when it may.
fn held_up() -> (Health, Arc<(Notify, Semaphore)>) {
    let signals = Arc::new((Notify::new(), Semaphore::new(0)));
    let run = |signals: Arc<(Notify, Semaphore)>| async move {
        signals.0.notify_one();
        signals.1.acquire().await.unwrap().forget();
    };
    let spec = Spec::named("slow").interval("never").timeout("1h");
    let builder = Health::builder().check_with(spec, Arc::clone(&signals), run).deadline("1h");
    (builder.build().unwrap().start(), signals)
}

#[tokio::test]
async fn an_answer_that_is_under_way_ends_before_the_stop() {
    let signals = Arc::new((Notify::new(), Semaphore::new(0)));
    let of_handler = Arc::clone(&signals);
    let management = server(health())
        .endpoints(move |_| {
            let signals = Arc::clone(&of_handler);
            web::resource("/slow").to(move || {
                let signals = Arc::clone(&signals);
                async move {
                    signals.0.notify_one();
                    signals.1.acquire().await.unwrap().forget();
                    "after all"
                }
            })
        })
        .bind(("127.0.0.1", 0))
        .unwrap()
        .start()
        .unwrap();
    let address = address(&management);
    let mut wire = Wire::to(address).await;
    wire.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    signals.0.notified().await;
    let stop = tokio::spawn(management.stop());
    while TcpStream::connect(address).is_ok() {
        tokio::task::yield_now().await;
    }
    signals.1.add_permits(1);
    assert_eq!(wire.answer().await.body, "after all");
    stop.await.unwrap();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_what_does_not_end() {
    for drops in [true, false] {
        let (health, signals) = held_up();
        let management = server(health).bind(("127.0.0.1", 0)).unwrap().start().unwrap();
        let mut wire = Wire::to(address(&management)).await;
        wire.send("GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n").await;
        signals.0.notified().await;
        let begun = Instant::now();
        if drops {
            drop(management);
        } else {
            management.stop().await;
        }
        assert!(begun.elapsed() < Duration::from_secs(15), "bounded, on a busy machine too");
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_handler_that_blocks_the_thread() {
    let latch = Arc::new(Latch::default());
    let (blocked, is_blocked) = mpsc::channel();
    let held = Arc::clone(&latch);
    let management = server(health())
        .endpoints(move |_| {
            let (latch, blocked) = (Arc::clone(&held), blocked.clone());
            let block = move || {
                blocked.send(()).unwrap();
                latch.wait();
                std::future::ready("released")
            };
            web::resource("/block").to(block)
        })
        .bind(("127.0.0.1", 0))
        .unwrap()
        .start()
        .unwrap();
    let mut wire = Wire::to(address(&management)).await;
    wire.send("GET /block HTTP/1.1\r\nHost: x\r\n\r\n").await;
    is_blocked.recv().unwrap();
    timeout(Duration::from_secs(15), management.stop()).await.expect("bounded");
    latch.open();
}

#[tokio::test]
async fn it_keeps_the_health_alive_and_nothing_keeps_it_afterwards() {
    let health = health();
    let mut transitions = health.subscribe();
    let management = server(health).bind(("127.0.0.1", 0)).unwrap().start().unwrap();
    let mut open = Wire::to(address(&management)).await;
    for _ in 0..2 {
        open.send("GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(open.answer().await.code, 200, "the last handle of the application is gone");
    }
    drop(management);
    let ends = async { while transitions.next().await.is_some() {} };
    timeout(Duration::from_secs(20), ends).await.expect("the engine stops with the listener");
}

#[tokio::test]
async fn live_and_ready_on_the_main_port_and_everything_else_on_this_one() {
    let health = health();
    let (of_probes, application) = (health.clone(), "/health/live");
    let main = serve(1, move |config| {
        config.service(health_actix::endpoints(of_probes.clone()));
    });
    let management = server(health).bind(("127.0.0.1", 0)).unwrap().start().unwrap();
    assert_eq!(get(main.address, application).await.code, 200);
    assert_eq!(get(main.address, "/health/checks/db").await.code, 404);
    assert_eq!(get(address(&management), "/health/checks/db").await.code, 200);
}
