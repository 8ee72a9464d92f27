//! A write is a real one and changes nothing, a check that is cut off hurts nobody, and a thousand runs leave nothing
//! behind.

use std::fs;
use std::path::Path;
use std::time::Duration;

use health_builtins::Recommended as _;
use health_builtins::sqlite::Sqlite;
use health_core::{HealthCheck as _, Status};
use health_deep_tests::asked::Deep;
use health_tests::leaks::{Left, PATIENCE, Place, after, alone};
use health_tests::servers::{Scratch, eventually};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};
use sqlx::{Connection as _, Executor as _, SqliteConnection};

async fn healthy(check: &Sqlite) {
    assert_eq!(check.check().await.unwrap().status(), Status::Healthy);
}

fn pool(file: &Path, journal: SqliteJournalMode, connections: u32) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).journal_mode(journal);
    SqlitePoolOptions::new().max_connections(connections).connect_lazy_with(options)
}

async fn version(pool: &SqlitePool) -> i64 {
    sqlx::query_scalar("PRAGMA user_version").fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn a_write_without_a_log_is_counted_in_the_file() {
    let folder = Scratch::new("sqlite");
    let file = folder.path().join("app.db");
    let pool = pool(&file, SqliteJournalMode::Delete, 1);
    pool.execute("CREATE TABLE words (word TEXT); PRAGMA user_version = -77").await.unwrap();
    // https://www.sqlite.org/fileformat2.html#file_change_counter
    let changes = || u32::from_be_bytes(fs::read(&file).unwrap()[24..28].try_into().unwrap());
    let before = (changes(), fs::read(&file).unwrap().len());
    for check in [Sqlite::ping(&pool), Sqlite::query(&pool), Sqlite::integrity(&pool)] {
        healthy(&check).await;
    }
    assert_eq!(changes(), before.0, "something was written that was to be read");
    for write in 1..4 {
        healthy(&Sqlite::write(&pool)).await;
        assert_eq!(changes(), before.0 + write);
    }
    assert_eq!(fs::read(&file).unwrap().len(), before.1);
    assert_eq!(version(&pool).await, -77);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no journal is left");
}

#[tokio::test]
async fn a_write_with_a_log_is_in_the_log() {
    let folder = Scratch::new("sqlite");
    let file = folder.path().join("app.db");
    let pool = pool(&file, SqliteJournalMode::Wal, 1);
    pool.execute("CREATE TABLE words (word TEXT); PRAGMA user_version = 77").await.unwrap();
    let log = || fs::metadata(folder.path().join("app.db-wal")).unwrap().len();
    let before = log();
    healthy(&Sqlite::query(&pool)).await;
    assert_eq!(log(), before);
    healthy(&Sqlite::write(&pool)).await;
    // https://www.sqlite.org/fileformat2.html#the_write_ahead_log: a header of 24 bytes for each page.
    assert_eq!(log(), before + 24 + 4096);
    assert_eq!(version(&pool).await, 77);
}

#[tokio::test]
async fn a_database_in_memory_outlives_its_checks() {
    let options = SqlitePoolOptions::new().max_connections(1);
    let pool = options.connect_lazy("sqlite::memory:").unwrap();
    pool.execute("CREATE TABLE words (word TEXT); INSERT INTO words VALUES ('kept')").await.unwrap();
    // Long enough that it is cut off.
    pool.execute(
        "WITH RECURSIVE n(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM n LIMIT 400000) INSERT INTO words SELECT n FROM n",
    )
    .await
    .unwrap();
    let check = Sqlite::integrity(&pool);
    let cut_off = tokio::time::timeout(Duration::from_millis(1), check.check()).await;
    assert!(cut_off.is_err(), "it was too fast to be cut off");
    let failure = check.check().await.unwrap_err();
    assert_eq!(failure.summary(), Some("the last question is still unanswered"));
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM words").fetch_one(&pool).await.unwrap();
    assert_eq!(kept, 400_001);
    healthy(&check).await;
}

#[tokio::test]
async fn a_check_that_is_cut_off_gives_everything_back() {
    let folder = Scratch::new("sqlite");
    let file = folder.path().join("app.db");
    let pool = pool(&file, SqliteJournalMode::Delete, 1);
    pool.execute("CREATE TABLE words (word TEXT)").await.unwrap();
    let mut other =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&file)).await.unwrap();
    let write = Sqlite::write(&pool);
    let deep = Deep::started("db", write.spec("db").timeout("100ms"), write);
    deep.recovers().await;
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    deep.told().await.timed_out();
    deep.told().await.is_unhealthy("the last question is still unanswered");
    assert_eq!(pool.size(), 1);
    // The application waits for locks as long as it wants to.
    let usual: i64 = sqlx::query_scalar("PRAGMA busy_timeout").fetch_one(&pool).await.unwrap();
    assert_eq!(usual, 5_000);
    other.execute("COMMIT").await.unwrap();
    deep.recovers().await;
    pool.execute("INSERT INTO words VALUES ('after')").await.unwrap();
}

#[test]
fn a_thousand_runs_leave_nothing() {
    alone("a_thousand_runs_leave_nothing", || {
        let folder = Scratch::new("sqlite");
        let left = after(Place::SeveralThreads, PATIENCE, async || {
            let pool = pool(&folder.path().join("app.db"), SqliteJournalMode::Wal, 2);
            pool.execute("CREATE TABLE words (word TEXT)").await.unwrap();
            let checks =
                [Sqlite::ping(&pool), Sqlite::query(&pool), Sqlite::write(&pool), Sqlite::integrity(&pool)];
            for run in 0..1_000 {
                healthy(&checks[run % checks.len()]).await;
            }
            assert!(pool.size() <= 2, "{pool:?}");
            eventually("all are back", async || pool.num_idle() == pool.size() as usize).await;
            pool.close().await;
        });
        assert_eq!(left, Left::nothing());
    });
}
