//! Each fault of PostgreSQL, at each depth, through each client: what is said, in time, and that it recovers by itself.

use std::time::Duration;

use futures::future::join_all;
use health_builtins::Recommended as _;
use health_builtins::postgres::{Client, Postgres};
use health_core::Status;
use health_deep_tests::asked::{Deep, SECRET, Told};
use health_deep_tests::postgres::{MAX, NO_CONNECTION, PATIENCE, Server, client, deadpool, pool};
use health_deep_tests::proxy::{Fault, FaultProxy};
use health_tests::servers::eventually;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Way(Fault),
    Suspended,
    Killed,
    /// The account has another password.
    Password,
    /// No more connections for the account.
    Limit,
    /// A configured limit: nobody may write.
    ReadOnly,
    /// The function that writes is for others.
    Revoked,
}
use Broken::{Killed, Limit, Password, ReadOnly, Revoked, Suspended, Way};

/// What is said then.
#[derive(Clone, Copy, Debug)]
enum Said {
    Healthy,
    Unhealthy(&'static str),
    /// The engine ended the waiting.
    TimedOut,
    /// Either of them: some have a connection to ask on, and some have to open one.
    NoAnswer,
    /// One way or the other.
    CutOff,
}
use Said::{CutOff, Healthy, NoAnswer, TimedOut, Unhealthy};

type Table<'a> = &'a [(Broken, [Said; 3])];

const LATENCY: Fault = Fault::Latency(Duration::from_secs(3));
const READ_ONLY: Said = Unhealthy("read-only: writes are refused");
const DENIED: Said = Unhealthy("the account is not permitted to do this");
const CREDENTIALS: Said = Unhealthy("the credentials were refused");

/// It does not say why it cannot connect.
const SQLX: Table<'_> = &[
    (Way(Fault::None), [Healthy, Healthy, Healthy]),
    (Way(LATENCY), [Unhealthy(NO_CONNECTION); 3]),
    (Way(Fault::BlackHole), [Unhealthy(NO_CONNECTION); 3]),
    (Way(Fault::HalfOpen), [Unhealthy(NO_CONNECTION); 3]),
    (Way(Fault::Reset), [CutOff; 3]),
    (Way(Fault::Trickle), [Unhealthy(NO_CONNECTION); 3]),
    (Suspended, [Unhealthy(NO_CONNECTION); 3]),
    (Killed, [Unhealthy(NO_CONNECTION); 3]),
    (Password, [CREDENTIALS; 3]),
    (Limit, [Unhealthy(NO_CONNECTION); 3]),
    (ReadOnly, [Healthy, Healthy, READ_ONLY]),
    (Revoked, [Healthy, Healthy, DENIED]),
];

/// It asks on a connection without testing it first.
const DEADPOOL: Table<'_> = &[
    (Way(Fault::None), [Healthy, Healthy, Healthy]),
    (Way(Fault::BlackHole), [NoAnswer; 3]),
    (Way(Fault::HalfOpen), [NoAnswer; 3]),
    (Way(Fault::Reset), [CutOff; 3]),
    (Suspended, [NoAnswer; 3]),
    (Killed, [Unhealthy("cannot connect: connection refused"); 3]),
    (Password, [CREDENTIALS; 3]),
    (Limit, [Unhealthy("the server has no connection left"); 3]),
    (ReadOnly, [Healthy, Healthy, READ_ONLY]),
];

/// It has one connection, and never another one.
const CLIENT: Table<'_> = &[
    (Way(Fault::None), [Healthy, Healthy, Healthy]),
    (Way(LATENCY), [TimedOut; 3]),
    (Way(Fault::BlackHole), [TimedOut; 3]),
    (Way(Fault::HalfOpen), [TimedOut; 3]),
    (Way(Fault::Reset), [CutOff; 3]),
    (Way(Fault::Trickle), [TimedOut; 3]),
    (Suspended, [TimedOut; 3]),
    (Killed, [CutOff; 3]),
    (ReadOnly, [Healthy, Healthy, READ_ONLY]),
];

impl Said {
    fn is(self, told: &Told) -> bool {
        let timed_out = || told.ended == Some(health_core::Ended::Timeout);
        let unhealthy = |summary| told.said() == (Ok(Status::Unhealthy), Some(summary));
        match self {
            Healthy => told.status == Ok(Status::Healthy),
            Unhealthy(summary) => unhealthy(summary),
            TimedOut => timed_out(),
            NoAnswer => timed_out() || unhealthy(NO_CONNECTION),
            CutOff => unhealthy("the connection was reset") || unhealthy("the connection was closed"),
        }
    }
}

impl Broken {
    async fn happen(self, server: &mut Server, way: &FaultProxy) {
        // Whoever has to show their password, or count, is asked for it when they connect.
        let terminate = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'app'";
        match self {
            Way(fault) => way.set(fault),
            Suspended => server.server.suspend(),
            Killed => server.server.kill(),
            Password => server.sql(&["ALTER ROLE app PASSWORD 'another'", terminate]),
            Limit => server.sql(&["ALTER ROLE app CONNECTION LIMIT 0", terminate]),
            ReadOnly => server.sql(&["ALTER SYSTEM SET default_transaction_read_only = on", RELOAD]),
            Revoked => server.sql(&[
                "REVOKE EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text) FROM public",
            ]),
        }
    }

    async fn be_mended(self, server: &mut Server, way: &FaultProxy) {
        match self {
            Way(_) => way.set(Fault::None),
            Suspended => server.server.resume(),
            Killed => server.server.restart().await,
            Password => server.sql(&[&format!("ALTER ROLE app PASSWORD '{SECRET}'")]),
            Limit => server.sql(&["ALTER ROLE app CONNECTION LIMIT -1"]),
            ReadOnly => server.sql(&["ALTER SYSTEM RESET default_transaction_read_only", RELOAD]),
            Revoked => server
                .sql(&["GRANT EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text) TO public"]),
        }
    }

    /// Those that the client hears of in its own time, a moment later than this test.
    fn settles(self) -> bool {
        !matches!(self, Way(fault) if fault != Fault::Reset) && self != Suspended
    }
}

const RELOAD: &str = "SELECT pg_reload_conf()";

/// With one client for each row, so that a row leaves nothing to the next.
async fn holds<C: Client>(table: Table<'_>, reconnects: bool, connected: impl AsyncFn(u16) -> C) {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let way = FaultProxy::to(([127, 0, 0, 1], server.port).into()).await;
    for (broken, expected) in table {
        let port = if matches!(broken, Way(_)) { way.port() } else { server.port };
        let client = connected(port).await;
        let depths = [Postgres::ping(&client), Postgres::query(&client), Postgres::write(&client)];
        let checks = depths.map(|check| {
            let check = check.patience(PATIENCE);
            Deep::started("db", check.spec("db").timeout("700ms"), check)
        });
        join_all(checks.iter().map(Deep::recovers)).await;
        broken.happen(&mut server, &way).await;
        let told = async || join_all(checks.iter().map(Deep::told)).await;
        let are_as_expected = |told: &[Told]| told.iter().zip(expected).all(|(told, said)| said.is(told));
        if broken.settles() {
            eventually(&format!("{broken:?}: {expected:?}"), async || are_as_expected(&told().await)).await;
        } else {
            let told = told().await;
            assert!(are_as_expected(&told), "{broken:?}: expected {expected:?}: {told:#?}");
        }
        broken.be_mended(&mut server, &way).await;
        let ended = matches!(broken, Way(Fault::HalfOpen | Fault::Reset) | Killed);
        if reconnects || !ended {
            join_all(checks.iter().map(Deep::recovers)).await;
        }
    }
    server.connections_are_no_more_than(0).await;
}

#[tokio::test]
async fn through_a_pool_of_sqlx() {
    holds(SQLX, true, async |port| pool(port)).await;
}

#[tokio::test]
async fn through_a_pool_of_deadpool() {
    holds(DEADPOOL, true, async |port| deadpool(port)).await;
}

#[tokio::test]
async fn through_a_client_of_tokio_postgres() {
    holds(CLIENT, false, client).await;
}

#[tokio::test]
async fn a_pool_that_the_application_uses_up_is_busy() {
    let Some(server) = Server::start().await else {
        return;
    };
    let (sqlx, deadpool) = (pool(server.port), deadpool(server.port));
    let (mut taken, mut lent) = (Vec::new(), Vec::new());
    for _ in 0..MAX {
        taken.push(sqlx.acquire().await.expect("there are some left"));
        lent.push(deadpool.get().await.expect("there are some left"));
    }
    let checks = async || {
        let of_sqlx = [Postgres::ping(&sqlx), Postgres::query(&sqlx), Postgres::write(&sqlx)];
        let of_deadpool = [Postgres::ping(&deadpool), Postgres::query(&deadpool), Postgres::write(&deadpool)];
        // What a check has when nobody says otherwise.
        let started = |spec: health_core::Spec| spec.timeout("700ms");
        let of_sqlx = of_sqlx.map(|check| Deep::started("db", started(check.spec("db")), check));
        let of_deadpool = of_deadpool.map(|check| Deep::started("db", started(check.spec("db")), check));
        let all: Vec<_> = of_sqlx.into_iter().chain(of_deadpool).collect();
        join_all(all.iter().map(Deep::told)).await
    };
    for told in checks().await {
        told.is_degraded("all 4 connections are busy");
    }
    // The pressure is told without waiting for one.
    for told in [pressure(&sqlx).await, pressure(&deadpool).await] {
        told.is_degraded("4 of 4 connections are in use, more than 80 %");
        assert_eq!(told.data["in_use"], 4, "{told:?}");
    }
    taken.pop();
    lent.pop();
    eventually("one is back", async || sqlx.num_idle() == 1).await;
    for told in [pressure(&sqlx).await, pressure(&deadpool).await] {
        told.is_healthy();
        assert_eq!((&told.data["in_use"], &told.data["idle"]), (&3.into(), &1.into()), "{told:?}");
    }
    drop((taken, lent));
    eventually("they are back", async || sqlx.num_idle() == MAX as usize).await;
    for told in checks().await {
        told.is_healthy();
    }
}

/// Its transactions are its own: nothing is put into them, and one that has failed is no fault of the server.
#[tokio::test]
async fn a_client_is_left_alone_inside_a_transaction() {
    let Some(server) = Server::start().await else {
        return;
    };
    let client = client(server.port).await;
    let depths = [Postgres::ping(&client), Postgres::query(&client), Postgres::write(&client)];
    let [ping, query, write] = depths.map(|check| Deep::started("db", check.spec("db"), check));
    let run = async |statement| client.simple_query(statement).await;

    run("BEGIN; SET LOCAL synchronous_commit = off").await.expect("it begins");
    ping.told().await.is_healthy();
    query.told().await.is_healthy();
    let inside = "the connection is inside a transaction of the application: nothing is written";
    write.told().await.is_degraded(inside);
    let set = client.query_one("SHOW synchronous_commit", &[]).await.expect("it is still in order");
    assert_eq!(set.get::<_, &str>(0), "off", "what the application has set is as it was");
    let written = client.query_one("SELECT pg_current_xact_id_if_assigned()::text", &[]).await;
    assert_eq!(written.expect("it is still in order").get::<_, Option<&str>>(0), None);

    run("SELECT 1 / 0").await.expect_err("that has no answer");
    ping.told().await.is_healthy();
    for check in [&query, &write] {
        check.told().await.is_degraded("the connection is inside a failed transaction");
    }
    run("ROLLBACK").await.expect("it ends");
    for check in [ping, query, write] {
        check.told().await.is_healthy();
    }
}

/// The pool may have more connections than the server accepts. sqlx does not look at those that come back once it has
/// begun to connect.
#[tokio::test]
async fn a_connection_that_comes_back_serves_a_check_that_gets_no_other() {
    let Some(server) = Server::start().await else {
        return;
    };
    server.sql(&["ALTER ROLE app CONNECTION LIMIT 1"]);
    let pool = pool(server.port);
    let only = pool.acquire().await.expect("one is accepted");
    let check = Postgres::query(&pool);
    let check = Deep::started("db", check.spec("db"), check);
    let come_back = async {
        eventually("the check connects", async || pool.size() == 2).await;
        drop(only);
    };
    let (told, ()) = futures::join!(check.told(), come_back);
    told.is_healthy();
    eventually("it is given back", async || (pool.size(), pool.num_idle()) == (1, 1)).await;
}

async fn pressure<C: Client + health_builtins::Counted>(pool: &C) -> Told {
    let check = Postgres::pool_pressure(pool);
    Deep::started("pool", check.spec("pool"), check).told().await
}
