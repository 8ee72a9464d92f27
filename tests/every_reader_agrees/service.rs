//! The service that everybody reads, and the states that it goes through.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use actix_web::dev::Service as _;
use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use health_actix::{Management, Profile, endpoints, server};
use health_core::{Gate, Health, Outcome, Probe, Scope, Spec, Status, Systemd};
use health_tests::http::{Served, serve};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A state, and what everybody has to make of it.
pub struct State {
    pub name: &'static str,
    pub ready: Status,
    pub traffic: bool,
    pub restart: bool,
}

const fn gets_traffic(name: &'static str, ready: Status) -> State {
    State { name, ready, traffic: true, restart: false }
}

const fn gets_none(name: &'static str) -> State {
    State { name, ready: Status::Unhealthy, traffic: false, restart: false }
}

/// In turns with traffic and without, so that every reader has to notice every one of them.
pub const STATES: &[State] = &[
    gets_none("starting"),
    gets_traffic("healthy", Status::Healthy),
    gets_none("unhealthy"),
    gets_traffic("degraded", Status::Degraded),
    gets_none("a check hangs"),
    gets_traffic("muted", Status::Degraded),
    gets_none("draining"),
    gets_traffic("resumed", Status::Healthy),
    gets_none("a check blocks its thread"),
    gets_traffic("recovered", Status::Healthy),
    State { restart: true, ..gets_none("broken itself") },
];

#[derive(Clone, Copy)]
enum Finds {
    Well,
    Slow,
    Away,
    /// Nothing, ever.
    Hangs,
}

/// What the questions of a reader are counted by.
pub type Asked = Arc<AtomicU32>;

pub struct Service {
    pub health: Health,
    gate: Gate,
    db: watch::Sender<Finds>,
    disk: Arc<Disk>,
    is_broken: Arc<AtomicBool>,
    served: Served,
    agent: SocketAddr,
    pub httpchk: Asked,
    pub soft: Asked,
    pub agent_asked: Asked,
    management: Management,
}

/// A disk that may be gone, with whoever reads it.
#[derive(Default)]
struct Disk {
    is_stuck: Mutex<bool>,
    comes_back: Condvar,
}

impl Disk {
    fn read(&self) {
        let is_stuck = self.is_stuck.lock().unwrap();
        drop(self.comes_back.wait_while(is_stuck, |is_stuck| *is_stuck).unwrap());
    }

    fn set(&self, is_stuck: bool) {
        *self.is_stuck.lock().unwrap() = is_stuck;
        self.comes_back.notify_all();
    }
}

/// Observed often, and believed for long: a busy machine makes nothing stale.
fn spec(name: &'static str) -> Spec {
    Spec::named(name).interval("100ms").cache("50ms").timeout("300ms").max_age("30s")
}

async fn ping(mut finds: watch::Receiver<Finds>) -> Outcome {
    loop {
        let found = *finds.borrow_and_update();
        match found {
            Finds::Well => return Outcome::healthy(),
            Finds::Slow => return Outcome::degraded("slow"),
            Finds::Away => return Outcome::unhealthy("away"),
            Finds::Hangs => drop(finds.changed().await),
        }
    }
}

impl Service {
    pub async fn start() -> Self {
        let gate = Gate::new("migrations").holding_startup();
        let (db, finds) = watch::channel(Finds::Well);
        let (disk, is_broken) = (Arc::new(Disk::default()), Arc::new(AtomicBool::new(false)));
        let (read, broken) = (Arc::clone(&disk), Arc::clone(&is_broken));
        let itself = move || {
            let is_broken = broken.load(Ordering::SeqCst);
            async move { if is_broken { Outcome::unhealthy("broken") } else { Outcome::healthy() } }
        };
        let health = Health::builder()
            .gate(&gate)
            .check_fn(spec("db"), move || ping(finds.clone()))
            .check_blocking(spec("disk"), move || read.read())
            // Whoever has to be restarted gets no traffic until then.
            .check_fn(spec("itself").probe([Probe::Live, Probe::Ready]).scope(Scope::Local), itself)
            .systemd(Systemd::new().may_resume())
            .build()
            .unwrap()
            .start();
        let (httpchk, soft, agent_asked) = (Asked::default(), Asked::default(), Asked::default());
        let served = served(&health, &httpchk, &soft);
        let bound = server(health.clone()).bind_haproxy_agent(("127.0.0.1", 0)).unwrap();
        let management = bound.bind(("127.0.0.1", 0)).unwrap().start().unwrap();
        let agent = counted(management.haproxy_agents()[0], Arc::clone(&agent_asked)).await;
        Self { health, gate, db, disk, is_broken, served, agent, httpchk, soft, agent_asked, management }
    }

    /// Where it serves its users, and everybody who speaks HTTP.
    pub fn address(&self) -> SocketAddr {
        self.served.address
    }

    /// Where it shows its checks.
    pub fn management(&self) -> SocketAddr {
        self.management.addresses()[0]
    }

    /// Where its agent is asked.
    pub fn agent(&self) -> SocketAddr {
        self.agent
    }

    fn find(&self, found: Finds) {
        self.db.send_replace(found);
    }

    /// From the state before it into this one.
    pub fn enter(&self, state: &str) {
        match state {
            "starting" => {}
            "healthy" => self.gate.open(),
            "unhealthy" => self.find(Finds::Away),
            "degraded" => self.find(Finds::Slow),
            "a check hangs" => self.find(Finds::Hangs),
            "muted" => {
                self.find(Finds::Away);
                self.health.mute("db", "1h", "known").unwrap();
            }
            "draining" => {
                self.find(Finds::Well);
                self.health.unmute("db");
                self.health.drain();
            }
            "resumed" => self.health.resume(),
            "a check blocks its thread" => self.disk.set(true),
            "recovered" => self.disk.set(false),
            "broken itself" => self.is_broken.store(true, Ordering::SeqCst),
            unknown => panic!("no state is called {unknown}"),
        }
    }
}

fn served(health: &Health, httpchk: &Asked, soft: &Asked) -> Served {
    let (health, httpchk, soft) = (health.clone(), Arc::clone(httpchk), Arc::clone(soft));
    serve(2, move |config| {
        let (httpchk, soft) = (Arc::clone(&httpchk), Arc::clone(&soft));
        let counting = web::scope("").wrap_fn(move |request, service| {
            match (request.method(), request.path()) {
                (&Method::OPTIONS, "/health/ready") => drop(httpchk.fetch_add(1, Ordering::SeqCst)),
                (&Method::OPTIONS, "/soft/ready") => drop(soft.fetch_add(1, Ordering::SeqCst)),
                _ => {}
            }
            service.call(request)
        });
        let whoami = web::get().to(async || HttpResponse::Ok().body("the service"));
        let haproxy = endpoints(health.clone()).mount("/soft").profile(Profile::haproxy());
        let counting = counting.service(endpoints(health.clone())).service(haproxy).route("/whoami", whoami);
        config.service(counting);
    })
}

/// Another address of `to`, at which connections are counted.
async fn counted(to: SocketAddr, asked: Asked) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            asked.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                if let Ok(mut server) = TcpStream::connect(to).await {
                    drop(copy_bidirectional(&mut client, &mut server).await);
                }
            });
        }
    });
    address
}
