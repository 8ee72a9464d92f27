//! A thousand runs, and runs that are cut off: nothing is left, here or on the server, and nothing is asked in vain.

use std::net::SocketAddr;

use health_builtins::Recommended as _;
use health_builtins::redis::{Redis, Replication};
use health_core::{HealthCheck, Outcome, Status};
use health_deep_tests::asked::Deep;
use health_deep_tests::proxy::{Fault, FaultProxy};
use health_deep_tests::redis::{self as server, app, manager, multiplexed};
use health_tests::leaks::{self, Left, Place};
use health_tests::servers::eventually;
use redis::AsyncConnectionConfig;
use redis::aio::ConnectionLike;

const RUNS: u64 = 1_000;

/// A server that is there before and after the scenarios, on a thread of its own runtime.
fn with_a_server(test: impl FnOnce(&server::Redis, &tokio::runtime::Runtime)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    if let Some(redis) = runtime.block_on(server::Redis::start(&[])) {
        test(&redis, &runtime);
    }
}

async fn is_run(check: &impl HealthCheck) {
    for _ in 0..RUNS {
        let status = check.check().await.as_ref().map(Outcome::status).ok();
        assert_eq!(status, Some(Status::Healthy));
    }
}

async fn every_depth(connection: &(impl ConnectionLike + Clone + Send + Sync)) {
    is_run(&Redis::ping(connection)).await;
    is_run(&Redis::round_trip(connection)).await;
    is_run(&Replication::primary(connection)).await;
}

fn after_a_thousand_runs(test: &str, runs: impl AsyncFnOnce(SocketAddr)) {
    leaks::alone(test, || {
        with_a_server(|redis, runtime| {
            runtime.block_on(redis.told("CONFIG RESETSTAT"));
            let address = redis.address();
            let left = leaks::after(Place::SeveralThreads, leaks::PATIENCE, async || runs(address).await);
            assert_eq!(left, Left::nothing());
            runtime.block_on(async {
                let about = redis.about().await;
                // Two are of this test: it set the counters to 0 before, and asks now.
                assert_eq!(about.number("total_connections_received"), 2);
                let mut calls = about.calls();
                calls.retain(|command, _| !["auth", "client|setinfo", "config|resetstat"].contains(command));
                let documented = ["del", "get", "info", "ping", "set"].map(|command| (command, RUNS));
                assert_eq!(calls, documented.into());
                eventually("no connection is left", async || {
                    redis.about().await.number("connected_clients") == 1
                })
                .await;
                assert_eq!(redis.keys().await, 0);
            });
        });
    });
}

#[test]
fn of_one_connection() {
    after_a_thousand_runs("of_one_connection", async |address| {
        every_depth(&multiplexed(&app(address)).await).await;
    });
}

#[test]
fn of_one_that_connects_again() {
    after_a_thousand_runs("of_one_that_connects_again", async |address| {
        every_depth(&manager(&app(address))).await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cut_off_leaves_the_connection_in_step() {
    let Some(redis) = server::Redis::start(&[]).await else {
        return;
    };
    let proxy = FaultProxy::to(redis.address()).await;
    // Nobody but the engine ends a run.
    let patient = AsyncConnectionConfig::new().set_response_timeout(None);
    let client = app(proxy.address());
    let connection =
        client.get_multiplexed_async_connection_with_config(&patient).await.expect("a connection");
    let check = Redis::round_trip(&connection);
    let deep = Deep::started("cut-off", check.spec("cut-off").timeout("700ms"), check);
    deep.told().await.is_healthy();

    proxy.set(Fault::BlackHole);
    for _ in 0..3 {
        deep.told().await.timed_out();
    }
    proxy.set(Fault::None);
    deep.recovers().await;
    assert_eq!(proxy.accepted(), 1, "the same connection");
    // What had been sent arrived after all, beside the first and the last, and each key with its end.
    let about = redis.about().await;
    assert!(about.calls()["set"] > 2, "{:?}", about.calls());
    assert_eq!(about.calls()["set"], about.calls()["del"]);
    assert_eq!(redis.keys().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_deleted_expires() {
    let Some(redis) = server::Redis::start(&[]).await else {
        return;
    };
    let check = Redis::round_trip(&multiplexed(&app(redis.address())).await);
    let deep = Deep::started("half", check.spec("half"), check);
    redis.told("ACL SETUSER app -del").await;
    deep.told().await.is_unhealthy("the account is not permitted to do this");
    let keys: Vec<String> =
        redis::from_redis_value(redis.ask("KEYS *").await.expect("it tells")).expect("keys");
    let [key] = &keys[..] else {
        panic!("{keys:?}");
    };
    let left: i64 =
        redis::from_redis_value(redis.ask(&format!("PTTL {key}")).await.expect("it tells")).expect("ms");
    assert!((1..=10_000).contains(&left), "{left}");
}
