//! A cluster of three primaries: all of them are pinged, a round trip meets one, and what is lost is told.

use health_builtins::Recommended as _;
use health_builtins::redis::{Cluster, Redis, Replication};
use health_core::Status;
use health_deep_tests::asked::{Deep, SECRET};
use health_deep_tests::redis::{self as server, PATIENCE, app, multiplexed};
use health_tests::servers::{eventually, free_port};
use redis::cluster::ClusterClientBuilder;

/// A third of the slots each.
const SLOTS: [&str; 3] = ["0 5460", "5461 10922", "10923 16383"];

async fn cluster() -> Option<Vec<server::Redis>> {
    let mut nodes: Vec<(server::Redis, String)> = Vec::new();
    for slots in SLOTS {
        let bus = free_port().to_string();
        // The client asks for the map, and the check for the state.
        let node = server::Redis::start(&[
            "+cluster|slots",
            "+cluster|info",
            "--cluster-enabled",
            "yes",
            "--cluster-node-timeout",
            "1000",
            "--cluster-port",
            &bus,
        ])
        .await?;
        node.told(&format!("CLUSTER ADDSLOTSRANGE {slots}")).await;
        node.told(&format!("CLUSTER SET-CONFIG-EPOCH {}", nodes.len() + 1)).await;
        if let Some((first, bus)) = nodes.first() {
            node.told(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", first.port())).await;
        }
        nodes.push((node, bus));
    }
    let nodes: Vec<_> = nodes.into_iter().map(|(node, _)| node).collect();
    for node in &nodes {
        is_whole(node).await;
    }
    Some(nodes)
}

async fn is_whole(node: &server::Redis) {
    eventually("the cluster is whole", async || {
        let told = node.ask("CLUSTER INFO").await.expect("it tells");
        let told: String = redis::from_redis_value(told).expect("text");
        ["cluster_state:ok", "cluster_known_nodes:3", "cluster_slots_ok:16384"]
            .iter()
            .all(|line| told.contains(line))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_tells_when_a_part_is_lost() {
    let Some(mut nodes) = cluster().await else {
        return;
    };
    let urls = nodes.iter().map(|node| format!("redis://app:{SECRET}@{}/", node.address()));
    let client = ClusterClientBuilder::new(urls).response_timeout(PATIENCE).build().expect("addresses");
    let connection = client.get_async_connection().await.expect("a cluster");
    let (ping, round_trip) = (Redis::ping(&connection), Redis::round_trip(&connection));
    let ping = Deep::started("ping", ping.spec("ping"), ping);
    let round_trip = Deep::started("round-trip", round_trip.spec("round-trip"), round_trip);

    for node in &nodes {
        node.told("CONFIG RESETSTAT").await;
    }
    ping.told().await.is_healthy();
    for node in &nodes {
        assert_eq!(node.about().await.calls()["ping"], 1);
    }
    for _ in 0..30 {
        round_trip.told().await.is_healthy();
    }
    let mut written = 0;
    for node in &nodes {
        let about = node.about().await;
        let calls = about.calls();
        let [set, get, del] = ["set", "get", "del"].map(|command| calls.get(command).copied().unwrap_or(0));
        assert!(set > 0 && set == get && set == del, "each has had a part of them, and all of it: {calls:?}");
        written += set;
        assert_eq!(node.keys().await, 0);
    }
    assert_eq!(written, 30);

    let role = Replication::primary(&connection);
    let role = Deep::started("role", role.spec("role"), role);
    role.told().await.is_unhealthy("one server is asked, not a whole cluster");

    let whole = Cluster::of(&connection);
    let whole = Deep::started("whole", whole.spec("whole"), whole);
    whole.told().await.is_healthy();
    nodes[2].kill();
    eventually("the others notice", async || {
        whole.told().await.said()
            == (Ok(Status::Unhealthy), Some("the cluster is down: nobody serves 5461 of 16384 slots"))
    })
    .await;
    // Those that it still knows answer it.
    ping.told().await.is_healthy();
    // It asks again and again while it is told that the cluster is down.
    round_trip.told().await.is_unhealthy("no answer within the timeout of the client");
    nodes[2].restart().await;
    is_whole(&nodes[0]).await;
    ping.recovers().await;
    round_trip.recovers().await;
    whole.recovers().await;
}

/// With a client that does not follow it: what falls to another node is not done.
#[tokio::test(flavor = "multi_thread")]
async fn and_a_client_that_knows_of_no_cluster_is_told_apart() {
    let Some(nodes) = cluster().await else {
        return;
    };
    let connection = multiplexed(&app(nodes[0].address())).await;
    let check = Redis::round_trip(&connection);
    let deep = Deep::started("round-trip", check.spec("round-trip"), check);
    eventually("a key falls to another node", async || {
        let told = deep.told().await;
        told.said() == (Ok(Status::Unhealthy), Some("the key is on another node of the cluster"))
    })
    .await;
}
