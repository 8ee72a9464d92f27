//! When the management listener is gone, however it went, no thread, task or descriptor of it is left.

#![cfg(target_os = "linux")]

use health_actix::{Management, server};
use health_core::{Health, Probe, Spec, Status};
use health_tests::http::{Wire, get};
use health_tests::leaks::{self, Left, PATIENCE, PLACES};
use health_tests::servers::{Scratch, eventually};

fn leaves_nothing(test: &str, scenario: impl AsyncFn()) {
    leaks::alone(test, || {
        for place in PLACES {
            assert_eq!(leaks::after(place, PATIENCE, &scenario), Left::nothing(), "on {place:?}");
        }
    });
}

fn health() -> Health {
    Health::builder().check_fn(Spec::named("db"), || async {}).build().unwrap().start()
}

fn started(health: Health, scratch: &Scratch) -> Management {
    let bound = server(health).max_connections(8).bind(("127.0.0.1", 0)).unwrap();
    let bound = bound.bind_haproxy_agent(("127.0.0.1", 0)).unwrap();
    bound.bind_uds(scratch.path().join("health.sock")).unwrap().start().unwrap()
}

#[test]
fn by_listeners_that_come_and_go() {
    leaves_nothing("by_listeners_that_come_and_go", async || {
        let (health, scratch) = (health(), Scratch::new("gone"));
        for number in 0..10 {
            let management = started(health.clone(), &scratch);
            assert_eq!(get(management.addresses()[0], "/health/live").await.code, 200);
            if number % 2 == 0 {
                management.stop().await;
            }
        }
        // Bound and never started.
        drop(server(health).bind(("127.0.0.1", 0)).unwrap().bind_uds(scratch.path().join("x")).unwrap());
    });
}

#[test]
fn by_clients_of_every_kind() {
    leaves_nothing("by_clients_of_every_kind", async || {
        let (health, scratch) = (health(), Scratch::new("gone"));
        let management = started(health, &scratch);
        let address = management.addresses()[0];
        let mut open = Vec::new();
        for bytes in ["", "GET /hea", "GET /health HTTP/1.1\r\nHost: x\r\n\r\n", "nonsense\r\n\r\n"] {
            let mut wire = Wire::to(address).await;
            wire.send(bytes).await;
            open.push(wire);
        }
        for sent in ["", "db\n"] {
            let mut wire = Wire::to(management.haproxy_agents()[0]).await;
            wire.send(sent).await;
            open.push(wire);
        }
        Wire::to(address).await.reset();
        assert_eq!(get(address, "/health/live").await.code, 200);
        drop(management);
        drop(open);
    });
}

#[tokio::test]
async fn it_answers_for_a_health_whose_runtime_has_ended() {
    let elsewhere = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let spec = Spec::named("db").cache("1ms");
    let builder = Health::builder().check_fn(spec, || async {}).deadline("200ms");
    let health = builder.build().unwrap().start_on(elsewhere.handle());
    eventually("the check has run", async || health.status(Probe::Ready) == Status::Healthy).await;
    let management = server(health).bind(("127.0.0.1", 0)).unwrap().start().unwrap();
    elsewhere.shutdown_background();
    for path in ["/health/live", "/health/ready"] {
        let answer = get(management.addresses()[0], path).await;
        assert!(answer.header("x-health-status").is_some(), "{path}: {answer:?}");
    }
}
