//! A thousand runs send no more than is documented and leave nothing behind, and neither does one that is cut off.

use std::time::Duration;

use health_builtins::Recommended as _;
use health_builtins::postgres::{Client, Postgres};
use health_core::{HealthCheck as _, Status};
use health_deep_tests::asked::Deep;
use health_deep_tests::postgres::{MAX, Server, client, deadpool, options, pool};
use health_deep_tests::proxy::{Fault, FaultProxy};
use health_tests::leaks::{self, Left, PATIENCE, Place};
use health_tests::servers::eventually;
use sqlx::postgres::PgPoolOptions;

/// Of each of the four depths.
const RUNS: usize = 250;

#[test]
fn after_a_thousand_runs() {
    leaks::alone("after_a_thousand_runs", || {
        // The server outlives the runtimes of the scenarios.
        let ground = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let Some(server) = ground.block_on(Server::start()) else {
            return;
        };
        let sqlx = leaks::after(Place::SeveralThreads, PATIENCE, async || {
            let pool = pool(server.port);
            costs_what_is_documented(&server, &pool, || pool.num_idle() == 1).await;
            pool.close().await;
        });
        assert_eq!(sqlx, Left::nothing(), "sqlx");
        let deadpool = leaks::after(Place::SeveralThreads, PATIENCE, async || {
            let pool = deadpool(server.port);
            costs_what_is_documented(&server, &pool, || pool.status().available == 1).await;
        });
        assert_eq!(deadpool, Left::nothing(), "deadpool");
        let client = leaks::after(Place::SeveralThreads, PATIENCE, async || {
            costs_what_is_documented(&server, &client(server.port).await, || true).await;
        });
        assert_eq!(client, Left::nothing(), "tokio-postgres");
        ground.block_on(server.connections_are_no_more_than(0));
    });
}

/// One run after the other: each begins when the connection of the last one `is_back`.
async fn costs_what_is_documented<C: Client>(server: &Server, client: &C, is_back: impl Fn() -> bool) {
    let lag = Postgres::replication_lag(client, Duration::from_secs(10));
    for (check, statements) in
        [(Postgres::ping(client), 0), (Postgres::query(client), 1), (Postgres::write(client), 1), (lag, 1)]
    {
        let before = server.statements();
        for _ in 0..RUNS {
            let outcome = check.check().await.unwrap_or_else(|failure| panic!("{check:?}: {failure:?}"));
            assert_eq!(outcome.status(), Status::Healthy, "{check:?}: {outcome:?}");
            let back = async {
                while !is_back() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(PATIENCE, back).await.expect("the connection is given back");
        }
        assert_eq!(server.statements() - before, RUNS * statements, "{check:?}");
    }
    server.connections_are_no_more_than(1).await;
}

/// The connection that did not answer is closed, and holds no place in the pool while the way is dark.
#[tokio::test]
async fn cut_off_midway_the_pool_is_as_good_as_before() {
    let Some(server) = Server::start().await else {
        return;
    };
    let way = FaultProxy::to(([127, 0, 0, 1], server.port).into()).await;
    // Handed out as they are: otherwise the pool finds out before the check does.
    let options_of_pool = PgPoolOptions::new().max_connections(MAX).test_before_acquire(false);
    let sqlx = options_of_pool.connect_lazy_with(options(way.port()));
    let deadpool = deadpool(way.port());
    let depths = [Postgres::ping(&sqlx), Postgres::query(&sqlx), Postgres::write(&sqlx)];
    let of_sqlx = depths.map(|check| Deep::started("db", check.spec("db").timeout("300ms"), check));
    let depths = [Postgres::ping(&deadpool), Postgres::query(&deadpool), Postgres::write(&deadpool)];
    let of_deadpool = depths.map(|check| Deep::started("db", check.spec("db").timeout("300ms"), check));

    // Each is run once when it is started: none of them is to be cut off in place of the one that is asked.
    for check in of_sqlx.iter().chain(&of_deadpool) {
        check.recovers().await;
    }
    for (of_sqlx, of_deadpool) in of_sqlx.iter().zip(&of_deadpool) {
        of_sqlx.recovers().await;
        of_deadpool.recovers().await;
        eventually("all are back", async || sqlx.num_idle() == sqlx.size() as usize).await;
        let before = (sqlx.size(), deadpool.status().size);
        way.set(Fault::BlackHole);
        of_sqlx.told().await.timed_out();
        of_deadpool.told().await.timed_out();
        eventually("its place is free", async || sqlx.size() == before.0 - 1).await;
        // What was asked is dropped after its timeout has been told.
        eventually("so is the other", async || deadpool.status().size == before.1 - 1).await;
        way.set(Fault::None);
        let answer: i32 = sqlx::query_scalar("SELECT 42").fetch_one(&sqlx).await.expect("it answers");
        let row = deadpool.get().await.expect("a connection").query_one("SELECT 42", &[]).await;
        assert_eq!((answer, row.expect("it answers").get::<_, i32>(0)), (42, 42));
    }
    server.connections_are_no_more_than(sqlx.size() as usize + deadpool.status().size).await;
}

/// What comes late is thrown away, and the application gets the answer to its own question.
#[tokio::test]
async fn a_client_that_is_asked_in_vain_answers_the_application() {
    let Some(server) = Server::start().await else {
        return;
    };
    let way = FaultProxy::to(([127, 0, 0, 1], server.port).into()).await;
    let client = client(way.port()).await;
    let query = Postgres::query(&client);
    let query = Deep::started("db", query.spec("db").timeout("300ms"), query);
    query.recovers().await;
    way.set(Fault::BlackHole);
    for _ in 0..3 {
        query.told().await.timed_out();
    }
    way.set(Fault::None);
    let row = client.query_one("SELECT 42", &[]).await.expect("it answers");
    assert_eq!(row.get::<_, i32>(0), 42);
    query.recovers().await;
    server.connections_are_no_more_than(1).await;
}
