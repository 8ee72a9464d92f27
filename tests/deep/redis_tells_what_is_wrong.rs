//! The table of faults: how deep a check of Redis looks, through which client, and what it then says.

use std::time::Duration;

use health_builtins::Recommended as _;
use health_builtins::redis::{Redis, Replication};
use health_core::{Ended, Status};
use health_deep_tests::asked::{Deep, SECRET, Told};
use health_deep_tests::proxy::{Fault, FaultProxy};
use health_deep_tests::redis::{self as server, app, manager, multiplexed};
use health_tests::servers::eventually;
use redis::Client;
use redis::aio::{ConnectionLike, ConnectionManager};

const CLOSED: &str = "the connection was closed";
const RESET: &str = "the connection was reset";
const REFUSED: &str = "cannot connect: connection refused";
const NO_ANSWER: &str = "no answer within the timeout of the client";
const CREDENTIALS: &str = "the credentials were refused";
const DENIED: &str = "the account is not permitted to do this";
const READ_ONLY: &str = "read-only: writes are refused";
const CANNOT_SAVE: &str = "the server cannot save to its disk and refuses writes";

/// Every depth, through one client.
struct Asked {
    ping: Deep,
    round_trip: Deep,
    role: Deep,
}

impl Asked {
    fn through<C: ConnectionLike + Clone + Send + Sync + 'static>(connection: &C) -> Self {
        let (ping, round_trip) = (Redis::ping(connection), Redis::round_trip(connection));
        let role = Replication::primary(connection);
        Self {
            ping: Deep::started("ping", ping.spec("ping"), ping),
            round_trip: Deep::started("round-trip", round_trip.spec("round-trip"), round_trip),
            role: Deep::started("role", role.spec("role"), role),
        }
    }

    async fn told(&self) -> [Told; 3] {
        tokio::join!(self.ping.told(), self.round_trip.told(), self.role.told()).into()
    }

    async fn recovers(&self) {
        tokio::join!(self.ping.recovers(), self.round_trip.recovers(), self.role.recovers());
    }

    /// `None` is healthy.
    async fn say(&self, fault: &str, expected: [Option<&str>; 3]) {
        for (told, expected) in self.told().await.iter().zip(expected) {
            let status = if expected.is_some() { Status::Unhealthy } else { Status::Healthy };
            assert_eq!(told.said(), (Ok(status), expected), "{fault}: {told:?}");
        }
    }

    /// Until then it may say that the connection was closed, as it does when the first to ask finds that out.
    async fn come_to_say(&self, fault: &str, expected: [Option<&str>; 3]) {
        eventually(fault, async || {
            let told = self.told().await;
            assert!(told.iter().all(|told| told.status == Ok(Status::Unhealthy)), "{fault}: {told:?}");
            told.iter().zip(expected).all(|(told, expected)| told.summary.as_deref() == expected)
        })
        .await;
    }
}

/// Whether the end or the reset of a connection is seen first is not decided here.
fn is_cut_off(told: &Told) {
    assert_eq!(told.status, Ok(Status::Unhealthy), "{told:?}");
    assert!([Some(CLOSED), Some(RESET)].contains(&told.summary.as_deref()), "{told:?}");
}

/// Both clients, connected.
async fn clients(client: &Client) -> [Asked; 2] {
    let both = [Asked::through(&multiplexed(client).await), Asked::through(&manager(client))];
    for asked in &both {
        asked.say("nothing is wrong", [None; 3]).await;
    }
    both
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_server_refuses() {
    let Some(redis) = server::Redis::start(&[]).await else {
        return;
    };
    let clients = clients(&app(redis.address())).await;
    let back_home = format!("CONFIG SET dir {}", redis.folder());
    // What breaks it, what mends it, and what a ping, a round trip and a question for the role then say.
    type Row<'a> = (&'a [&'a str], &'a [&'a str], [Option<&'a str>; 3]);
    let table: [Row<'_>; 6] = [
        (
            &["REPLICAOF 127.0.0.1 1"],
            &["REPLICAOF NO ONE"],
            [None, Some(READ_ONLY), Some("is a replica; a primary is expected")],
        ),
        (
            &["CONFIG SET replica-serve-stale-data no", "REPLICAOF 127.0.0.1 1"],
            &["REPLICAOF NO ONE"],
            [
                Some("a replica that has lost its primary and serves nothing"),
                Some(READ_ONLY),
                Some("is a replica; a primary is expected"),
            ],
        ),
        (
            &["CONFIG SET maxmemory 1"],
            &["CONFIG SET maxmemory 0"],
            [None, Some("the server is out of memory: a write was refused"), None],
        ),
        (
            &["CONFIG SET min-replicas-to-write 1"],
            &["CONFIG SET min-replicas-to-write 0"],
            [None, Some("the server has too few replicas: a write was refused"), None],
        ),
        (
            &["CONFIG SET save '3600 1'", "CONFIG SET dir /proc", "BGSAVE"],
            &[&back_home, "CONFIG SET save ''"],
            [Some(CANNOT_SAVE), Some(CANNOT_SAVE), None],
        ),
        (
            &["ACL SETUSER app -ping -set -info"],
            &["ACL SETUSER app +ping +set +info"],
            [Some(DENIED), Some(DENIED), Some(DENIED)],
        ),
    ];
    for (broken, mended, expected) in table {
        for command in broken {
            redis.told(command).await;
        }
        eventually("the server is done", async || redis.about().await.number("rdb_bgsave_in_progress") == 0)
            .await;
        for asked in &clients {
            asked.say(broken[0], expected).await;
        }
        for command in mended {
            redis.told(command).await;
        }
        for asked in &clients {
            asked.say(mended[0], [None; 3]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_server_is_busy_with_itself() {
    let Some(redis) = server::Redis::start(&["--busy-reply-threshold", "50"]).await else {
        return;
    };
    let clients = clients(&app(redis.address())).await;

    let script = async || drop(redis.ask("EVAL 'while true do end' 0").await);
    let asked = async || {
        let words = Some("the server is busy with a script");
        eventually("the script runs", async || clients[0].ping.told().await.summary.as_deref() == words)
            .await;
        for asked in &clients {
            asked.say("a script", [words; 3]).await;
        }
        redis.told("SCRIPT KILL").await;
    };
    tokio::join!(script(), asked());

    for key in 0..20 {
        redis.told(&format!("SET {key} {}", "x".repeat(4_096))).await;
    }
    // Each of the keys takes a quarter of a second, and whoever asks is answered in between.
    redis.told("CONFIG SET rdbcompression no").await;
    redis.told("CONFIG SET loading-process-events-interval-bytes 2048").await;
    redis.told("CONFIG SET key-load-delay 250000").await;
    let loading = async || redis.told("DEBUG RELOAD").await;
    let asked = async || {
        let words = Some("the server is still loading its data");
        eventually("the server loads", async || clients[0].ping.told().await.summary.as_deref() == words)
            .await;
        for asked in &clients {
            // What the server tells about itself it tells meanwhile.
            asked.say("loading", [words, words, None]).await;
        }
    };
    tokio::join!(loading(), asked());
    for asked in &clients {
        asked.recovers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_server_is_gone() {
    let Some(mut redis) = server::Redis::start(&[]).await else {
        return;
    };
    let [multiplexed, manager] = clients(&app(redis.address())).await;
    let by_default = ConnectionManager::new(app(redis.address())).await.expect("a connection");
    let by_default = Asked::through(&by_default);
    by_default.say("nothing is wrong", [None; 3]).await;

    redis.suspend();
    for asked in [&multiplexed, &manager] {
        asked.say("suspended", [Some(NO_ANSWER); 3]).await;
    }
    redis.resume();
    for asked in [&multiplexed, &manager] {
        asked.recovers().await;
    }

    redis.kill();
    multiplexed.come_to_say("killed", [Some(CLOSED); 3]).await;
    manager.come_to_say("killed", [Some(REFUSED); 3]).await;
    // It waits for the connection that it tries to get again.
    eventually("it tries", async || by_default.ping.told().await.ended == Some(Ended::Timeout)).await;
    redis.restart().await;
    tokio::join!(manager.recovers(), by_default.recovers());
    multiplexed.say("it never connects again", [Some(CLOSED); 3]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_way_is_broken() {
    let Some(redis) = server::Redis::start(&[]).await else {
        return;
    };
    let proxy = FaultProxy::to(redis.address()).await;
    let client = app(proxy.address());
    for fault in [
        Fault::Latency(server::PATIENCE + Duration::from_millis(500)),
        Fault::BlackHole,
        Fault::Trickle,
        Fault::HalfOpen,
    ] {
        let [multiplexed, manager] = clients(&client).await;
        proxy.set(fault);
        let name = format!("{fault:?}");
        tokio::join!(multiplexed.say(&name, [Some(NO_ANSWER); 3]), manager.say(&name, [Some(NO_ANSWER); 3]),);
        proxy.set(Fault::None);
        manager.recovers().await;
        if fault == Fault::HalfOpen {
            multiplexed.come_to_say("the server knows it no more", [Some(CLOSED); 3]).await;
        } else {
            multiplexed.recovers().await;
        }
    }

    let [multiplexed, manager] = clients(&client).await;
    proxy.set(Fault::Reset);
    multiplexed.come_to_say("reset", [Some(CLOSED); 3]).await;
    manager.come_to_say("reset", [Some(RESET); 3]).await;
    proxy.set(Fault::None);
    manager.recovers().await;
    multiplexed.say("it never connects again", [Some(CLOSED); 3]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nobody_lets_it_in() {
    let Some(redis) = server::Redis::start(&["--maxclients", "5"]).await else {
        return;
    };
    let connected_as = |account: &str| {
        let client = Client::open(format!("redis://{account}{}/", redis.address())).expect("an address");
        manager(&client)
    };
    let wrong = Asked::through(&connected_as(&format!("app:{SECRET}-or-not@")));
    wrong.say("a wrong password", [Some(CREDENTIALS); 3]).await;
    Asked::through(&connected_as("")).say("no password", [Some(CREDENTIALS); 3]).await;

    let elsewhere = Redis::round_trip(&connected_as(&format!("app:{SECRET}@"))).prefix("shop:health:");
    let elsewhere = Deep::started("elsewhere", elsewhere.spec("elsewhere"), elsewhere);
    elsewhere.told().await.is_unhealthy(DENIED);
    redis.told("ACL SETUSER app resetkeys ~shop:health:*").await;
    elsewhere.told().await.is_healthy();
    redis.told("ACL SETUSER app resetkeys ~health:*").await;
    drop(elsewhere);

    // It does not try again, although the credentials are right by now. The application cannot work either.
    let changed = Asked::through(&connected_as(&format!("app:{SECRET}@")));
    changed.say("the password", [None; 3]).await;
    redis.told(&format!("ACL SETUSER app resetpass >{SECRET}-that-is-new")).await;
    redis.told("CLIENT KILL USER app").await;
    changed.come_to_say("another password", [Some(CREDENTIALS); 3]).await;
    redis.told(&format!("ACL SETUSER app resetpass >{SECRET}")).await;
    changed.say("the password again", [Some(CREDENTIALS); 3]).await;
    drop(changed);

    // Others have all connections that there may be.
    let others = app(redis.address());
    let mut connections = Vec::new();
    while let Ok(another) = others.get_multiplexed_async_connection().await {
        connections.push(another);
    }
    let late = Asked::through(&connected_as(&format!("app:{SECRET}@")));
    late.told().await.iter().for_each(is_cut_off);
    drop(connections);
    late.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_server_closes_a_connection() {
    let Some(redis) = server::Redis::start(&[]).await else {
        return;
    };
    let connected = async |options: &str| {
        let address = format!("redis://app:{SECRET}@{}/{options}", redis.address());
        let asked = Asked::through(&manager(&Client::open(address).expect("an address")));
        asked.say("nothing is wrong", [None; 3]).await;
        asked
    };
    let asked = connected("").await;
    redis.told("CLIENT KILL USER app").await;
    is_cut_off(&asked.ping.told().await);
    asked.recovers().await;
    drop(asked);

    // The newer protocol tells the client, which connects again before anybody asks.
    let asked = connected("?protocol=resp3").await;
    let received = redis.about().await.number("total_connections_received");
    redis.told("CLIENT KILL USER app").await;
    let mut questions = 1;
    eventually("it connects again", async || {
        questions += 1;
        redis.about().await.number("total_connections_received") > received + questions
    })
    .await;
    asked.say("it is connected again", [None; 3]).await;
}

/// The nearest thing to a pool that is used up.
#[tokio::test(flavor = "multi_thread")]
async fn when_the_application_waits_on_the_same_connection() {
    let Some(redis) = server::Redis::start(&["+blpop", "~jobs"]).await else {
        return;
    };
    let connection = multiplexed(&app(redis.address())).await;
    let asked = Asked::through(&connection);
    asked.say("nothing is wrong", [None; 3]).await;
    let mut waits = redis::cmd("BLPOP");
    waits.arg("jobs").arg(30);
    // Sent before anything that is asked from here on, and given up by the client long before the server does.
    let mut others = connection.clone();
    let waited = waits.query_async::<(String, String)>(&mut others);
    assert!(waited.await.expect_err("there is no job").is_timeout());
    asked.say("a job is waited for", [Some(NO_ANSWER); 3]).await;
    redis.told("LPUSH jobs one").await;
    asked.recovers().await;
}
