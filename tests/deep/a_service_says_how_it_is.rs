//! What a real service of this framework says in each of its forms is carried up, and nothing more than that.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::dev::ServerHandle;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpRequest, HttpServer};
use health_actix::dialect::{HealthJson, MicroProfile, Spring};
use health_actix::{Access, Endpoints, Profile, endpoints};
use health_builtins::Recommended;
use health_builtins::http::Downstream;
use health_core::{Exposure, Gate, Health, HealthBuilder, Outcome, Probe, Scope, Spec, Status};
use health_deep_tests::asked::{Deep, SECRET};
use health_tests::http::{Served, serve};
use health_tests::servers::eventually;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Client, redirect};

fn served(endpoints: Endpoints) -> Served {
    serve(1, move |config: &mut ServiceConfig| {
        config.service(endpoints.clone());
    })
}

fn asking(service: &Served, path: &str) -> Downstream {
    let client = Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
    Downstream::of(&client, format!("http://{}{path}", service.address)).expect("a URL")
}

fn deep(check: Downstream) -> Deep {
    assert!(!format!("{check:?}").contains(SECRET), "{check:?}");
    Deep::started("orders", check.spec("orders").timeout("5s"), check)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Healthy,
    Degraded,
    Unhealthy,
    Draining,
    Closed,
}

const STATES: [State; 5] =
    [State::Healthy, State::Degraded, State::Unhealthy, State::Draining, State::Closed];

/// A service in this state. Whatever else it has to say is a secret.
fn service(state: State) -> (Health, Gate) {
    let gate = Gate::new("migrations");
    let status = |own: State, bad| {
        move || async move {
            let outcome = Outcome::of(if state == own { bad } else { Status::Healthy });
            outcome.with_summary(SECRET).data("host", SECRET).because(SECRET)
        }
    };
    let mut builder: HealthBuilder = Health::builder()
        .check_fn(Spec::named("stores/db"), status(State::Unhealthy, Status::Unhealthy))
        .check_fn(Spec::named("cache").critical(false), status(State::Degraded, Status::Degraded));
    if state == State::Closed {
        builder = builder.gate(&gate);
    }
    let health = builder.build().expect("valid").start();
    if state == State::Draining {
        health.drain();
    }
    (health, gate)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Native,
    Whole,
    HealthJson,
    MicroProfile,
    Spring,
}

const FORMS: [Form; 5] = [Form::Native, Form::Whole, Form::HealthJson, Form::MicroProfile, Form::Spring];

impl Form {
    fn of(self, health: &Health) -> (Endpoints, &'static str) {
        let endpoints = endpoints(health.clone());
        match self {
            Self::Native => (endpoints, "/health/ready"),
            Self::Whole => (endpoints, "/health"),
            Self::HealthJson => (endpoints.dialect(HealthJson::new()), "/health/ready"),
            Self::MicroProfile => (endpoints.dialect(MicroProfile::new()), "/health/ready"),
            Self::Spring => (endpoints.dialect(Spring::new()), "/actuator/health/readiness"),
        }
    }
}

/// What is said of each state in each form, where names are shown, and where they are not.
fn expected(state: State, form: Form, exposure: Exposure) -> (Status, Option<&'static str>) {
    let names = exposure >= Exposure::Checks;
    let unhealthy = |summary| (Status::Unhealthy, Some(summary));
    match (state, form) {
        (State::Healthy, _) => (Status::Healthy, None),
        // Which check it is, MicroProfile says among the data.
        (State::Degraded, Form::MicroProfile) if exposure < Exposure::Full => {
            (Status::Degraded, Some("degraded"))
        }
        (State::Degraded, _) if names => (Status::Degraded, Some("degraded: cache")),
        (State::Degraded, _) => (Status::Degraded, Some("degraded")),
        (State::Draining | State::Closed, Form::Spring) => unhealthy("unhealthy; out of service"),
        (_, _) if !names => unhealthy("unhealthy"),
        (State::Unhealthy, _) => unhealthy("unhealthy; failing: stores/db"),
        (State::Draining | State::Closed, Form::HealthJson) => unhealthy("unhealthy"),
        (State::Draining, Form::MicroProfile) => unhealthy("unhealthy; failing: phase:draining"),
        (State::Closed, Form::MicroProfile) => unhealthy("unhealthy; failing: gate:migrations"),
        (State::Draining, _) => unhealthy("unhealthy; draining"),
        (State::Closed, _) => unhealthy("unhealthy; starting; waiting for: gate:migrations"),
    }
}

#[tokio::test]
async fn each_form_of_each_state_is_carried_up() {
    for state in STATES {
        let (health, _gate) = service(state);
        for exposure in [Exposure::Status, Exposure::Checks, Exposure::Full] {
            for form in FORMS {
                let (endpoints, path) = form.of(&health);
                let service = served(endpoints.exposure(exposure));
                let told = deep(asking(&service, path)).told().await;
                let (status, summary) = expected(state, form, exposure);
                assert_eq!(told.said(), (Ok(status), summary), "{state:?} {form:?} {exposure:?}");
                assert_eq!(told.cause, None, "{state:?} {form:?} {exposure:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_balancers_are_told_is_understood() {
    let degraded = service(State::Degraded).0;
    let draining = service(State::Draining).0;
    for exposure in [Exposure::Status, Exposure::Checks] {
        let shown = exposure == Exposure::Checks;
        let consul = served(endpoints(degraded.clone()).profile(Profile::consul()).exposure(exposure));
        let told = deep(asking(&consul, "/health/ready")).told().await;
        told.is_degraded(if shown { "degraded: cache" } else { "degraded" });
        assert_eq!(told.data["code"], 429);

        let haproxy = served(endpoints(draining.clone()).profile(Profile::haproxy()).exposure(exposure));
        let told = deep(asking(&haproxy, "/health/ready")).told().await;
        told.is_unhealthy(if shown { "unhealthy; draining" } else { "unhealthy" });
        assert_eq!(told.data["code"], 404);
    }
    // Where there is nothing, nothing is well.
    let service = served(endpoints(degraded));
    deep(asking(&service, "/nothing")).told().await.is_unhealthy("answered 404");
}

#[tokio::test]
async fn a_body_that_is_too_long_leaves_the_header() {
    let service = served(endpoints(service(State::Degraded).0).exposure(Exposure::Full));
    let told = deep(asking(&service, "/health/ready").at_most(10)).told().await;
    told.is_degraded("degraded");
}

#[tokio::test]
async fn what_cannot_be_read_or_says_nothing_is_not_well() {
    let page = HttpServer::new(|| App::new().default_service(actix_web::web::to(page)));
    let page = page.workers(1).disable_signals().bind(("127.0.0.1", 0)).expect("a free port");
    let address = *page.addrs().first().expect("it is bound");
    let page = page.run();
    let handle = page.handle();
    tokio::spawn(page);
    let told = deep(asking_at(address)).told().await;
    told.is_degraded("its answer is a page, which says nothing about its health");
    deep(asking_at(address).at_most(10)).told().await.is_degraded("its answer is too long");
    // Two of that header would not do.
    let plain = asking_at(address).header(ACCEPT, HeaderValue::from_static("text/plain"));
    deep(plain).told().await.is_healthy();
    handle.stop(false).await;
}

/// For all who do not ask for text, and nothing but text.
async fn page(request: HttpRequest) -> &'static str {
    let accepted: Vec<_> = request.headers().get_all(ACCEPT.as_str()).map(|value| value.as_bytes()).collect();
    if accepted == [b"text/plain"] { "ok" } else { "<!DOCTYPE html><title>Sign in</title>" }
}

#[tokio::test]
async fn names_are_shown_to_whom_the_other_service_shows_them() {
    let access = Access::new().token(Exposure::Checks, SECRET).expect("a token");
    let service = served(endpoints(service(State::Unhealthy).0).access(access));
    let with = |token: &str| {
        let token = HeaderValue::from_str(&format!("Bearer {token}")).expect("a header");
        deep(asking(&service, "/health/ready").header(AUTHORIZATION, token))
    };
    with(SECRET).told().await.is_unhealthy("unhealthy; failing: stores/db");
    with("wrong-and-long-enough").told().await.is_unhealthy("unhealthy");
}

#[tokio::test]
async fn its_outage_is_not_ours() {
    let orders = served(endpoints(service(State::Unhealthy).0).exposure(Exposure::Checks));
    let check = asking(&orders, "/health/ready");
    let ours = Health::builder().check(check.spec("orders"), check).build().expect("valid").start();
    let report = ours.report(Probe::Ready).await;
    assert_eq!(report.status(), Status::Degraded);
    let entry = report.entry("orders").expect("it is there");
    assert_eq!(
        (entry.raw(), entry.summary()),
        (Ok(Status::Unhealthy), Some("unhealthy; failing: stores/db"))
    );
}

/// A service whose own `db` is as told, and that looks at another one. Served where it is told to be.
fn looking(
    listener: TcpListener,
    db: &Arc<AtomicBool>,
    at: SocketAddr,
    spec: Spec,
    us: &str,
) -> ServerHandle {
    let db = Arc::clone(db);
    let check = Downstream::of(&Client::new(), format!("http://{at}/health/ready")).expect("a URL");
    let health = Health::builder()
        .check_fn(Spec::named("db").interval("50ms").cache("1ms"), move || {
            let is_well = db.load(Ordering::SeqCst);
            async move { if is_well { Status::Healthy } else { Status::Degraded } }
        })
        .check(spec.interval("50ms").scope(Scope::Shared).timeout("2s"), check.leaving_out([us.to_owned()]))
        .build()
        .expect("valid")
        .start();
    let endpoints = endpoints(health).exposure(Exposure::Checks);
    let server = HttpServer::new(move || App::new().service(endpoints.clone()));
    let server = server.workers(1).disable_signals().listen(listener).expect("it listens").run();
    let handle = server.handle();
    tokio::spawn(server);
    handle
}

#[tokio::test]
async fn two_that_look_at_each_other_recover() {
    let bound = || TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let (a, b) = (bound(), bound());
    let (at_a, at_b) = (a.local_addr().expect("bound"), b.local_addr().expect("bound"));
    let (db, well) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
    let handles =
        [looking(a, &db, at_b, Spec::named("b"), "a"), looking(b, &well, at_a, Spec::named("a"), "b")];
    let of_a = Deep::started("a", Spec::named("a"), asking_at(at_a));
    let of_b = Deep::started("b", Spec::named("b"), asking_at(at_b));
    of_a.recovers().await;
    of_b.recovers().await;
    db.store(false, Ordering::SeqCst);
    eventually("both are degraded", async || {
        let (a, b) = (of_a.told().await, of_b.told().await);
        a.status == Ok(Status::Degraded) && b.status == Ok(Status::Degraded)
    })
    .await;
    db.store(true, Ordering::SeqCst);
    of_a.recovers().await;
    of_b.recovers().await;
    for handle in handles {
        handle.stop(false).await;
    }
}

fn asking_at(address: SocketAddr) -> Downstream {
    Downstream::of(&Client::new(), format!("http://{address}/health/ready")).expect("a URL")
}
