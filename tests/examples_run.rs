//! Every example is run, and does what its first lines say.

use std::net::SocketAddr;
use std::process::Output;

use health_tests::http;
use health_tests::programs::{Program, run};
use health_tests::servers::eventually;
use rustix::process::Signal;

fn printed(output: &Output) -> String {
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}, with the log\n{log}", output.status);
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// An example that nobody runs rots; one added to the manifest has to be added here.
#[test]
fn none_is_forgotten() {
    let manifest = include_str!("../examples/Cargo.toml");
    let of_examples = manifest.split("[[example]]").skip(1);
    let mut names: Vec<_> = of_examples.filter_map(|entry| entry.split('"').nth(1)).collect();
    names.sort_unstable();
    let tested = [
        "actix_app", // in actix_app.rs
        "closures_only",
        "components",
        "deep_checks", // in deep/the_example_shows_what_it_finds.rs
        "graceful_shutdown",
        "injected_resources",
        "list_checks", // in listing.rs
        "management_port",
        "minimal",
        "own_dialect",
        "rolling_restart", // in a_rolling_restart_loses_nothing.rs
        "storm",
        "testing_checks",
    ];
    assert_eq!(names, tested);
}

#[tokio::test]
async fn closures_only() {
    let text = printed(&run("closures_only", &[]).await);
    let expected = "\
[~]replica/asia failed: does not accept connections
[+]clock ok
[+]replica/eu ok
[+]replica/us ok
[+]scratch ok
ready check passed
ready is degraded

[-]replica/asia failed: does not accept connections
[-]replica/us failed: does not accept connections
[+]clock ok
[+]replica/eu ok
[+]scratch ok
ready check failed
ready is unhealthy
";
    assert_eq!(text, expected);
}

#[tokio::test]
async fn components() {
    let text = printed(&run("components", &[]).await);
    assert!(!text.is_empty());
}

#[tokio::test]
async fn injected_resources() {
    let text = printed(&run("injected_resources", &[]).await);
    let expected = "\
[~]licence failed: reason withheld
[~]stock degraded: one item is left
[+]region ok
[+]stock/counted ok
ready check passed
ready is degraded
";
    assert!(text.starts_with(expected), "{text}");
    // The second half: three resources are missing, each is named with its place.
    assert_eq!(
        text.matches("none was handed in\n  --> examples/injected_resources.rs:").count(),
        3,
        "{text}"
    );
}

/// A second of it, with one of every kind of check.
#[tokio::test]
async fn storm() {
    let text = printed(&run("storm", &["--pollers", "4", "--checks", "20", "--seconds=1"]).await);
    assert!(text.starts_with("4 pollers, 20 checks, 1s, "), "{text}");
    assert!(text.contains("\nwrong    0\n"), "{text}");
    for row in ["ready", "live", "whole", "all"] {
        let row = text.lines().find_map(|line| line.strip_prefix(row)).expect("a row");
        assert!(row.split_whitespace().next() != Some("0"), "nobody was answered: {text}");
    }
    for (arguments, complaint) in [
        (&["--pollers"][..], "`--pollers` needs a number"),
        (&["--checks", "0"], "`--checks` must be a number from 1 to 100000, not `0`"),
        (&["--seconds=soon"], "`--seconds` must be a number from 1 to 86400, not `soon`"),
        (&["hard"], "unexpected argument `hard`"),
    ] {
        let output = run("storm", arguments).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with(&format!("error: {complaint}\n")) && said.contains("usage: "), "{said}");
    }
    assert!(printed(&run("storm", &["--help"]).await).starts_with("usage: storm "));
}

#[tokio::test]
async fn testing_checks() {
    assert_eq!(printed(&run("testing_checks", &[]).await), "[+]spool ok\nready check passed\n");
}

#[tokio::test]
async fn minimal() {
    let mut app = Program::start("minimal", &[]).await;
    let answer = app.get("/health/ready").await;
    // Without a word about exposure it shows one.
    assert_eq!((answer.code, &*answer.body), (200, r#"{"status":"healthy"}"#));
    assert_eq!(app.get("/health/live").await.code, 200);
    app.signal(Signal::TERM);
    assert!(app.ended().await.success());
}

#[tokio::test]
async fn own_dialect() {
    let mut app = Program::start("own_dialect", &[]).await;
    let answer = app.get("/nagios").await;
    assert_eq!((answer.code, &*answer.body), (200, "WARNING: disk\n"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let answer = app.get("/health/ready").await;
    assert_eq!((answer.code, &*answer.body), (200, r#"{"status":"degraded"}"#));
    app.signal(Signal::TERM);
    assert!(app.ended().await.success());
}

#[tokio::test]
async fn management_port() {
    let token = "correct-horse-battery";
    let mut app =
        Program::start("management_port", &[("MANAGEMENT", "127.0.0.1:0"), ("HEALTH_TOKEN", token)]).await;
    assert_eq!(app.get("/health/ready").await.body, r#"{"status":"degraded"}"#);
    assert_eq!(app.get("/health").await.code, 404, "live and ready alone are on the main port");
    eventually("the other port is said", async || app.printed().contains("management on")).await;
    let printed = app.printed();
    let (_, address) = printed.trim_end().rsplit_once("http://").unwrap();
    let management: SocketAddr = address.parse().unwrap();
    let shown = async |path: &str| http::get(management, path).await.body;
    assert_eq!(shown("/readyz").await, "ok");
    let lines = "[~]storage/disk degraded: 91 % full\n[+]storage/index ok\nreadyz check passed\n";
    assert_eq!(shown("/readyz?verbose").await, lines);
    let tree = r#"{"status":"UP","components":{"disk":{"status":"UP","details":{"degraded":true,"summary":"91 % full""#;
    assert_eq!(
        shown("/actuator/health/storage").await,
        format!("{tree}}}}},\"index\":{{\"status\":\"UP\",\"details\":{{}}}}}}}}")
    );
    assert!(shown("/health-json/ready").await.starts_with(r#"{"status":"warn","#));
    assert!(
        shown("/microprofile/ready").await.starts_with(r#"{"status":"UP","checks":[{"name":"storage/disk","#)
    );
    let request =
        format!("GET /actuator/health/storage HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    let full = http::ask(management, request).await.body;
    assert_eq!(
        full,
        format!("{tree},\"free_percent\":9}}}},\"index\":{{\"status\":\"UP\",\"details\":{{}}}}}}}}")
    );
    app.signal(Signal::TERM);
    assert!(app.ended().await.success());
}

#[tokio::test]
async fn graceful_shutdown() {
    let mut app = Program::start("graceful_shutdown", &[("DRAIN_MS", "3000")]).await;
    assert_eq!(app.get("/health/ready").await.code, 200);
    app.signal(Signal::TERM);
    eventually("ready is red", async || app.get("/health/ready").await.code == 503).await;
    assert_eq!(app.get("/health/live").await.code, 200);
    assert_eq!(app.get("/health/ready?verbose").await.body, "[+]fine ok\n[-]draining\nready check failed\n");
    // It takes longer than what is left of the delay, and is answered all the same.
    let slow = app.get("/slow").await;
    assert_eq!((slow.code, &*slow.body), (200, "done\n"));
    assert!(app.ended().await.success());
    eventually("its last line is there", async || app.printed().ends_with("stopped\n")).await;
}
