//! Nothing of a caller is kept: ten thousand different names, queries, agents and credentials later, the memory is what
//! it was, to the byte.

use std::ops::Range;
use std::pin::Pin;

use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, AUTHORIZATION, USER_AGENT, X_FORWARDED_FOR};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::ServiceConfig;
use actix_web::{App, Error};
use allocation_counter::measure;
use health_actix::dialect::{Dynamo, Kubernetes, MicroProfile, NativeLink, Spring};
use health_actix::{Access, Endpoints, endpoints};
use health_core::{Exposure, Health, Outcome, Probe, Spec};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// Where it is mounted, and who sees how much there.
type Mount = (&'static str, fn(Endpoints) -> Endpoints);

const MOUNTS: [Mount; 4] = [
    ("/health", |endpoints| endpoints),
    ("/checks", |endpoints| endpoints.exposure(Exposure::Checks)),
    ("/full", |endpoints| endpoints.exposure(Exposure::Full)),
    ("/some", |endpoints| endpoints.access(to_some())),
];

/// Whoever says the right thing sees checks; among these callers are some who do.
fn to_some() -> Access {
    let access = Access::new().token(Exposure::Full, "token-0000000000-12345").unwrap();
    let access = access.networks(Exposure::Checks, ["10.0.45.0/24"]).unwrap();
    access.proxies(["127.0.0.1"]).unwrap()
}

const CALLERS: usize = 10_000;
/// Until every pool is as large as it gets, and everything that is said once has been said.
const WARMING_UP: usize = 2_000;
/// All of one length: the server keeps the last requests for the next ones, and these are to be as large.
const FIRST: usize = 10_000;

/// How callers can differ from each other.
const WAYS: [fn(&str, usize) -> TestRequest; 9] = [
    |mount, n| TestRequest::with_uri(&format!("{mount}/checks/nobody-{n}")),
    |mount, n| TestRequest::with_uri(&format!("{mount}/groups/%{:02x}/nobody/{n}", n % 256)),
    |mount, n| TestRequest::with_uri(&format!("{mount}/live/{n}")),
    |mount, n| TestRequest::with_uri(&format!("{mount}/ready?status={n}&{n}=%ff&verbose={n}")),
    |mount, n| TestRequest::with_uri(mount).insert_header((USER_AGENT, format!("kube-probe/{n}"))),
    |mount, n| {
        TestRequest::with_uri(mount).insert_header((ACCEPT, format!("text/x-{n};q=0.{n}, text/plain")))
    },
    |mount, n| {
        TestRequest::with_uri(mount).insert_header((AUTHORIZATION, format!("Bearer token-0000000000-{n}")))
    },
    |mount, n| {
        TestRequest::with_uri(mount)
            .peer_addr(([127, 0, 0, 1], 4711).into())
            .insert_header((X_FORWARDED_FOR, format!("10.0.{:03}.{:03}", n / 256, n % 256)))
    },
    |mount, n| {
        let method = Method::from_bytes(format!("M{n}").as_bytes()).unwrap();
        TestRequest::with_uri(&format!("{mount}/checks/db")).method(method)
    },
];

/// Asks it as these callers do.
async fn callers<R>(
    app: &impl Service<R, Response = ServiceResponse, Error = Error>,
    numbers: Range<usize>,
    request: &impl Fn(usize) -> R,
) {
    for number in numbers {
        let code = call_service(app, request(number)).await.status().as_u16();
        assert!([200, 404, 405].contains(&code), "{code}");
    }
}

fn health() -> Health {
    // Nothing is run while memory is counted.
    let lasting = |name| Spec::named(name).group("storage").interval("never").cache("1h").max_age("2h");
    Health::builder()
        .check_fn(lasting("db"), || async {})
        .check_fn(lasting("storage/primary"), || async { Outcome::degraded("slow").data("n", 1) })
        .build()
        .unwrap()
        .start()
}

/// What ten thousand of these callers leave on this thread.
fn left_by<R>(
    app: &impl Service<R, Response = ServiceResponse, Error = Error>,
    block_on: impl Fn(Pin<Box<dyn Future<Output = ()> + '_>>),
    request: impl Fn(usize) -> R,
) -> (i64, i64) {
    block_on(Box::pin(callers(app, FIRST..FIRST + WARMING_UP, &request)));
    let counted = FIRST + WARMING_UP..FIRST + WARMING_UP + CALLERS;
    let left = measure(|| block_on(Box::pin(callers(app, counted.clone(), &request))));
    assert!(left.count_total > 0, "it is counted");
    (left.count_current, left.bytes_current)
}

/// What can be said to the other dialects, by those who may see most.
const TO_DIALECTS: [fn(usize) -> TestRequest; 8] = [
    |n| TestRequest::with_uri(&format!("/readyz?exclude=db-{n}&exclude=db")),
    |n| TestRequest::with_uri(&format!("/readyz?verbose&exclude=db-{n}")),
    |n| TestRequest::with_uri(&format!("/readyz/nobody-{n}?verbose")),
    |n| TestRequest::with_uri(&format!("/actuator/health/storage{}", "/x".repeat(n % 40))),
    |n| {
        let accept = format!("application/vnd.spring-boot.actuator.v{}+json", n % 9);
        TestRequest::with_uri("/actuator/health").insert_header((ACCEPT, accept))
    },
    |n| TestRequest::with_uri(&format!("/status?{n}")),
    |n| TestRequest::with_uri(&format!("/started?{n}")),
    |n| TestRequest::with_uri(&format!("/live?{n}")),
];

#[test]
fn whatever_dialect_they_speak() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let tasks = LocalSet::new();
    let app = tasks.block_on(&runtime, async {
        let health = health();
        let mounted = |config: &mut ServiceConfig| {
            let of = || endpoints(health.clone()).exposure(Exposure::Full);
            config.service(of().dialect(Kubernetes::new()));
            config.service(of().dialect(Spring::new()));
            config.service(of().dialect(NativeLink::new()));
            config.service(of().dialect(MicroProfile::new()).mount("/").only([Probe::Startup]));
            config.service(of().dialect(Dynamo::worker()));
        };
        init_service(App::new().configure(mounted)).await
    });
    for (number, way) in TO_DIALECTS.into_iter().enumerate() {
        let left = left_by(&app, |task| tasks.block_on(&runtime, task), |n| way(n).to_request());
        assert_eq!(left, (0, 0), "way {number}");
    }
}

#[test]
fn however_they_differ() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let tasks = LocalSet::new();
    let app = tasks.block_on(&runtime, async {
        let health = health();
        let mounted = |config: &mut ServiceConfig| {
            for (mount, shown) in MOUNTS {
                config.service(shown(endpoints(health.clone()).mount(mount)));
            }
        };
        init_service(App::new().configure(mounted)).await
    });
    for (mount, _) in MOUNTS {
        for (number, way) in WAYS.into_iter().enumerate() {
            let request = |n| way(mount, n).to_request();
            let left = left_by(&app, |task| tasks.block_on(&runtime, task), request);
            assert_eq!(left, (0, 0), "way {number} at {mount}");
        }
    }
}
