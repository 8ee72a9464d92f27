//! A program that serves until it is told to leave, says each step, and obeys the lines on its input: `release` lets
//! requests that are held go on, `let go` ends its other work, `block` blocks the thread that its checks run on.

use std::env;
use std::io::{self, BufRead as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use actix_web::middleware::Condition;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};
use futures::stream::{self, Stream, StreamExt as _};
use health_actix::{Endless, Exit, Shutdown, endpoints, goodbye, run};
use health_core::{Change, Exposure, Gate, Health, Hold, Outcome, Probe, Spec};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

const LONG: Duration = Duration::from_secs(600);

struct Orders {
    health: Health,
    release: Arc<Semaphore>,
    hold: Option<Hold>,
    blocks: Arc<AtomicBool>,
    is_made: Arc<Semaphore>,
}

impl Orders {
    fn obey(mut self) {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            match &*line {
                "release" => self.release.add_permits(1000),
                "let go" => self.hold = None,
                "block" => self.blocks.store(true, Ordering::SeqCst),
                "resume" => {
                    self.health.resume();
                    println!("resumed");
                }
                "make" => self.is_made.add_permits(1000),
                other => panic!("{other:?} is no order"),
            }
        }
        // Held until the process ends.
        thread::sleep(LONG);
    }
}

fn milliseconds(name: &str) -> Option<Duration> {
    Some(Duration::from_millis(env::var(name).ok()?.parse().expect("milliseconds")))
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some()
}

async fn endless() -> HttpResponse {
    let first = stream::once(async { Ok::<_, actix_web::Error>(Bytes::from_static(b"first")) });
    let mut answer = HttpResponse::Ok().streaming(first.chain(stream::pending()));
    answer.extensions_mut().insert(Endless);
    answer
}

/// Goes on until the client takes no more, and ends while the last of it still waits for the connection.
fn ends_unsent() -> impl Stream<Item = Result<Bytes, actix_web::Error>> {
    const STALL: Duration = Duration::from_millis(300);
    static CHUNK: [u8; 16 * 1024] = [b'x'; 16 * 1024];
    let mut timer = Box::pin(sleep(STALL));
    stream::poll_fn(move |context| {
        // Later than that it is not the timer but the client that goes on.
        let is_stalled = timer.as_mut().poll(context).is_ready();
        if is_stalled && timer.deadline().elapsed() < STALL / 2 {
            println!("handed out");
            return Poll::Ready(None);
        }
        timer.as_mut().reset(Instant::now() + STALL);
        let _pending = timer.as_mut().poll(context);
        Poll::Ready(Some(Ok(Bytes::from_static(&CHUNK))))
    })
}

#[actix_web::main]
async fn main() -> io::Result<Exit> {
    if is_set("STARTS_LATE") {
        health_actix::hear_signals()?;
        println!("listening on 127.0.0.1:1");
        thread::sleep(LONG);
    }
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).init();
    let blocks = Arc::new(AtomicBool::new(false));
    let asks = Arc::clone(&blocks);
    let blocked = move || {
        let blocks = asks.load(Ordering::SeqCst);
        async move {
            if blocks {
                println!("blocked");
                thread::sleep(LONG);
            }
        }
    };
    let gate = Gate::new("migrations");
    let mut builder = Health::builder()
        .check_fn(Spec::named("blocks").interval("20ms").critical(false), blocked)
        .check_fn(Spec::named("hangs").critical(false).timeout("1h"), std::future::pending::<Outcome>)
        .gate(&gate)
        .observe(|transition| match transition.change() {
            Change::Phase { to, .. } => println!("phase {to}"),
            Change::Probe { probe, to, .. } => println!("{probe} {to}"),
            Change::Shutdown { step, under_way, .. } => println!("{step} with {under_way}"),
            _ => {}
        });
    if is_set("STARTUP_FAILS") {
        let fails = || async { Outcome::unhealthy("not yet") };
        builder = builder.check_fn(Spec::named("fails").probe(Probe::Startup), fails);
    }
    let health = builder.build()?.start();
    if !is_set("GATE_STAYS_CLOSED") {
        gate.open();
    }

    let (release, is_made) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let hold = is_set("HOLDS").then(|| health.hold("imports"));
    let orders = Orders {
        health: health.clone(),
        release: Arc::clone(&release),
        hold,
        blocks,
        is_made: Arc::clone(&is_made),
    };
    thread::spawn(|| orders.obey());

    let management = is_set("MANAGEMENT").then(|| {
        health_actix::server(health.clone()).bind("127.0.0.1:0").expect("a port").start().expect("it starts")
    });
    if let Some(management) = &management {
        println!("management on {}", management.addresses()[0]);
    }
    let (served, says_goodbye, is_made_late) = (health.clone(), !is_set("NO_GOODBYE"), is_set("MADE_LATE"));
    let app = move || {
        if is_made_late {
            println!("making");
            futures::executor::block_on(is_made.acquire()).expect("never closed").forget();
        }
        let (held, streamed) = (Arc::clone(&release), Arc::clone(&release));
        let held = move |body: Bytes| {
            let release = Arc::clone(&held);
            async move {
                println!("held");
                release.acquire().await.expect("never closed").forget();
                HttpResponse::Ok().body(body)
            }
        };
        let streams = move || {
            let release = Arc::clone(&streamed);
            let last = stream::once(async move {
                release.acquire().await.expect("never closed").forget();
                Ok::<_, actix_web::Error>(Bytes::from_static(b"last"))
            });
            let first = stream::once(async { Ok(Bytes::from_static(b"first")) });
            async move { HttpResponse::Ok().streaming(first.chain(last)) }
        };
        assert!(!is_set("MADE_BADLY"), "the application cannot be made");
        App::new()
            .service(endpoints(served.clone()).exposure(Exposure::Checks))
            .route("/work", web::to(|| async { "done" }))
            .route("/held", web::to(held))
            .route("/stream", web::to(streams))
            .route("/endless", web::to(endless))
            .route("/unsent", web::to(|| async { HttpResponse::Ok().streaming(ends_unsent()) }))
            .wrap(Condition::new(says_goodbye, goodbye(&served)))
    };
    let server = HttpServer::new(app).workers(2).keep_alive(LONG).bind(("127.0.0.1", 0))?;
    println!("listening on {}", server.addrs()[0]);
    let shutdown = Shutdown {
        drain_delay: milliseconds("DRAIN_MS").unwrap_or_default(),
        finish_limit: milliseconds("FINISH_MS").unwrap_or(Shutdown::default().finish_limit),
        exit_limit: match env::var("EXIT_MS").as_deref() {
            Ok("never") => None,
            _ => milliseconds("EXIT_MS").or(Shutdown::default().exit_limit),
        },
    };
    if is_set("ANOTHER_ENDS_AT_ONCE") {
        let other = Health::builder().build()?.start();
        let server = HttpServer::new(App::new).workers(1).bind(("127.0.0.1", 0))?;
        let shutdown = Shutdown {
            drain_delay: Duration::ZERO,
            exit_limit: Some(Duration::from_millis(100)),
            ..shutdown
        };
        let left = run(server, other, shutdown);
        actix_web::rt::spawn(async {
            println!("another left with {}", left.await.expect("it leaves").code())
        });
    }
    let exit = run(server, health, shutdown).await?;
    println!("left with {}", exit.code());
    if is_set("NEVER_ENDS") {
        thread::sleep(LONG);
    }
    drop(management);
    Ok(exit)
}
