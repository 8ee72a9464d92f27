//! A replica says how far it is behind, that replication has stopped, and that it has been made a primary; a primary
//! that has become a replica is told too.

use std::time::Duration;

use health_builtins::Recommended as _;
use health_builtins::mysql::MySql;
use health_deep_tests::asked::{Deep, SECRET};
use health_deep_tests::mariadb::Mariadb;
use health_tests::servers::eventually;
use sqlx::Executor as _;

fn deep(name: &'static str, check: MySql) -> Deep {
    Deep::started(name, check.spec(name), check)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lag_of_a_replica_is_told() {
    let Some(primary) = Mariadb::start().await else { return };
    let replica = primary.replica().await;
    let (there, here) = (primary.pool("root", "", 1), replica.pool("root", "", 1));
    let pool = replica.pool("app", SECRET, 2);

    let lag = MySql::replication_lag(&pool, Duration::from_secs(1));
    let expected = deep("expected", lag.clone().expect_replica());
    let lag = deep("lag", lag);
    lag.recovers().await;
    expected.recovers().await;
    assert_eq!(lag.told().await.data["lag_seconds"], 0);

    // An account that may not look at it.
    let reader = replica.pool("reader", SECRET, 1);
    let reader = deep("reader", MySql::replication_lag(&reader, Duration::from_secs(1)));
    reader.told().await.is_unhealthy("the account is not permitted to do this");

    // It has the event, and applies it later.
    here.execute("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = 3600; START SLAVE").await.unwrap();
    there.execute("INSERT INTO app.health_probe () VALUES ()").await.unwrap();
    eventually("it is late", async || {
        let told = lag.told().await;
        let said = told.summary.unwrap_or_default();
        said.starts_with("the replica is ") && said.ends_with("s behind, more than 1s")
    })
    .await;
    here.execute("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = 0; START SLAVE").await.unwrap();
    lag.recovers().await;

    for thread in ["IO_THREAD", "SQL_THREAD"] {
        here.execute(sqlx::AssertSqlSafe(format!("STOP SLAVE {thread}"))).await.unwrap();
        lag.told().await.is_degraded("replication has stopped");
        here.execute("START SLAVE").await.unwrap();
        lag.recovers().await;
    }

    // One that may write everywhere does not write to it, so that it stays what its primary is.
    let write = deep("write", MySql::write(&here, "app.health_probe"));
    let before = position(&here).await;
    write.told().await.is_unhealthy("read-only: writes are refused");
    assert_eq!(position(&here).await, before, "something has been written to the replica");

    let query = |expected: fn(MySql) -> MySql| deep("query", expected(MySql::query(&pool)));
    query(MySql::expect_replica).told().await.is_healthy();
    query(MySql::expect_primary).told().await.is_unhealthy("is a replica; a primary is expected");

    // Where it has its data from is not seen: as in clusters that replicate in their own ways.
    here.execute("STOP SLAVE; RESET SLAVE ALL").await.unwrap();
    lag.told().await.is_healthy();
    expected.told().await.is_degraded("replication is not configured on this server");

    // It is made a primary.
    here.execute("SET GLOBAL read_only = 0").await.unwrap();
    lag.told().await.is_healthy();
    expected.told().await.is_unhealthy("is a primary; a replica is expected");
    query(MySql::expect_replica).told().await.is_unhealthy("is a primary; a replica is expected");
    write.told().await.is_healthy();
}

/// Changes with everything that is written.
async fn position(pool: &sqlx::MySqlPool) -> String {
    sqlx::query_scalar("SELECT CAST(@@gtid_binlog_pos AS CHAR)").fetch_one(pool).await.unwrap()
}

/// A reader of Aurora says only that its engine is read-only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_engine_is_read_only_is_no_primary() {
    let Some(mut server) = Mariadb::start().await else { return };
    server.restart_with(&["--innodb-read-only"]).await;
    let root = server.pool("root", "", 1);
    let told = async |check: MySql| deep("db", check).told().await;
    told(MySql::query(&root).expect_primary()).await.is_unhealthy("is a replica; a primary is expected");
    told(MySql::query(&root).expect_replica()).await.is_healthy();
    let write = MySql::write(&root, "app.health_probe");
    told(write).await.is_unhealthy("read-only: writes are refused");
}
