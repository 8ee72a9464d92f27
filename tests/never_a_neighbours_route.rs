//! A path is matched exactly, never by prefix: what is not ours is answered by exactly the neighbour that would answer
//! without us, byte for byte, whatever the path is made of.

use std::cell::Cell;
use std::fmt::Debug;

use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::{Method, Uri};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, Error, HttpRequest, HttpResponse, guard};
use health_actix::endpoints;
use health_core::{Exposure, Health, Spec};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

/// Where it is mounted, and where its paths are then.
#[derive(Clone, Copy, Debug)]
struct Mount {
    path: &'static str,
    /// What the paths of probes begin with.
    base: &'static str,
    overview: &'static str,
    overview_in_a_scope: &'static str,
}

const fn mount(path: &'static str, base: &'static str) -> Mount {
    Mount { path, base, overview: base, overview_in_a_scope: base }
}

const MOUNTS: [Mount; 7] = [
    mount("/health", "/health"),
    mount("/health/", "/health"),
    mount("/status/of/this", "/status/of/this"),
    mount("health", "/health"),
    Mount { overview: "/", overview_in_a_scope: "", ..mount("", "") },
    Mount { overview: "/", overview_in_a_scope: "/", ..mount("/", "") },
    Mount { overview: "/", overview_in_a_scope: "/", ..mount("//", "") },
];

const EXPOSURES: [Exposure; 2] = [Exposure::Status, Exposure::Full];

/// What neighbours there may be: all of them; all but the one that answers everything; in a scope with us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Street {
    WithACatchAll,
    WithADefault,
    InAScope,
}

const STREETS: [Street; 3] = [Street::WithACatchAll, Street::WithADefault, Street::InAScope];

/// Where we stand among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum We {
    First,
    Last,
    Absent,
}

/// Who has answered, and how it was found.
async fn who(request: HttpRequest) -> HttpResponse {
    let found: Vec<_> = request.match_info().iter().map(|(k, v)| format!("{k}={v}")).collect();
    let pattern = request.match_pattern();
    HttpResponse::Accepted().body(format!("{pattern:?} {found:?} {} {}", request.path(), request.uri()))
}

/// Their names are as close to ours as they can be.
fn neighbours(config: &mut ServiceConfig) {
    for path in [
        "/health-admin",
        "/healthz",
        "/healt",
        "/Health",
        "/health/live2",
        "/health/liveness",
        "/health/live/deep",
        "/health/ready/{deep}",
        "/health/checks",
        "/health/checks-secret",
        "/health/groups-secret/{x}*",
        "/health{rest}",
        "/status/of/thi{rest}",
        "/livez",
        "/checks",
        "/{one}/live/{two}",
    ] {
        config.route(path, web::route().to(who));
    }
    let guarded = web::resource("/health/admin").guard(guard::Header("x-admin", "yes"));
    config.service(guarded.to(who));
    let scope = web::scope("/health-internal").route("/live", web::route().to(who));
    config.service(scope.service(web::scope("/{tenant}").route("/health", web::route().to(who))));
    config.service(web::scope("/health/private").default_service(web::route().to(who)));
}

fn settle(
    config: &mut ServiceConfig,
    street: Street,
    we: We,
    mount: &str,
    exposure: Exposure,
    health: &Health,
) {
    let ours = endpoints(health.clone()).mount(mount).exposure(exposure);
    let with_us = |config: &mut ServiceConfig| {
        if we == We::First {
            config.service(ours.clone());
        }
        neighbours(config);
        if street == Street::WithACatchAll {
            config.route("/{tail:.*}", web::route().to(who));
        }
        if we == We::Last {
            config.service(ours);
        }
    };
    match street {
        Street::InAScope => config.service(web::scope("/scope").configure(with_us)).configure(neighbours),
        Street::WithACatchAll | Street::WithADefault => config.configure(with_us),
    };
    config.default_service(web::route().to(async || HttpResponse::NotFound().body("nobody")));
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    code: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    /// A verdict, or our refusal of the method.
    fn is_ours(&self) -> bool {
        let has = |wanted| self.headers.iter().any(|(name, _)| name == wanted);
        has("x-health-status") || (self.code == 405 && has("allow"))
    }
}

fn request(method: &Method, path: &str) -> TestRequest {
    TestRequest::with_uri(path).method(method.clone()).insert_header(("x-admin", "yes"))
}

/// One request as this application answers it.
async fn answer<R>(app: &impl Service<R, Response = ServiceResponse, Error = Error>, request: R) -> Answer {
    let answer = call_service(app, request).await;
    let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), format!("{value:?}")));
    let (code, mut headers) = (answer.status().as_u16(), headers.collect::<Vec<_>>());
    headers.sort();
    Answer { code, headers, body: String::from_utf8(read_body(answer).await.to_vec()).unwrap() }
}

/// What the router matches: every escape is decoded but those of `%`, `/` and `+`.
fn decoded(path: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), path.as_bytes());
    while let [first, after @ ..] = rest {
        let escaped = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = escaped.and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        match byte.filter(|byte| !b"%/+".contains(byte)) {
            Some(byte) if !escaped.unwrap().starts_with(b"+") => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    Verdict,
    Named,
    NotOurs,
}

fn whose(overview: &str, base: &str, path: &str) -> Path {
    let path = decoded(path);
    if path == overview {
        return Path::Verdict;
    }
    match path.strip_prefix(base) {
        Some("/live" | "/ready" | "/startup") => Path::Verdict,
        Some(rest) if ["/checks/", "/groups/"].iter().any(|kind| rest.starts_with(kind)) => Path::Named,
        _ => Path::NotOurs,
    }
}

/// Half of them begin as ours do.
fn paths(base: &str) -> impl Strategy<Value = String> + use<> {
    const OURS: &[&str] = &[
        "/",
        "/health",
        "/live",
        "/ready",
        "/startup",
        "/checks",
        "/groups",
        "/db",
        "/storage",
        "/scope",
        "/status/of/this",
    ];
    const THEIRS: &[&str] = &[
        "-admin",
        "z",
        "2",
        "-secret",
        "/admin",
        "/private",
        "-internal",
        "/deep",
        "ness",
        "/scope/health",
        "health",
        "/HEALTH",
        "/Live",
        "healt",
        "t",
    ];
    const ODD: &[&str] = &[
        "//", "/.", "/..", "%2f", "%2F", "%2e%2e/", "/%6Cive", "%6c", "%00", "%0a", "%ff", "%c3%a9", "%",
        "%zz", "%25", "%2B", ";x=1", "+", "*", "{name}", "~", "%20", "\\", "@", ":", "|",
    ];
    let one_of = |pieces| proptest::sample::select(pieces).prop_map(str::to_owned);
    let any = "[ -~]{1,3}".prop_map(|text| text.replace(['?', '#', ' '], ""));
    let piece = prop_oneof![6 => one_of(OURS), 3 => one_of(THEIRS), 2 => one_of(ODD), 1 => any];
    let begin = prop_oneof![Just(base.to_owned()), Just(String::new())];
    (begin, proptest::collection::vec(piece, 0..6))
        .prop_map(|(begin, pieces)| format!("/{}", (begin + &pieces.concat()).trim_start_matches('/')))
}

/// The health that is mounted everywhere, on a runtime of this thread.
struct Town {
    runtime: Runtime,
    tasks: LocalSet,
    health: Health,
    /// How often each kind of path was drawn.
    drawn: [Cell<u32>; 3],
}

impl Town {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let tasks = LocalSet::new();
        let spec = Spec::named("db").group("storage").interval("never").cache("1h");
        let health = Health::builder().check_fn(spec, || async {}).build().unwrap();
        let health = tasks.block_on(&runtime, async { health.start() });
        Self { runtime, tasks, health, drawn: Default::default() }
    }

    fn judge(
        &self,
        street: Street,
        mount: Mount,
        exposure: Exposure,
    ) -> Result<(), TestError<impl Debug + use<>>> {
        let (overview, base) = match street {
            Street::InAScope => {
                (format!("/scope{}", mount.overview_in_a_scope), format!("/scope{}", mount.base))
            }
            _ => (mount.overview.to_owned(), mount.base.to_owned()),
        };
        let app = async |we| {
            let configure =
                |config: &mut ServiceConfig| settle(config, street, we, mount.path, exposure, &self.health);
            init_service(App::new().configure(configure)).await
        };
        let run = async { (app(We::Absent).await, app(We::First).await, app(We::Last).await) };
        let (without, first, last) = self.tasks.block_on(&self.runtime, run);
        let methods = proptest::sample::select(&[Method::GET, Method::OPTIONS, Method::POST][..]);
        let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
        TestRunner::new(config).run(&(paths(&base), methods), |(path, method)| {
            prop_assume!(path.parse::<Uri>().is_ok());
            let run = async {
                let ask = || request(&method, &path).to_request();
                (answer(&without, ask()).await, answer(&first, ask()).await, answer(&last, ask()).await)
            };
            let (without, first, last) = self.tasks.block_on(&self.runtime, run);
            let whose = whose(&overview, &base, &path);
            self.drawn[whose as usize].update(|count| count + 1);
            match whose {
                Path::Verdict => prop_assert!(first.is_ours(), "{:?}", first),
                Path::Named => prop_assert!(first.is_ours() || first.code == 404, "{:?}", first),
                Path::NotOurs => prop_assert_eq!(&first, &without),
            }
            if whose == Path::NotOurs || street == Street::WithACatchAll {
                prop_assert_eq!(&last, &without, "whoever is registered first goes first");
            }
            Ok(())
        })
    }
}

#[test]
fn whatever_the_path() {
    let town = Town::new();
    for street in STREETS {
        for mount in MOUNTS {
            for exposure in EXPOSURES {
                let judged = town.judge(street, mount, exposure);
                judged.unwrap_or_else(|error| panic!("{street:?} {mount:?} {exposure:?}: {error}"));
            }
        }
    }
    assert!(town.drawn.iter().all(|count| count.get() > 100), "{:?}", town.drawn);
}

#[tokio::test]
async fn wherever_it_is_mounted() {
    let health = Health::builder().check_fn(Spec::named("db"), || async {}).build().unwrap().start();
    for (mount, ours, theirs) in [
        ("/gesund-é", "/gesund-%C3%A9/live", "/gesund-%C3%A8/live"),
        ("/a b", "/a%20b/ready", "/a+b/ready"),
        ("/100%25", "/100%25/startup", "/100/startup"),
        ("/{tenant}/health", "/eu/health/checks/db", "/eu/de/health/checks/db"),
        ("/{tenant:[a-z]+}", "/eu/live", "/EU/live"),
        ("/.", "/./live", "/live"),
        ("/x.y", "/x.y/live", "/xzy/live"),
        ("/(a|b)*", "/(a|b)*/live", "/a/live"),
        ("/^$", "/%5E$/live", "/live"),
        ("///x", "///x/live", "/x/live"),
        ("/checks", "/checks/checks/db", "/checks/db"),
        ("/live", "/live/live", "/live/live/live"),
    ] {
        let endpoints = endpoints(health.clone()).mount(mount).exposure(Exposure::Checks);
        let catch_all = web::route().to(who);
        let app = init_service(App::new().service(endpoints).route("/{tail:.*}", catch_all)).await;
        let ask = |path| answer(&app, request(&Method::GET, path).to_request());
        assert!(ask(ours).await.is_ours(), "{mount}: {ours}");
        assert_eq!(ask(theirs).await.code, 202, "{mount}: {theirs}");
    }
}
