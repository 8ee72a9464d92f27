//! What a run costs the server is what is documented, and nothing is left behind after a thousand runs.

use std::time::Duration;

use health_builtins::mysql::MySql;
use health_core::{HealthCheck as _, Status};
use health_deep_tests::asked::SECRET;
use health_deep_tests::mariadb::Mariadb;
use health_tests::leaks::{Left, PATIENCE, Place, after, alone};
use health_tests::servers::eventually;
use sqlx::MySqlPool;

/// What the server has counted since it was started.
async fn counted<const N: usize>(root: &MySqlPool, names: [&str; N]) -> [u64; N] {
    let rows: Vec<(String, String)> = sqlx::query_as("SHOW GLOBAL STATUS").fetch_all(root).await.unwrap();
    names.map(|name| {
        let row =
            rows.iter().find(|(found, _)| found == name).unwrap_or_else(|| panic!("{name} is not counted"));
        row.1.parse().unwrap()
    })
}

/// A ping is an `admin command` there, and no question.
const COUNTS: [&str; 4] = ["Questions", "Com_admin_commands", "Com_stmt_prepare", "Connections"];
const RUNS: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_are_counted_on_the_server() {
    let Some(server) = Mariadb::start().await else { return };
    let (root, pool) = (server.pool("root", "", 1), server.pool("app", SECRET, 1));
    let is_back = || eventually("it is back in the pool", async || pool.num_idle() == 1);
    let lag = MySql::replication_lag(&pool, Duration::from_secs(1));
    let write = MySql::write(&pool, "app.health_probe");
    let checks = [
        ("ping", 0, 3, MySql::ping(&pool)),
        ("ping of a primary", 1, 3, MySql::ping(&pool).expect_primary()),
        ("query", 1, 2, MySql::query(&pool)),
        ("query of a primary", 2, 2, MySql::query(&pool).expect_primary()),
        ("write", 5, 2, write),
        ("lag", 2, 2, lag),
    ];
    healthy(&checks[0].3).await;
    for (name, statements, pings, check) in checks {
        is_back().await;
        let before = counted(&root, COUNTS).await;
        for _ in 0..RUNS {
            healthy(&check).await;
            is_back().await;
        }
        let now = counted(&root, COUNTS).await;
        let made = [0, 1, 2, 3].map(|count| now[count] - before[count]);
        // The count itself is one question, between two pings of its pool.
        assert_eq!(made, [RUNS * statements + 1, RUNS * pings + 2, 0, 0], "{name}: {COUNTS:?}");
    }
    let before = counted(&root, COUNTS).await;
    let _ = MySql::pool_pressure(&pool).check().await.unwrap();
    let now = counted(&root, COUNTS).await;
    assert_eq!([now[0] - before[0], now[1] - before[1]], [1, 2], "the server was asked how full the pool is");
}

async fn healthy(check: &MySql) {
    assert_eq!(check.check().await.unwrap().status(), Status::Healthy);
}

#[test]
fn a_thousand_runs_leave_nothing() {
    alone("a_thousand_runs_leave_nothing", || {
        // In a runtime of its own, whose descriptors are not those of the runs.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let Some(server) = runtime.block_on(Mariadb::start()) else { return };
        let left = after(Place::SeveralThreads, PATIENCE, async || {
            let pool = server.pool("app", SECRET, 2);
            let table = "app.health_probe";
            let checks = [MySql::ping(&pool), MySql::query(&pool), MySql::write(&pool, table)];
            for run in 0..1_000 {
                healthy(&checks[run % checks.len()]).await;
            }
            assert!(pool.size() <= 2, "{pool:?}");
            pool.close().await;
        });
        assert_eq!(left, Left::nothing());
        runtime.block_on(async {
            let root = server.pool("root", "", 1);
            eventually("only this one is connected", async || {
                counted(&root, ["Threads_connected"]).await == [1]
            })
            .await;
            let left: i64 =
                sqlx::query_scalar("SELECT count(*) FROM app.health_probe").fetch_one(&root).await.unwrap();
            assert_eq!(left, 0, "rows are left");
        });
    });
}
