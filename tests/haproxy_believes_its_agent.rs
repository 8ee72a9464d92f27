//! HAProxy, run with the configuration that the documentation shows, believes what the agent says, and an operator more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::dev::{ServerHandle, Service as _};
use actix_web::http::Method;
use actix_web::{App, HttpResponse, HttpServer, web};
use health_actix::{HaproxyAgent, Management, Profile, endpoints, server};
use health_core::{Exposure, Gate, Health, Reporter, Spec};
use health_tests::haproxy::{Haproxy, Server, free_address};
use health_tests::http::{Served, get, serve};
use health_tests::servers::eventually;

const CONFIGURATION: &str = include_str!("../docs/haproxy_agent.cfg");

/// One instance behind the balancer.
struct Instance {
    health: Health,
    db: Reporter,
    served: Served,
    management: Management,
}

impl Instance {
    fn new(name: &'static str, agent: HaproxyAgent) -> Self {
        Self::held_by(&[], name, agent)
    }

    fn held_by(gates: &[&Gate], name: &'static str, agent: HaproxyAgent) -> Self {
        let db = Reporter::new(Spec::named("db").max_age("1h"));
        let builder = gates.iter().fold(Health::builder().reporter(&db), |builder, gate| builder.gate(gate));
        let health = builder.build().unwrap().start();
        db.healthy();
        let served_health = health.clone();
        let served = serve(1, move |config| {
            config
                .service(endpoints(served_health.clone()).profile(Profile::haproxy()))
                .route("/whoami", web::get().to(move || async move { HttpResponse::Ok().body(name) }));
        });
        let bound = server(health.clone()).haproxy_agent(agent).bind_haproxy_agent(("127.0.0.1", 0)).unwrap();
        let management = bound.start().unwrap();
        Self { health, db, served, management }
    }

    fn addresses(&self) -> Addresses {
        Addresses { app: self.served.address, agent: self.management.haproxy_agents()[0] }
    }
}

/// Where HAProxy finds an instance.
#[derive(Clone, Copy)]
struct Addresses {
    app: SocketAddr,
    agent: SocketAddr,
}

impl Addresses {
    /// What its line says where the configuration says `shown`.
    fn instead_of(&self, shown: &'static str) -> (&'static str, String) {
        (shown, format!("{} agent-port {}", self.app, self.agent.port()))
    }
}

/// HAProxy as it is documented, with all its times, in front of these two.
fn in_front_of(one: &Instance, two: &Instance, weight: &str) -> Option<(Haproxy, SocketAddr)> {
    in_front_of_addresses(one.addresses(), two.addresses(), weight)
}

fn in_front_of_addresses(one: Addresses, two: Addresses, weight: &str) -> Option<(Haproxy, SocketAddr)> {
    let front = free_address();
    let replaced = [
        ("0.0.0.0:80\n", format!("{front}\n")),
        one.instead_of("10.0.0.1:8080 agent-port 9001"),
        two.instead_of("10.0.0.2:8080 agent-port 9001"),
        ("default-server weight 100", format!("default-server weight {weight}")),
    ];
    Some((Haproxy::start("agent", CONFIGURATION, &replaced)?, front))
}

/// Waits until HAProxy has this status and weight for a server of the backend.
async fn is(haproxy: &Haproxy, server: &str, status: &str, weight: &str) {
    let what = format!("server {server} is {status} with weight {weight}");
    haproxy
        .eventually(&what, "app", server, |server| {
            let has_been_asked = server.get("check_status").starts_with("L7") || server.status() == "MAINT";
            has_been_asked && (server.status(), server.get("uweight")) == (status, weight)
        })
        .await;
}

#[tokio::test]
async fn haproxy_follows_the_agent() {
    let gate = Gate::new("migrations");
    let names = HaproxyAgent::new().exposure(Exposure::Checks);
    let (one, two) = (Instance::held_by(&[&gate], "one", names), Instance::new("two", HaproxyAgent::new()));
    let Some((haproxy, front)) = in_front_of(&one, &two, "100") else {
        return;
    };
    let says_why = async |server: &str, why: &str| {
        haproxy.eventually(why, "app", server, |server| server.get("last_agt").contains(why)).await;
    };
    let all_go_to = async |name: &str| {
        for _ in 0..6 {
            let answer = get(front, "/whoami").await;
            assert_eq!((answer.code, &*answer.body), (200, name));
        }
    };
    is(&haproxy, "two", "UP", "100").await;
    says_why("one", "down (starting)").await;
    is(&haproxy, "one", "DOWN (agent)", "100").await;
    all_go_to("two").await;

    gate.open();
    is(&haproxy, "one", "UP", "100").await;

    one.health.drain();
    haproxy.eventually("the agent is heard", "app", "one", |server| server.get("uweight") == "0").await;
    all_go_to("two").await;
    is(&haproxy, "one", "NOLB", "0").await;
    all_go_to("two").await;
    one.db.degraded("slow");
    one.health.resume();
    is(&haproxy, "one", "UP", "100").await;

    one.db.unhealthy("away");
    is(&haproxy, "one", "DOWN (agent)", "100").await;
    says_why("one", "down (unhealthy: db)").await;
    two.db.unhealthy("away");
    says_why("two", "down (unhealthy)").await;
    assert_eq!(get(front, "/whoami").await.code, 503, "nobody is left");
    one.db.healthy();
    is(&haproxy, "one", "UP", "100").await;
    all_go_to("one").await;
}

/// One process after another at the same addresses, and how often HAProxy has asked the last of them.
struct Life {
    asked: Arc<AtomicUsize>,
    server: ServerHandle,
}

impl Life {
    fn starts(health: &Health, app: SocketAddr) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let (counted, health) = (Arc::clone(&asked), health.clone());
        let server = HttpServer::new(move || {
            let asked = Arc::clone(&counted);
            App::new()
                .wrap_fn(move |request, service| {
                    asked.fetch_add(usize::from(request.method() == Method::OPTIONS), Ordering::SeqCst);
                    service.call(request)
                })
                .service(endpoints(health.clone()).profile(Profile::haproxy()))
                .route("/whoami", web::get().to(|| async { HttpResponse::Ok().body("one") }))
        });
        let running = server.workers(1).disable_signals().bind(app).expect("its port is free").run();
        let server = running.handle();
        tokio::spawn(running);
        Self { asked, server }
    }
}

/// However late its agent speaks: what the one before has said last is what HAProxy believes until then.
#[tokio::test]
async fn what_starts_anew_after_a_crash_gets_no_request_before_it_is_ready() {
    let gate = Gate::new("migrations");
    let (before, after) = (Health::builder().build(), Health::builder().gate(&gate).build());
    let (before, after) = (before.unwrap().start(), after.unwrap().start());
    let addresses = Addresses { app: free_address(), agent: free_address() };
    let agent_of =
        |health: &Health| server(health.clone()).bind_haproxy_agent(addresses.agent).ok()?.start().ok();
    let two = Instance::new("two", HaproxyAgent::new());
    let life = Life::starts(&before, addresses.app);
    let agent = agent_of(&before).expect("its port is free");
    let Some((haproxy, front)) = in_front_of_addresses(addresses, two.addresses(), "100") else {
        return;
    };
    let becomes = async |what: &str, is_so: fn(&Server) -> bool| {
        haproxy.eventually(what, "app", "one", is_so).await;
    };
    is(&haproxy, "one", "UP", "100").await;
    is(&haproxy, "two", "UP", "100").await;
    becomes("up for its agent", |server| server.get("agent_status") == "L7OK").await;

    agent.stop().await;
    life.server.stop(false).await;
    becomes("down for the other check", |server| server.status() == "DOWN").await;

    let life = Life::starts(&after, addresses.app);
    let all_go_to_two = async || {
        for _ in 0..6 {
            assert_eq!(get(front, "/whoami").await.body, "two");
        }
    };
    // Whom it finds well twice is up before it asks again.
    eventually("it is asked again and again", async || life.asked.load(Ordering::SeqCst) > 3).await;
    all_go_to_two().await;
    let mut agent = None;
    eventually("the port of the agent is free", async || {
        agent = agent_of(&after);
        agent.is_some()
    })
    .await;
    becomes("heard of again", |server| server.get("last_agt").contains("down (starting)")).await;
    all_go_to_two().await;
    gate.open();
    is(&haproxy, "one", "UP", "100").await;
    let bodies = [get(front, "/whoami").await.body, get(front, "/whoami").await.body];
    assert!(bodies.contains(&"one".to_owned()), "{bodies:?}");
}

#[tokio::test]
async fn a_weight_that_an_operator_has_set_needs_the_agent_disabled() {
    let (one, two) = (Instance::new("one", HaproxyAgent::new()), Instance::new("two", HaproxyAgent::new()));
    let Some((haproxy, _)) = in_front_of(&one, &two, "100") else {
        return;
    };
    is(&haproxy, "one", "UP", "100").await;
    haproxy.command("set server app/one weight 40").await;
    is(&haproxy, "one", "UP", "100").await;
    haproxy.command("disable agent app/one").await;
    haproxy.command("set server app/one weight 40").await;
    is(&haproxy, "one", "UP", "40").await;
    // What only the agent would make 0.
    one.health.drain();
    is(&haproxy, "one", "NOLB", "40").await;
}

#[tokio::test]
async fn what_an_operator_has_set_survives_the_agent() {
    let (one, two) = (Instance::new("one", HaproxyAgent::new()), Instance::new("two", HaproxyAgent::new()));
    let Some((haproxy, front)) = in_front_of(&one, &two, "100") else {
        return;
    };
    is(&haproxy, "one", "UP", "100").await;
    is(&haproxy, "two", "UP", "100").await;
    for (set, is_shown) in [("maint", "MAINT"), ("drain", "DRAIN (agent)")] {
        haproxy.command(&format!("set server app/one state {set}")).await;
        // The weight is the agent's: it is asked all the while.
        for _ in 0..3 {
            is(&haproxy, "one", is_shown, "100").await;
            one.health.drain();
            is(&haproxy, "one", is_shown, "0").await;
            one.health.resume();
        }
        is(&haproxy, "one", is_shown, "100").await;
        for _ in 0..6 {
            assert_eq!(get(front, "/whoami").await.body, "two");
        }
        haproxy.command("set server app/one state ready").await;
        is(&haproxy, "one", "UP", "100").await;
    }
}

/// The default weight of a server is 1, and of that HAProxy cuts fractions off.
#[tokio::test]
async fn degraded_servers_of_the_default_weight_are_served() {
    let (one, two) = (Instance::new("one", HaproxyAgent::new()), Instance::new("two", HaproxyAgent::new()));
    one.db.degraded("slow");
    two.db.degraded("slow");
    let Some((haproxy, front)) = in_front_of(&one, &two, "1") else {
        return;
    };
    for server in ["one", "two"] {
        is(&haproxy, server, "UP", "1").await;
        haproxy.eventually("asked", "app", server, |server| server.get("agent_status") == "L7OK").await;
    }
    for _ in 0..100 {
        assert_eq!(get(front, "/whoami").await.code, 200);
    }
}

/// Why a lower weight is opted for, and which weights it needs.
#[tokio::test]
async fn a_lower_weight_needs_servers_of_weight_100() {
    let less = HaproxyAgent::new().weight_while_degraded(1);
    for (of, comes_to, code) in [("100", "1", 200), ("99", "0", 503)] {
        let (one, two) = (Instance::new("one", less), Instance::new("two", less));
        one.db.degraded("slow");
        two.db.degraded("slow");
        let Some((haproxy, front)) = in_front_of(&one, &two, of) else {
            return;
        };
        is(&haproxy, "one", "UP", comes_to).await;
        is(&haproxy, "two", "UP", comes_to).await;
        assert_eq!(get(front, "/whoami").await.code, code, "1 % of {of}");
    }
}
