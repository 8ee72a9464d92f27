//! The recipe of the README keeps probes out of access logs and request metrics, and nothing else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};

use actix_web::dev::Service as _;
use actix_web::http::Method;
use actix_web::middleware::Logger;
use actix_web::{App, HttpRequest, HttpResponse, test, web};
use health_actix::endpoints;
use health_core::{Exposure, Health, Outcome, Spec};
use health_tests::http::get;

/// The lines of access logs, each with its target.
static LINES: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

struct Recorder;

impl log::Log for Recorder {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LINES.lock().unwrap().push((record.target().to_owned(), record.args().to_string()));
    }

    fn flush(&self) {}
}

/// An access log under a name of its own, one line of method, path and code for each request.
fn access_log(name: &'static str) -> Logger {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Recorder).unwrap();
        log::set_max_level(log::LevelFilter::Info);
    });
    Logger::new("%r %s").log_target(name)
}

/// What was logged under this name since it was last asked.
fn logged(name: &str) -> Vec<String> {
    let mut lines = LINES.lock().unwrap();
    let (of_name, others) = lines.drain(..).partition(|(target, _)| target == name);
    *lines = others;
    of_name.into_iter().map(|(_, line): (String, String)| line).collect()
}

fn health() -> Health {
    let builder = Health::builder().check_fn(Spec::named("db").group("storage"), || async {});
    let away = || async { Outcome::unhealthy("away") };
    builder.check_fn(Spec::named("queue"), away).build().unwrap().start()
}

async fn item(request: HttpRequest) -> HttpResponse {
    HttpResponse::Ok().body(request.match_pattern().unwrap_or_default())
}

#[tokio::test]
async fn probes_beside_the_scope_are_neither_logged_nor_counted_and_all_else_is() {
    const LOG: &str = "recipe";
    let counted = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&counted);
    let application = web::scope("")
        .wrap(access_log(LOG))
        .wrap_fn(move |request, service| {
            counts.fetch_add(1, Ordering::SeqCst);
            service.call(request)
        })
        .route("/items/{id}", web::to(item))
        .route("/health-report", web::to(item));
    let app = App::new().service(endpoints(health()).exposure(Exposure::Checks)).service(application);
    let app = test::init_service(app).await;
    let ask = async |method: Method, path: &str| {
        let request = test::TestRequest::with_uri(path).method(method);
        let answer = test::call_service(&app, request.to_request()).await;
        let code = answer.status().as_u16();
        (code, String::from_utf8(test::read_body(answer).await.to_vec()).unwrap())
    };

    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        for (path, code) in [
            ("/health", 503),
            ("/health/live", 200),
            ("/health/ready", 503),
            ("/health/startup", 200),
            ("/health/checks/db", 200),
            ("/health/groups/storage", 200),
            ("/health/ready?verbose", 503),
        ] {
            assert_eq!(ask(method.clone(), path).await.0, code, "{method} {path}");
        }
    }
    assert_eq!(ask(Method::POST, "/health/live").await.0, 405);
    assert_eq!(logged(LOG), [""; 0]);
    assert_eq!(counted.load(Ordering::SeqCst), 0);

    let mut expected = Vec::new();
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST] {
        for (path, code) in [
            ("/items/7", 200),
            ("/health-report", 200),
            // What is no path of ours is the application's, and so is its 404.
            ("/", 404),
            ("/nothing", 404),
            ("/health/", 404),
            ("/health/liveness", 404),
            ("/healthz", 404),
            ("/HEALTH/live", 404),
        ] {
            assert_eq!(ask(method.clone(), path).await.0, code, "{method} {path}");
            expected.push(format!("{method} {path} HTTP/1.1 {code}"));
        }
    }
    assert_eq!(logged(LOG), expected);
    assert_eq!(counted.load(Ordering::SeqCst), expected.len());
    assert_eq!(ask(Method::GET, "/items/7").await.1, "/items/{id}", "the scope adds nothing to a path");
}

#[tokio::test]
async fn the_page_for_unknown_paths_is_one_for_all_of_them() {
    const LOG: &str = "fallback";
    let application = web::scope("").wrap(access_log(LOG)).route("/items/{id}", web::to(item));
    let app = App::new().service(endpoints(health())).service(application);
    // Of the application and not of the scope, so that a name that may not be seen is as unknown as the others.
    let page = async || HttpResponse::NotFound().body("our page");
    let app = test::init_service(app.default_service(web::to(page))).await;
    for (path, is_logged) in [("/nothing", true), ("/health/", true), ("/health/checks/db", false)] {
        let page = test::call_and_read_body(&app, test::TestRequest::with_uri(path).to_request()).await;
        assert_eq!(page, "our page", "{path}");
        assert_eq!(!logged(LOG).is_empty(), is_logged, "{path}");
    }
}

#[tokio::test]
async fn a_logger_around_the_whole_application_logs_probes() {
    // What the recipe is for; and that this file would notice.
    const LOG: &str = "around";
    let app = App::new().wrap(access_log(LOG)).service(endpoints(health()));
    let app = test::init_service(app).await;
    drop(test::call_service(&app, test::TestRequest::with_uri("/health/live").to_request()).await);
    assert_eq!(logged(LOG), ["GET /health/live HTTP/1.1 200"]);
}

#[tokio::test]
async fn the_management_listener_is_out_of_the_way_by_itself() {
    const LOG: &str = "management";
    let health = health();
    let management = health_actix::server(health.clone()).bind(("127.0.0.1", 0)).unwrap().start().unwrap();
    let app = App::new().wrap(access_log(LOG)).service(endpoints(health));
    let app = test::init_service(app).await;
    assert_eq!(get(management.addresses()[0], "/health/live").await.code, 200);
    assert_eq!(logged(LOG), [""; 0]);
    drop(app);
}
