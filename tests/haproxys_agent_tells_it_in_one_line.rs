//! Whoever connects to the agent is told in one line how ready stands, whatever else that client does or leaves undone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use health_actix::{HaproxyAgent, Management, server};
use health_core::{Exposure, Gate, Health, HealthBuilder, Outcome, Probe, Reporter, Spec, Status};
use health_tests::http::{Wire, get};
use health_tests::servers::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An agent, and how it is asked.
struct Agent {
    health: Health,
    address: SocketAddr,
    _management: Management,
}

impl Agent {
    fn of(health: Health, agent: HaproxyAgent) -> Self {
        let bound = server(health.clone()).haproxy_agent(agent).bind_haproxy_agent(("127.0.0.1", 0)).unwrap();
        let management = bound.start().unwrap();
        Self { health, address: management.haproxy_agents()[0], _management: management }
    }

    async fn says(&self) -> String {
        said(self.address).await
    }
}

async fn said(address: SocketAddr) -> String {
    String::from_utf8(Wire::to(address).await.rest().await).unwrap()
}

fn started(builder: HealthBuilder) -> Health {
    builder.build().unwrap().start()
}

/// One that finds what it is told to find.
fn finding(status: Status) -> (Reporter, HealthBuilder) {
    let reporter = Reporter::new(Spec::named("db").max_age("1h"));
    let builder = Health::builder().reporter(&reporter);
    tell(&reporter, status);
    (reporter, builder)
}

fn tell(reporter: &Reporter, status: Status) {
    match status {
        Status::Healthy => reporter.healthy(),
        Status::Degraded => reporter.degraded("slow"),
        Status::Unhealthy => reporter.unhealthy("away"),
    }
}

#[tokio::test]
async fn each_state_has_its_line() {
    let gate = Gate::new("migrations");
    let (db, builder) = finding(Status::Healthy);
    let agent = Agent::of(started(builder.gate(&gate)), HaproxyAgent::new());
    assert_eq!(agent.says().await, "down #starting\n");
    agent.health.drain();
    assert_eq!(agent.says().await, "up 0%\n", "also when it was never ready");
    agent.health.resume();
    assert_eq!(agent.says().await, "down #starting\n");
    gate.open();
    tell(&db, Status::Healthy);
    assert_eq!(agent.says().await, "up 100%\n");
    tell(&db, Status::Degraded);
    assert_eq!(agent.says().await, "up 100%\n", "degraded is good for traffic");
    tell(&db, Status::Unhealthy);
    assert_eq!(agent.says().await, "down #unhealthy\n", "and no name");
    agent.health.drain();
    assert_eq!(agent.says().await, "up 0%\n", "what is under way is finished, whatever fails");
    agent.health.resume();
    agent.health.mute("db", "1h", "known").unwrap();
    assert_eq!(agent.says().await, "up 100%\n");
}

#[tokio::test]
async fn names_are_told_to_those_who_may_see_checks_and_have_room_for_them() {
    let may_see = HaproxyAgent::new().exposure(Exposure::Checks);
    let failing = |names: Vec<String>| {
        let fails = || async { Outcome::unhealthy("away") };
        names.into_iter().fold(Health::builder(), |builder, name| builder.check_fn(Spec::named(name), fails))
    };
    let says = async |names: Vec<String>| {
        let agent = Agent::of(started(failing(names)), may_see);
        agent.health.report(Probe::Ready).await;
        agent.says().await
    };
    assert_eq!(
        says(vec!["db".into(), "billing/ledger".into()]).await,
        "down #unhealthy: billing/ledger db\n"
    );
    let many = says((100..400).map(|number| format!("check-{number}")).collect()).await;
    assert_eq!(
        many,
        "down #unhealthy: check-100 check-101 check-102 check-103 check-104 check-105 check-106 and 293 more\n"
    );
    assert_eq!(says(vec!["x".repeat(128)]).await, "down #unhealthy\n", "it is never cut");
    assert_eq!(
        says(vec!["x".repeat(128), "z".into()]).await,
        "down #unhealthy: z and 1 more\n",
        "others are told all the same"
    );
    // A summary never is.
    let full = Agent::of(started(failing(vec!["db".into()])), HaproxyAgent::new().exposure(Exposure::Full));
    full.health.report(Probe::Ready).await;
    assert_eq!(full.says().await, "down #unhealthy: db\n");
}

#[tokio::test]
async fn less_while_degraded_is_opted_for() {
    let (db, builder) = finding(Status::Degraded);
    let agent = Agent::of(started(builder), HaproxyAgent::new().weight_while_degraded(50));
    tell(&db, Status::Degraded);
    assert_eq!(agent.says().await, "up 50%\n");
    tell(&db, Status::Healthy);
    assert_eq!(agent.says().await, "up 100%\n");
    agent.health.drain();
    assert_eq!(agent.says().await, "up 0%\n");
    for wrong in [0, 101, 255] {
        let bound = server(agent.health.clone()).bind_haproxy_agent(("127.0.0.1", 0)).unwrap();
        let refused = bound.haproxy_agent(HaproxyAgent::new().weight_while_degraded(wrong)).start();
        assert_eq!(refused.unwrap_err().to_string(), "weight_while_degraded takes 1 to 100 percent");
    }
}

/// A drain that begins or ends while the line is made never looks like a failure: HAProxy would break off sessions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_that_begins_or_ends_is_never_a_failure() {
    let agent = Agent::of(started(Health::builder()), HaproxyAgent::new());
    let ends = Arc::new(AtomicBool::new(false));
    let toggling = std::thread::spawn({
        let (health, ends) = (agent.health.clone(), Arc::clone(&ends));
        move || {
            while !ends.load(Ordering::Relaxed) {
                health.drain();
                health.resume();
            }
        }
    });
    for _ in 0..3000 {
        let line = agent.says().await;
        assert!(["up 0%\n", "up 100%\n"].contains(&&*line), "{line}");
    }
    ends.store(true, Ordering::Relaxed);
    toggling.join().unwrap();
}

#[tokio::test]
async fn nothing_is_run_for_it() {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let check = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async {}
    };
    let spec = Spec::named("db").interval("never").cache("1ms");
    let agent = Agent::of(started(Health::builder().check_fn(spec, check)), HaproxyAgent::new());
    agent.health.report(Probe::Ready).await;
    let before = runs.load(Ordering::SeqCst);
    for _ in 0..20 {
        assert_eq!(agent.says().await, "up 100%\n");
    }
    assert_eq!(runs.load(Ordering::SeqCst), before);
}

#[tokio::test]
async fn what_a_client_sends_is_ignored() {
    let agent = Agent::of(started(Health::builder()), HaproxyAgent::new());
    let much = "x".repeat(200_000);
    for sent in ["db\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\0\r\nup 0%\n", &much] {
        let mut wire = Wire::to(agent.address).await;
        wire.send(sent).await;
        assert_eq!(wire.rest().await, b"up 100%\n", "{sent:.10}");
    }
}

/// How many connections at this address somebody holds; `None` where the system does not tell.
fn sockets_of(address: SocketAddr) -> Option<usize> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let local = format!("0100007F:{:04X}", address.port());
    let columns = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    // Of what nobody holds any more there is no inode.
    Some(columns.filter(|columns| columns[1] == local && columns[9] != "0").count() - 1)
}

/// None of them is waited for, however many there are; and each is gone when its place is wanted.
#[tokio::test]
async fn clients_who_stay_hold_up_nobody() {
    let health = started(Health::builder());
    let bound = server(health).max_connections(4).bind_haproxy_agent(("127.0.0.1", 0)).unwrap();
    let management = bound.start().unwrap();
    let address = management.haproxy_agents()[0];
    let mut who_stay = Vec::new();
    for _ in 0..50 {
        who_stay.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(said(address).await, "up 100%\n");
    for stayed in &mut who_stay {
        let mut line = String::new();
        stayed.read_to_string(&mut line).await.unwrap();
        assert_eq!(line, "up 100%\n", "each has been told before");
    }
    let kept = sockets_of(address);
    assert!(kept.is_none_or(|kept| kept <= 10), "{kept:?} are kept, of which at most four may stay");
    // Who speaks to nobody is told so.
    eventually("all are cut off", async || {
        let mut cut_off = 0;
        for stayed in &mut who_stay {
            cut_off += u8::from(stayed.write_all(b"x").await.is_err());
        }
        cut_off == 50
    })
    .await;
}

#[tokio::test]
async fn clients_who_talk_without_end_are_cut_off() {
    let agent = Agent::of(started(Health::builder()), HaproxyAgent::new());
    let mut talking = TcpStream::connect(agent.address).await.unwrap();
    let cut_off = async {
        let much = [b'x'; 64 * 1024];
        while talking.write_all(&much).await.is_ok() {}
    };
    tokio::time::timeout(Duration::from_secs(20), cut_off).await.expect("cut off");
    assert_eq!(agent.says().await, "up 100%\n");
}

#[tokio::test]
async fn it_may_be_the_only_port_and_is_never_taken_for_another() {
    let health = started(Health::builder());
    let only = server(health.clone()).bind_haproxy_agent(("0.0.0.0", 0)).unwrap().start().unwrap();
    assert_eq!((only.addresses(), only.probe_port()), (&[][..], None));
    let port = only.haproxy_agents()[0].port();
    assert_eq!(said(([127, 0, 0, 1], port).into()).await, "up 100%\n");

    let taken = server(health.clone()).bind_haproxy_agent(("0.0.0.0", port)).unwrap_err();
    assert!(taken.to_string().starts_with(&format!("cannot listen on 0.0.0.0:{port}: ")), "{taken}");

    let both = server(health).bind_haproxy_agent(("127.0.0.1", 0)).unwrap();
    let both = both.bind(("0.0.0.0", 0)).unwrap().start().unwrap();
    let ([http], [agent]) = (both.addresses(), both.haproxy_agents()) else { panic!("{both:?}") };
    assert_eq!(both.probe_port(), Some(http.port()));
    assert_eq!(get(([127, 0, 0, 1], http.port()).into(), "/health/ready").await.code, 200);
    assert_eq!(said(*agent).await, "up 100%\n");
    let agent = *agent;
    both.stop().await;
    assert!(TcpStream::connect(agent).await.is_err(), "it stops with the rest");
}

/// What a client is told is how it stands when it connects, not how it stood when the agent was made.
#[tokio::test]
async fn it_follows_the_check() {
    let finds = Arc::new(AtomicU8::new(0));
    let found = Arc::clone(&finds);
    let check = move || {
        let is_well = found.load(Ordering::SeqCst) == 0;
        async move { if is_well { Outcome::healthy() } else { Outcome::unhealthy("away") } }
    };
    let spec = Spec::named("db").interval("50ms").cache("50ms");
    let agent = Agent::of(started(Health::builder().check_fn(spec, check)), HaproxyAgent::new());
    eventually("it is up", async || agent.says().await == "up 100%\n").await;
    finds.store(1, Ordering::SeqCst);
    eventually("it is down", async || agent.says().await == "down #unhealthy\n").await;
    finds.store(0, Ordering::SeqCst);
    eventually("it is up again", async || agent.says().await == "up 100%\n").await;
}
