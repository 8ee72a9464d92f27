//! A primary and a replica that change places, fall silent and are lost.

use std::time::Duration;

use health_builtins::Recommended as _;
use health_builtins::redis::Replication;
use health_core::Status;
use health_deep_tests::asked::Deep;
use health_deep_tests::redis::{Redis, app, manager};
use health_tests::servers::eventually;
use redis::aio::ConnectionManager;

fn deep(check: Replication<ConnectionManager>) -> Deep {
    Deep::started("role", check.spec("role"), check)
}

#[tokio::test(flavor = "multi_thread")]
async fn and_how_long_the_other_side_has_been_silent() {
    let Some(mut first) =
        Redis::start(&["--repl-ping-replica-period", "1", "--repl-diskless-sync-delay", "0"]).await
    else {
        return;
    };
    let port = first.port().to_string();
    let Some(second) = Redis::start(&["--replicaof", "127.0.0.1", &port]).await else {
        return;
    };
    let (at_first, at_second) = (manager(&app(first.address())), manager(&app(second.address())));
    let limit = Duration::from_secs(3);
    let primary = deep(Replication::primary(&at_first).at_least_replicas(1).degraded_above(limit));
    let replica = deep(Replication::replica(&at_second).degraded_above(limit));
    primary.recovers().await;
    replica.recovers().await;
    let told = primary.told().await;
    assert_eq!((&told.data["replicas"], &told.data["following"]), (&1.into(), &1.into()), "{told:?}");

    first.suspend();
    eventually("the replica notices", async || {
        let told = replica.told().await;
        let summary = told.summary.as_deref().unwrap_or_default();
        let told_so =
            summary.starts_with("the primary has been silent for ") && summary.ends_with(" s, more than 3s");
        told.status == Ok(Status::Degraded) && told_so
    })
    .await;
    first.resume();
    replica.recovers().await;

    second.suspend();
    eventually("the primary notices", async || {
        let told = primary.told().await;
        told.said() == (Ok(Status::Degraded), Some("replicas that follow: 0, expected at least 1"))
    })
    .await;
    second.resume();
    primary.recovers().await;

    second.told("REPLICAOF NO ONE").await;
    first.told(&format!("REPLICAOF 127.0.0.1 {}", second.port())).await;
    primary.told().await.is_unhealthy("is a replica; a primary is expected");
    replica.told().await.is_unhealthy("is a primary; a replica is expected");
    // Whoever now expects what is so sees that it is.
    let turned = deep(Replication::replica(&at_first));
    turned.recovers().await;
    first.told("REPLICAOF NO ONE").await;
    second.told(&format!("REPLICAOF 127.0.0.1 {port}")).await;
    primary.recovers().await;
    replica.recovers().await;

    first.kill();
    let lost = Some("the replica has no link to its primary");
    eventually("the link is lost", async || replica.told().await.said() == (Ok(Status::Degraded), lost))
        .await;
    first.restart().await;
    primary.recovers().await;
    replica.recovers().await;
}
