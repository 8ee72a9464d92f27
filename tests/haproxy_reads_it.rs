//! HAProxy, run with the configuration that the documentation shows, believes what the endpoints say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use actix_web::dev::Service as _;
use actix_web::{HttpResponse, web};
use health_actix::{Profile, endpoints};
use health_core::{Health, Outcome, Spec};
use health_tests::haproxy::{Haproxy, free_address};
use health_tests::http::{Served, get, serve};
use health_tests::servers::eventually;

const CONFIGURATION: &str = include_str!("../docs/haproxy.cfg");

const HEALTHY: u8 = 0;
const DEGRADED: u8 = 1;
const UNHEALTHY: u8 = 2;

/// One instance behind the balancer.
struct Instance {
    health: Health,
    /// What its check finds.
    finds: Arc<AtomicU8>,
    /// How often ready was answered.
    asked: Arc<AtomicU32>,
    served: Served,
}

fn instance(name: &'static str, finds: u8) -> Instance {
    let finds = Arc::new(AtomicU8::new(finds));
    let check = async |finds: Arc<AtomicU8>| match finds.load(Ordering::SeqCst) {
        HEALTHY => Outcome::healthy(),
        DEGRADED => Outcome::degraded("slow"),
        _ => Outcome::unhealthy("away"),
    };
    let run = move |finds| -> futures::future::BoxFuture<'static, Outcome> { Box::pin(check(finds)) };
    let health =
        Health::builder().check_with(Spec::named("db"), Arc::clone(&finds), run).build().unwrap().start();
    let asked = Arc::new(AtomicU32::new(0));
    let (served_health, counted) = (health.clone(), Arc::clone(&asked));
    let served = serve(1, move |config| {
        let counted = Arc::clone(&counted);
        let scope = web::scope("").wrap_fn(move |request, service| {
            let asks = request.path() == "/health/ready";
            let counted = Arc::clone(&counted);
            let answer = service.call(request);
            async move {
                let answer = answer.await;
                counted.fetch_add(u32::from(asks), Ordering::SeqCst);
                answer
            }
        });
        config.service(
            scope
                .service(endpoints(served_health.clone()))
                .route("/whoami", web::get().to(move || async move { HttpResponse::Ok().body(name) })),
        );
    });
    Instance { health, finds, asked, served }
}

#[tokio::test]
async fn haproxy_follows_ready() {
    // The worst first: HAProxy takes a server for well until it has asked.
    let (one, two) = (instance("one", UNHEALTHY), instance("two", HEALTHY));
    let front = free_address();
    let replaced = [
        ("0.0.0.0:80\n", format!("{front}\n")),
        ("10.0.0.1:8080", one.served.address.to_string()),
        ("10.0.0.2:8080", two.served.address.to_string()),
    ];
    let Some(haproxy) = Haproxy::start("haproxy", CONFIGURATION, &replaced) else {
        return;
    };
    let is = async |server: &str, expected: &str| {
        let what = format!("server {server} is {expected}");
        haproxy.eventually(&what, "app", server, |server| server.status() == expected).await;
    };
    is("one", "DOWN").await;
    is("two", "UP").await;
    assert_eq!(get(front, "/whoami").await.body, "two");

    one.finds.store(HEALTHY, Ordering::SeqCst);
    is("one", "UP").await;

    // Degraded: asked often enough to have been taken out, and still in.
    one.finds.store(DEGRADED, Ordering::SeqCst);
    let before = one.asked.load(Ordering::SeqCst);
    eventually("ready is asked", async || one.asked.load(Ordering::SeqCst) >= before + 4).await;
    assert_eq!(haproxy.server("app", "one").await.unwrap().status(), "UP");

    two.health.drain();
    is("two", "DOWN").await;
    for _ in 0..4 {
        assert_eq!(get(front, "/whoami").await.body, "one", "whoever drains gets nothing new");
    }
    two.health.resume();
    is("two", "UP").await;

    one.finds.store(UNHEALTHY, Ordering::SeqCst);
    is("one", "DOWN").await;
    assert_eq!(get(front, "/whoami").await.body, "two");
}

/// With `disable-on-404` and the profile for it, a server that drains keeps the sessions that stick to it and gets no
/// others; one that is sick is down.
#[tokio::test]
async fn haproxy_stops_softly_what_drains() {
    let finds = Arc::new(AtomicU8::new(HEALTHY));
    let (found, profile) = (Arc::clone(&finds), Profile::haproxy());
    let check = move || {
        let is_well = found.load(Ordering::SeqCst) == HEALTHY;
        async move { if is_well { Outcome::healthy() } else { Outcome::unhealthy("away") } }
    };
    let health = Health::builder().check_fn(Spec::named("db"), check).build().unwrap().start();
    let served_health = health.clone();
    let served = serve(1, move |config| {
        config.service(endpoints(served_health.clone()).profile(profile));
    });
    let configuration = format!(
        "global\n  stats socket /run/haproxy.sock mode 600\n\ndefaults\n  mode http\n  timeout connect 5s\n  \
         timeout client 5s\n  timeout server 5s\n\nlisten app\n  bind {}\n  option httpchk GET /health/ready\n  \
         http-check disable-on-404\n  server one {} check inter 50ms fall 2 rise 2\n",
        free_address(),
        served.address,
    );
    let Some(haproxy) = Haproxy::start("haproxy-soft", &configuration, &[]) else {
        return;
    };
    let is = async |expected: &str| {
        let what = format!("the server is {expected}");
        haproxy.eventually(&what, "app", "one", |server| server.status() == expected).await;
    };
    is("UP").await;
    health.drain();
    is("NOLB").await;
    health.resume();
    is("UP").await;
    finds.store(UNHEALTHY, Ordering::SeqCst);
    is("DOWN").await;
}
