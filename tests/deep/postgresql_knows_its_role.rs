//! A standby is no primary, what is behind says so, and a commit that nobody confirms is none.

use std::time::Duration;

use health_builtins::Recommended as _;
use health_builtins::postgres::Postgres;
use health_core::Status;
use health_deep_tests::asked::{Deep, Told};
use health_deep_tests::postgres::{Server, pool};
use health_tests::servers::eventually;
use sqlx::PgPool;

const LIMIT: Duration = Duration::from_millis(500);

const A_STANDBY: &str = "is a standby; a primary is expected";
const A_PRIMARY: &str = "is a primary; a standby is expected";

fn started(check: Postgres<PgPool>) -> Deep {
    Deep::started("db", check.spec("db"), check)
}

async fn told(check: Postgres<PgPool>) -> Told {
    started(check).told().await
}

#[tokio::test]
async fn a_role_that_is_lost_or_won_is_told() {
    let Some(mut primary) = Server::start().await else {
        return;
    };
    let mut standby = primary.standby().await;
    let (of_primary, of_standby) = (pool(primary.port), pool(standby.port));

    for check in [Postgres::ping(&of_primary), Postgres::query(&of_primary), Postgres::write(&of_primary)] {
        let kept = told(check.clone().expect_primary()).await;
        kept.is_healthy();
        assert_eq!(kept.data["role"], "primary", "{kept:?}");
        told(check.expect_standby()).await.is_unhealthy(A_PRIMARY);
    }
    for check in [Postgres::ping(&of_standby), Postgres::query(&of_standby)] {
        told(check.clone()).await.is_healthy();
        told(check.clone().expect_standby()).await.is_healthy();
        told(check.expect_primary()).await.is_unhealthy(A_STANDBY);
    }
    let write = Postgres::write(&of_standby);
    told(write.clone()).await.is_unhealthy("read-only: writes are refused");
    let write = started(write.expect_primary());
    write.told().await.is_unhealthy(A_STANDBY);

    let lag = started(Postgres::replication_lag(&of_standby, LIMIT).expect_standby());
    // A primary is not behind anybody.
    told(Postgres::replication_lag(&of_primary, LIMIT)).await.is_healthy();
    told(Postgres::replication_lag(&of_primary, LIMIT).expect_standby()).await.is_unhealthy(A_PRIMARY);
    nothing_to_do_is_not_behind(&primary, &standby, &lag).await;
    what_is_not_replayed_is_behind(&primary, &standby, &lag).await;

    primary.server.kill();
    says(&lag, Status::Degraded, "the standby receives nothing from its primary").await;
    primary.server.restart().await;
    lag.recovers().await;

    primary.server.kill();
    a_standby_that_follows_nobody(&mut standby, &lag).await;
    standby.server.sql("SELECT pg_promote()");
    write.recovers().await;
    lag.told().await.is_unhealthy(A_PRIMARY);
}

async fn nothing_to_do_is_not_behind(primary: &Server, standby: &Server, lag: &Deep) {
    primary.server.sql("CREATE TABLE first ()");
    eventually("the last change is older than the limit", async || {
        let age = "SELECT now() - pg_last_xact_replay_timestamp() > interval '700 ms'";
        standby.server.sql(age) == "t"
    })
    .await;
    let told = lag.told().await;
    told.is_healthy();
    assert_eq!(told.data["lag_seconds"], 0.0, "{told:?}");
}

/// As one that is fed from an archive alone.
async fn a_standby_that_follows_nobody(standby: &mut Server, lag: &Deep) {
    standby.sql(&["ALTER SYSTEM SET primary_conninfo = ''"]);
    standby.server.kill();
    standby.server.restart().await;
    assert_eq!(standby.server.sql("SELECT pg_last_wal_receive_lsn() IS NULL"), "t");
    says(lag, Status::Degraded, "how far the standby is behind is not known").await;
}

async fn what_is_not_replayed_is_behind(primary: &Server, standby: &Server, lag: &Deep) {
    standby.server.sql("SELECT pg_wal_replay_pause()");
    eventually("replay is paused", async || {
        standby.server.sql("SELECT pg_get_wal_replay_pause_state()") == "paused"
    })
    .await;
    primary.server.sql("CREATE TABLE second ()");
    eventually("it is behind", async || {
        let told = lag.told().await;
        let summary = told.summary.as_deref().unwrap_or_default();
        let behind =
            summary.starts_with("the standby is ") && summary.ends_with(" s behind, more than 500ms");
        assert!(behind == (told.status == Ok(Status::Degraded)), "{told:?}");
        behind
    })
    .await;
    standby.server.sql("SELECT pg_wal_replay_resume()");
    lag.recovers().await;
}

/// Sooner or later: it hears of it from others.
async fn says(check: &Deep, status: Status, summary: &str) {
    eventually(summary, async || check.told().await.said() == (Ok(status), Some(summary))).await;
}

#[tokio::test]
async fn a_commit_that_no_standby_confirms_is_none() {
    let Some(server) = Server::start().await else {
        return;
    };
    let pool = pool(server.port);
    let write = Postgres::write(&pool);
    let write = Deep::started("db", write.spec("db").timeout("500ms"), write);
    let query = started(Postgres::query(&pool));
    write.recovers().await;
    server.sql(&["ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()"]);
    eventually("commits wait", async || write.told().await.status == Ok(Status::Unhealthy)).await;
    write.told().await.timed_out();
    query.told().await.is_healthy();

    says(&write, Status::Unhealthy, "commits wait for a standby").await;
    // Each one that waits keeps a process on the server, so no other is started.
    let waiting = || server.server.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    let before = waiting();
    for _ in 0..20 {
        write.told().await.is_unhealthy("commits wait for a standby");
    }
    assert_eq!(waiting(), before);

    server.sql(&["ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"]);
    write.recovers().await;
    eventually("none is left", async || waiting() == "0").await;
}

#[tokio::test]
async fn a_write_is_on_disk_when_it_is_told() {
    let Some(server) = Server::start().await else {
        return;
    };
    // Whoever does not wait for the disk finds that nobody else has hurried either.
    server.sql(&[
        "ALTER ROLE app SET synchronous_commit = off",
        "ALTER SYSTEM SET wal_writer_delay = '10s'",
        "SELECT pg_reload_conf()",
    ]);
    let pool = pool(server.port);
    let write = started(Postgres::write(&pool));
    write.told().await.is_healthy();
    for _ in 0..20 {
        let end = server.server.sql("SELECT pg_current_wal_insert_lsn()");
        write.told().await.is_healthy();
        let flushed = format!("SELECT pg_current_wal_flush_lsn() > '{end}'");
        assert_eq!(server.server.sql(&flushed), "t", "after {end}");
    }
    let kept: String =
        sqlx::query_scalar("SHOW synchronous_commit").fetch_one(&pool).await.expect("it answers");
    assert_eq!(kept, "off", "what the application has set is as it was");
}
