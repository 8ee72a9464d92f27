//! The main example does what its readers are told: each dependency is broken and mended for real, and each answer
//! is the one promised.

use std::time::{Duration, Instant};

use health_tests::postgres::Postgres;
use health_tests::programs::Program;
use health_tests::servers::{Scratch, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::sleep;

fn names(body: &Value, list: &str) -> Vec<String> {
    let entries = body[list].as_array().unwrap_or_else(|| panic!("{list} is a list in {body}"));
    let name = |entry: &Value| entry.as_str().or_else(|| entry["name"].as_str()).expect("a name").to_owned();
    entries.iter().map(name).collect()
}

fn entry<'a>(body: &'a Value, name: &str) -> &'a Value {
    let mut checks = body["checks"].as_array().expect("checks are shown").iter();
    checks.find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name} is listed in {body}"))
}

/// What is younger than a second is not asked anew.
async fn the_cache_is_over() {
    sleep(Duration::from_millis(1_050)).await;
}

async fn becomes_healthy(app: &Program) {
    eventually("ready is healthy again", async || {
        let (code, body) = app.json("/health/ready").await;
        code == 200 && body["status"] == "healthy"
    })
    .await;
}

async fn is_live(app: &Program) {
    let (code, body) = app.json("/health/live").await;
    assert_eq!((code, &body["status"]), (200, &json!("healthy")), "{body}");
}

#[tokio::test]
async fn it_starts_green() {
    let app = Program::start("actix_app", &[]).await;

    // The first answer already, without trying again.
    let (code, ready) = app.json("/health/ready").await;
    assert_eq!(code, 200, "{ready}");
    assert_eq!(ready["status"], "healthy");
    assert_eq!(ready["phase"], "running");
    assert_eq!(names(&ready, "failing"), [""; 0]);
    assert_eq!(names(&ready, "checks"), ["data-folder", "db", "disk", "downstream", "orders/backlog"]);
    assert_eq!(entry(&ready, "db")["critical"], true);
    assert_eq!(entry(&ready, "db")["group"], "storage");
    assert_eq!(entry(&ready, "downstream")["critical"], false);

    let (code, startup) = app.json("/health/startup").await;
    assert_eq!((code, names(&startup, "checks")), (200, vec!["data-folder".to_owned()]));
    let (code, live) = app.json("/health/live").await;
    assert_eq!((code, names(&live, "checks")), (200, vec!["orders/dispatcher".to_owned()]));
    let (code, whole) = app.json("/health").await;
    assert_eq!((code, names(&whole, "checks").len()), (200, 6));

    let text = app.get("/health/ready?verbose").await.body;
    assert_eq!(
        text,
        "[+]data-folder ok\n[+]db ok\n[+]disk ok\n[+]downstream ok\n[+]orders/backlog ok\nready check passed\n"
    );
    // The commands it tells its readers to try name its real address.
    let address = app.address;
    eventually("the commands to try are printed", async || app.printed().contains("/mend/dispatcher")).await;
    assert!(app.printed().contains(&format!("curl -i http://{address}/health/ready")));
}

#[tokio::test]
async fn it_does_its_work() {
    let folder = Scratch::new("orders");
    let data = folder.path().to_str().expect("a path");
    let app = Program::start("actix_app", &[("DATA_DIR", data)]).await;
    let made = app.post("/orders", r#"{"item":"tea","quantity":2}"#).await;
    assert_eq!((made.code, &*made.body), (200, r#"{"id":1,"item":"tea","quantity":2,"sent":false}"#));
    assert_eq!(
        std::fs::read_to_string(folder.path().join("receipts/1.txt")).expect("a receipt"),
        "2 x tea\n"
    );
    eventually("the order is sent on", async || app.json("/orders").await.1[0]["sent"] == true).await;
    drop(app);

    // It is a real database: what was stored is there after a kill.
    let app = Program::start("actix_app", &[("DATA_DIR", data)]).await;
    assert_eq!(app.json("/orders").await.1[0]["item"], "tea");
}

#[tokio::test]
async fn without_its_database_it_is_live_and_not_ready() {
    let app = Program::start("actix_app", &[]).await;
    // What has never been looked at cannot change.
    becomes_healthy(&app).await;
    assert_eq!(app.post("/break/db", "").await.code, 200);
    the_cache_is_over().await;

    let answer = app.get("/health/ready").await;
    assert_eq!((answer.code, answer.header("x-health-status")), (503, Some("unhealthy")));
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(names(&body, "failing"), ["db"]);
    assert_eq!(entry(&body, "db")["ended"], "error");
    assert_eq!(names(entry(&body, "orders/backlog"), "because_of"), ["db"]);
    assert_eq!(entry(&body, "db")["summary"], "the pool is closed");
    // Which database, and what it says, is for the log.
    assert!(!answer.body.contains("orders.db"), "{}", answer.body);
    is_live(&app).await;
    assert_eq!(app.post("/orders", r#"{"item":"tea","quantity":1}"#).await.code, 503);

    assert_eq!(app.post("/mend/db", "").await.code, 200);
    becomes_healthy(&app).await;
    assert_eq!(app.post("/orders", r#"{"item":"tea","quantity":1}"#).await.code, 200);

    let logged =
        |parts: &[&str]| app.logged().lines().any(|line| parts.iter().all(|part| line.contains(part)));
    eventually("both transitions are logged", async || {
        logged(&["check=db", r#"from="healthy" to="unhealthy""#, "the pool is closed"])
            && logged(&["check=db", r#"from="unhealthy" to="healthy""#])
            && logged(&[r#"probe="ready""#, r#"to="unhealthy""#, r#"failing="db""#])
    })
    .await;
}

#[tokio::test]
async fn without_its_data_folder_it_is_live_and_not_ready() {
    let app = Program::start("actix_app", &[]).await;
    assert_eq!(app.post("/break/folder", "").await.code, 200);
    the_cache_is_over().await;
    let (code, body) = app.json("/health/ready").await;
    assert_eq!((code, names(&body, "failing")), (503, vec!["data-folder".to_owned()]));
    assert_eq!(entry(&body, "data-folder")["summary"], "there is no such folder");
    is_live(&app).await;
    // Startup has been passed, once and for all.
    assert_eq!(app.json("/health/startup").await.0, 200);
    assert_eq!(app.post("/mend/folder", "").await.code, 200);
    becomes_healthy(&app).await;
    assert_eq!(app.post("/mend/folder", "").await.code, 409);
}

#[tokio::test]
async fn without_the_service_it_calls_it_is_ready_and_degraded() {
    let app = Program::start("actix_app", &[]).await;
    assert_eq!(app.post("/break/downstream", "").await.code, 200);
    the_cache_is_over().await;
    let answer = app.get("/health/ready").await;
    assert_eq!((answer.code, answer.header("x-health-status")), (200, Some("degraded")));
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(names(&body, "failing"), ["downstream"]);
    assert_eq!(entry(&body, "downstream")["status"], "unhealthy");
    is_live(&app).await;
    let text = app.get("/health/ready?verbose").await.body;
    assert!(text.starts_with("[~]downstream failed: cannot connect: connection refused\n"), "{text}");
    assert!(text.ends_with("ready check passed\n"), "{text}");

    // Orders are taken in all the same, and sent on as soon as that works again.
    assert_eq!(app.post("/orders", r#"{"item":"tea","quantity":1}"#).await.code, 200);
    assert_eq!(app.json("/orders").await.1[0]["sent"], false);
    assert_eq!(app.post("/mend/downstream", "").await.code, 200);
    becomes_healthy(&app).await;
    eventually("the order is sent on", async || app.json("/orders").await.1[0]["sent"] == true).await;
}

#[tokio::test]
async fn only_what_a_restart_repairs_turns_live_red() {
    let app = Program::start("actix_app", &[]).await;
    assert_eq!(app.post("/break/dispatcher", "").await.code, 200);
    eventually("live is red", async || app.json("/health/live").await.0 == 503).await;
    let (_, live) = app.json("/health/live").await;
    assert_eq!(names(&live, "failing"), ["orders/dispatcher"]);
    assert_eq!(app.json("/health/ready").await.0, 200);
    assert_eq!(app.post("/mend/dispatcher", "").await.code, 200);
    eventually("live is green", async || app.json("/health/live").await.0 == 200).await;
    assert_eq!(app.post("/break/everything", "").await.code, 404);
}

#[tokio::test]
async fn it_drains_on_sigterm_and_then_ends_cleanly() {
    let mut app = Program::start("actix_app", &[("DRAIN_MS", "3000")]).await;
    is_live(&app).await;
    app.signal(Signal::TERM);
    eventually("ready is red", async || app.json("/health/ready").await.0 == 503).await;
    let (_, body) = app.json("/health/ready").await;
    assert_eq!(body["phase"], "draining");
    assert_eq!(entry(&body, "db")["status"], "healthy");
    is_live(&app).await;
    assert_eq!(app.post("/orders", r#"{"item":"tea","quantity":1}"#).await.code, 200);
    let status = app.ended().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn it_ends_promptly_on_sigint() {
    let mut app = Program::start("actix_app", &[("DRAIN_MS", "0")]).await;
    is_live(&app).await;
    app.signal(Signal::INT);
    let asked = Instant::now();
    let status = app.ended().await;
    assert!(status.success(), "{status}");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn it_comes_up_while_its_database_is_down_and_says_what_it_waits_for() {
    let folder = Scratch::new("no-pg");
    let url = format!("postgres://orders:hunter2@localhost/orders?host={}", folder.path().display());
    let app = Program::start("actix_app", &[("DATABASE_URL", &url)]).await;
    is_live(&app).await;
    assert_eq!(app.json("/health/startup").await.0, 200, "a migration is not a reason to be killed");
    let (code, body) = app.json("/health/ready").await;
    assert_eq!((code, names(&body, "waiting_for")), (503, vec!["gate:migrations".to_owned()]));
    assert_eq!(names(&body, "failing"), ["db"]);
    eventually("the log says why", async || app.logged().contains("check=db")).await;
    assert!(!app.logged().contains("hunter2"), "{}", app.logged());
}

#[tokio::test]
async fn with_a_real_postgresql_the_answers_follow_the_server() {
    let Some(mut postgres) = Postgres::start().await else { return };
    let app = Program::start("actix_app", &[("DATABASE_URL", &postgres.url())]).await;
    becomes_healthy(&app).await;
    let made = app.post("/orders", r#"{"item":"tea","quantity":2}"#).await;
    assert_eq!((made.code, &*made.body), (200, r#"{"id":1,"item":"tea","quantity":2,"sent":false}"#));
    eventually("the order is sent on", async || app.json("/orders").await.1[0]["sent"] == true).await;

    // Suspended: connections stay open and nobody answers, so only a timeout can tell.
    postgres.suspend();
    the_cache_is_over().await;
    let asked = Instant::now();
    let (code, body) = app.json("/health/ready").await;
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!((code, names(&body, "failing")), (503, vec!["db".to_owned()]), "{body}");
    assert_eq!(entry(&body, "db")["ended"], "timeout");
    assert_eq!(entry(&body, "db")["summary"], "did not answer within 700 ms");
    is_live(&app).await;
    postgres.resume();
    becomes_healthy(&app).await;

    // Killed: every connection is broken, and nobody listens.
    postgres.kill();
    the_cache_is_over().await;
    let asked = Instant::now();
    let (code, body) = app.json("/health/ready").await;
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!((code, names(&body, "failing")), (503, vec!["db".to_owned()]), "{body}");
    is_live(&app).await;
    postgres.restart().await;
    becomes_healthy(&app).await;
    assert_eq!(app.json("/orders").await.1[0]["item"], "tea", "it is the same database");
}
