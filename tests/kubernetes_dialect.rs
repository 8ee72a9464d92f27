//! The words of the Kubernetes API server: every path in every state at every exposure, and what may be left out.

use actix_web::http::Method;
use actix_web::{App, HttpResponse, test, web};
use health_actix::dialect::Kubernetes;
use health_actix::{Endpoints, endpoints};
use health_core::{Exposure, Failure, Gate, Health, Outcome, Probe, ProbeSet, Quorum, Scope, Spec, Status};
use health_tests::asking::{ask, get, of_status};
use health_tests::{http, logs};

const EXPOSURES: [Exposure; 3] = [Exposure::Status, Exposure::Checks, Exposure::Full];

fn mounted(health: &Health, exposure: Exposure) -> Endpoints {
    endpoints(health.clone()).dialect(Kubernetes::new()).exposure(exposure)
}

fn checks(health: &Health) -> Endpoints {
    mounted(health, Exposure::Checks)
}

/// `GET`, and that `HEAD` and `OPTIONS` agree with it.
async fn seen(endpoints: &Endpoints, path: &str) -> (u16, String) {
    let get = get(endpoints, path).await;
    assert_eq!(get.header("content-type"), Some("text/plain; charset=utf-8"), "{path}");
    assert_eq!(get.header("cache-control"), Some("no-store"), "{path}");
    let options = ask(endpoints, Method::OPTIONS, path).await;
    assert_eq!(
        (options.code, &options.headers, &options.body),
        (get.code, &get.headers, &get.body),
        "{path}"
    );
    let head = ask(endpoints, Method::HEAD, path).await;
    assert_eq!((head.code, &*head.body), (get.code, ""), "{path}");
    let length = get.body.len().to_string();
    assert_eq!(head.header("content-length"), Some(&*length), "{path}");
    (get.code, get.body)
}

#[tokio::test]
async fn each_path_says_ok_or_why_not_in_every_state_at_every_exposure() {
    // At `Status`, at `Checks` and `Full`, and with `?verbose` at each.
    let live = |word: &str| {
        let line = format!("{word} check passed\n");
        [
            (Status::Healthy, ["ok".into(), "ok".into(), line.clone(), format!("[+]l ok\n{line}")]),
            (
                Status::Degraded,
                ["ok".into(), "ok".into(), line.clone(), format!("[~]l degraded: reason withheld\n{line}")],
            ),
            (Status::Unhealthy, {
                let (line, whole) = (format!("{word} check failed\n"), "[-]l failed: reason withheld\n");
                [line.clone(), format!("{whole}{line}"), line.clone(), format!("{whole}{line}")]
            }),
        ]
    };
    let ready =
        live("readyz").map(|(status, bodies)| (status, bodies.map(|body| body.replace("]l ", "]a/r "))));
    for (path, states) in [("/livez", live("livez")), ("/healthz", live("healthz")), ("/readyz", ready)] {
        for (status, [public, shown, public_verbose, shown_verbose]) in states {
            let health = of_status(status);
            let code = if status == Status::Unhealthy { 503 } else { 200 };
            for exposure in EXPOSURES {
                let endpoints = mounted(&health, exposure);
                let is_public = exposure == Exposure::Status;
                let plain = if is_public { &public } else { &shown };
                let verbose = if is_public { &public_verbose } else { &shown_verbose };
                let what = format!("{path} {status} {exposure:?}");
                assert_eq!(seen(&endpoints, path).await, (code, plain.clone()), "{what}");
                for query in ["?verbose", "?verbose=0", "?a&verbose&b", "?%76erbose"] {
                    assert_eq!(
                        seen(&endpoints, &format!("{path}{query}")).await,
                        (code, verbose.clone()),
                        "{what}"
                    );
                }
                assert_eq!(get(&endpoints, path).await.header("x-health-status"), Some(status.as_str()));
            }
        }
    }
}

#[tokio::test]
async fn starting_and_draining_hold_ready_and_nothing_else() {
    let gate = Gate::new("migrations").holding_startup();
    let disk = Spec::named("disk").probe([Probe::Live, Probe::Ready]).scope(Scope::Local);
    let health = Health::builder().gate(&gate).check_fn(disk, || async {}).build().unwrap().start();
    let shown = checks(&health);
    let closed = "[-]gate migrations closed\n";
    assert_eq!(seen(&shown, "/startupz").await, (503, format!("{closed}startupz check failed\n")));
    assert_eq!(seen(&shown, "/readyz").await, (503, format!("[+]disk ok\n{closed}readyz check failed\n")));
    for path in ["/readyz", "/startupz"] {
        let line = format!("{} check failed\n", &path[1..]);
        assert_eq!(seen(&mounted(&health, Exposure::Status), path).await, (503, line));
    }
    for exposure in EXPOSURES {
        for path in ["/livez", "/healthz"] {
            assert_eq!(seen(&mounted(&health, exposure), path).await, (200, "ok".into()));
        }
    }
    // Leaving out a check opens no gate.
    let excluded = "[+]disk excluded: ok\n[-]gate migrations closed\nreadyz check failed\n";
    assert_eq!(seen(&shown, "/readyz?exclude=disk").await, (503, excluded.into()));

    gate.open();
    for path in ["/readyz", "/startupz", "/livez", "/healthz"] {
        assert_eq!(seen(&shown, path).await, (200, "ok".into()), "{path}");
    }
    assert_eq!(seen(&shown, "/startupz?verbose").await, (200, "startupz check passed\n".into()));

    health.drain();
    let draining = "[+]disk ok\n[-]draining\nreadyz check failed\n";
    assert_eq!(seen(&shown, "/readyz").await, (503, draining.into()));
    assert_eq!(
        seen(&mounted(&health, Exposure::Status), "/readyz").await,
        (503, "readyz check failed\n".into())
    );
    for path in ["/startupz", "/livez", "/healthz"] {
        assert_eq!(seen(&shown, path).await, (200, "ok".into()), "{path}");
    }
}

/// Two checks of ready fail, one of them a member of a quorum that has just enough others; one of live is well.
fn troubled() -> Health {
    let member = |name| Spec::named(name).group("replicas");
    Health::builder()
        .check_fn(Spec::named("db"), || async {
            Err::<(), _>(Failure::new("no answer").because("refused by 10.0.0.1"))
        })
        .check_fn(Spec::named("cache").critical(false), || async { Outcome::unhealthy("cold") })
        .check_fn(Spec::named("disk").probe([Probe::Live]).scope(Scope::Local), || async {})
        .check_fn(Spec::named("info").probe(ProbeSet::NONE), || async {})
        .check_fn(member("replicas/a"), || async { Status::Unhealthy })
        .check_fn(member("replicas/b"), || async {})
        .check_fn(member("replicas/c"), || async { Status::Unhealthy })
        .group("replicas", Quorum::at_least(2))
        .build()
        .unwrap()
        .start()
}

#[tokio::test]
async fn who_may_see_checks_may_leave_some_out() {
    let health = troubled();
    let shown = checks(&health);
    let [cache, db] = ["[~]cache failed: cold\n", "[-]db failed: no answer\n"];
    let [a, c] = ["[-]replicas/a failed: reason withheld\n", "[-]replicas/c failed: reason withheld\n"];
    let b = "[+]replicas/b ok\n";
    let all = format!("{cache}{db}{a}{c}{b}readyz check failed\n");
    assert_eq!(seen(&shown, "/readyz").await, (503, all.clone()));

    // One cause of two, so the other still fails it.
    let without_db = format!("{cache}[+]db excluded: ok\n{a}{c}{b}readyz check failed\n");
    assert_eq!(seen(&shown, "/readyz?exclude=db").await, (503, without_db));
    // A member that is left out counts as well, and the quorum holds: what is left of it degrades.
    let [a_out, c_left] = ["[+]replicas/a excluded: ok\n", "[~]replicas/c failed: reason withheld\n"];
    let held = format!("{cache}[+]db excluded: ok\n{a_out}{c_left}{b}readyz check passed\n");
    let both = "/readyz?exclude=db&exclude=replicas/a";
    assert_eq!(seen(&shown, both).await, (200, "ok".into()));
    assert_eq!(seen(&shown, &format!("{both}&verbose")).await, (200, held.clone()));
    assert_eq!(
        seen(&shown, "/readyz?verbose&exclude=replicas%2Fa&x=y&exclude=db&exclude=db").await,
        (200, held)
    );
    assert_eq!(get(&shown, both).await.header("x-health-status"), Some("degraded"));
    // What is well and left out says so too.
    let well = "[+]disk excluded: ok\nlivez check passed\n";
    assert_eq!(seen(&shown, "/livez?verbose&exclude=disk").await, (200, well.into()));

    // Nobody who polls afterwards is answered without them.
    assert_eq!(seen(&shown, "/readyz").await, (503, all.clone()));
    let full = get(&mounted(&health, Exposure::Full), "/readyz?exclude=replicas/a").await;
    assert!(full.body.contains("[-]db failed: no answer: refused by 10.0.0.1\n"), "{}", full.body);

    // For others the query is not there.
    let public = mounted(&health, Exposure::Status);
    for query in
        ["", "?exclude=db&exclude=replicas/a", "?exclude=nope", "?exclude=db&exclude=replicas/a&verbose"]
    {
        let answer = seen(&public, &format!("/readyz{query}")).await;
        assert_eq!(answer, (503, "readyz check failed\n".into()), "{query}");
    }
}

#[tokio::test]
async fn a_name_that_no_check_has_changes_nothing_but_one_line() {
    logs::record();
    let health = troubled();
    let shown = checks(&health).mount("/unknown-names");
    let warned =
        |names: &str| format!("warn: some health checks cannot be excluded: no matches for {names}\n");
    let told = || logs::lines_with(&["WARN", "excludes a check", "/unknown-names"]).len();
    assert_eq!(seen(&shown, "/unknown-names/livez?exclude=disk").await, (200, "ok".into()));
    assert_eq!(told(), 0);
    for _ in 0..3 {
        // Not told in a body that is nothing but `ok`, as with the API server.
        assert_eq!(seen(&shown, "/unknown-names/livez?exclude=nope").await, (200, "ok".into()));
    }
    assert_eq!(told(), 1, "once for the path, not for every poll");
    for (query, names) in [
        ("exclude=nope", r#""nope""#),
        // A check of another probe is none here.
        ("exclude=nope&exclude=db&exclude=nope", r#""db","nope""#),
        ("exclude=", r#""""#),
        ("exclude", r#""""#),
        ("exclude=a%0d%0a[%2B]b%20ok&exclude=%22%3Cb%3E%5C", r#""\"<b>\\","a\r\n[+]b ok""#),
        ("exclude=%E2%80%AEkcab%00%1b%5B31m", r#""\u{202e}kcab\0\u{1b}[31m""#),
    ] {
        let body = format!("[+]disk ok\n{}livez check passed\n", warned(names));
        assert_eq!(
            seen(&shown, &format!("/unknown-names/livez?verbose&{query}")).await,
            (200, body),
            "{query}"
        );
    }
    let failed = get(&shown, "/unknown-names/readyz?exclude=nope").await;
    assert_eq!(failed.code, 503);
    assert!(
        failed.body.ends_with(&format!("{}readyz check failed\n", warned(r#""nope""#))),
        "{}",
        failed.body
    );
    // Bytes that are no UTF-8 cannot name a check either.
    let odd = get(&shown, "/unknown-names/livez?verbose&exclude=%FF%FE").await;
    assert_eq!((odd.code, odd.body.lines().last()), (200, Some("livez check passed")));
}

#[tokio::test]
async fn names_without_end_are_harmless_and_bounded() {
    let health = troubled();
    let served = http::serve(1, move |config| {
        config.service(checks(&health));
    });
    let huge = "x".repeat(20_000);
    let many: String = (0..3_000).map(|n| format!("&exclude=n{n}")).collect();
    let known = "&exclude=db".repeat(3_000);
    for query in [format!("&exclude={huge}"), many, known] {
        let answer = http::get(served.address, &format!("/livez?verbose{query}")).await;
        assert_eq!(answer.code, 200);
        assert!(answer.body.len() < 2_000, "{} bytes came back", answer.body.len());
        assert!(
            answer.body.ends_with("livez check passed\n") && answer.body.starts_with("[+]disk ok\nwarn: ")
        );
    }
    // Whoever leaves out more than are looked at is told.
    let fillers: String = (0..64).map(|n| format!("&exclude=n{n}")).collect();
    let cut = "warn: only the first 64 names to exclude are looked at\n";
    let answer = http::get(served.address, &format!("/livez?verbose{fillers}")).await;
    assert!(!answer.body.contains(cut));
    let answer = http::get(served.address, &format!("/livez?verbose{fillers}&exclude=disk")).await;
    assert!(answer.body.starts_with("[+]disk ok\n") && answer.body.contains(cut), "{}", answer.body);
    let answer = http::get(served.address, "/livez").await;
    assert_eq!((answer.code, &*answer.body), (200, "ok"));
}

#[tokio::test]
async fn a_check_is_asked_below_the_probe_it_weighs_in() {
    let health = troubled();
    let shown = checks(&health);
    assert_eq!(seen(&shown, "/livez/disk").await, (200, "ok".into()));
    assert_eq!(seen(&shown, "/livez/disk?verbose").await, (200, "[+]disk ok\ndisk check passed\n".into()));
    let db = "[-]db failed: no answer\ndb check failed\n";
    assert_eq!(seen(&shown, "/readyz/db").await, (503, db.into()));
    // Its own status, whatever it may do to the whole; and nothing of it can be left out.
    for query in ["", "?exclude=cache", "?exclude=nope"] {
        let cache = (503, "[-]cache failed: cold\ncache check failed\n".into());
        assert_eq!(seen(&shown, &format!("/readyz/cache{query}")).await, cache);
    }
    assert_eq!(seen(&shown, "/readyz/replicas/b").await, (200, "ok".into()));
    let full = mounted(&health, Exposure::Full);
    let db = "[-]db failed: no answer: refused by 10.0.0.1\ndb check failed\n";
    assert_eq!(seen(&full, "/readyz/db").await, (503, db.into()));
    health.drain();
    assert_eq!(seen(&shown, "/readyz/replicas/b").await, (200, "ok".into()), "a check does not drain");
}

#[tokio::test]
async fn what_does_not_weigh_there_is_the_404_of_an_unknown_path() {
    let health = troubled();
    let own = || async { HttpResponse::NotFound().insert_header(("X-App", "mine")).body("no such page") };
    for (exposure, paths) in [
        (
            Exposure::Checks,
            &[
                "/livez/db",
                "/readyz/disk",
                "/readyz/info",
                "/livez/info",
                "/readyz/nope",
                "/readyz/",
                "/livez/",
                "/healthz/disk",
                "/startupz/db",
                "/readyz/db/",
                "/readyz/db/x",
                "/readyz//db",
                "/READYZ",
                "/readyz/DB",
                "/readyzx",
                "/livez/disk%00",
                "/health/ready",
            ][..],
        ),
        (Exposure::Status, &["/livez/disk", "/readyz/db", "/readyz/nope", "/readyz/"][..]),
    ] {
        let app = App::new().service(mounted(&health, exposure)).default_service(web::route().to(own));
        let app = test::init_service(app).await;
        for path in paths {
            // Whoever may see checks is told that a check cannot be posted to, whatever its name.
            let others = if exposure == Exposure::Status { &["POST", "BREW"][..] } else { &[] };
            for method in ["GET", "HEAD", "OPTIONS"].iter().chain(others) {
                for query in ["", "?verbose", "?exclude=db"] {
                    let method = Method::from_bytes(method.as_bytes()).unwrap();
                    let request = test::TestRequest::with_uri(&format!("{path}{query}")).method(method);
                    let response = test::call_service(&app, request.to_request()).await;
                    let what = format!("{exposure:?} {path}{query}");
                    assert_eq!(response.status(), 404, "{what}");
                    let headers: Vec<_> = response.headers().keys().map(ToString::to_string).collect();
                    assert!(!headers.contains(&"x-health-status".into()), "{what}");
                    assert_eq!(response.headers().get("x-app").unwrap(), "mine", "{what}");
                    assert_eq!(test::read_body(response).await, "no such page", "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn paths_can_be_moved_and_the_last_line_keeps_its_words() {
    let health = of_status(Status::Healthy);
    let moved = checks(&health).mount("/internal").path(Probe::Ready, "/ready");
    assert_eq!(seen(&moved, "/internal/healthz?verbose").await.1, "[+]l ok\nhealthz check passed\n");
    assert_eq!(seen(&moved, "/internal/livez?verbose").await.1, "[+]l ok\nlivez check passed\n");
    assert_eq!(seen(&moved, "/ready?verbose").await.1, "[+]a/r ok\nreadyz check passed\n");
    // One report in two words, rendered one after the other.
    let both = checks(&health);
    for _ in 0..2 {
        assert_eq!(seen(&both, "/livez?verbose").await.1, "[+]l ok\nlivez check passed\n");
        assert_eq!(seen(&both, "/healthz?verbose").await.1, "[+]l ok\nhealthz check passed\n");
    }
}
