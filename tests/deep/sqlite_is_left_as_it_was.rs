//! A write is a real one and changes nothing, a check that is cut off hurts nobody, and a thousand runs leave nothing
//! behind.

use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

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
    let gate = Gate::default();
    let pool = rows_at_the_gate("sqlite::memory:", &gate).await;
    gate.close();
    let integrity = Sqlite::integrity(&pool);
    let mut cut_off = Box::pin(integrity.check());
    gate.somebody_waits(&mut cut_off).await;
    drop(cut_off);
    // Also for one that is made for this call, and for another one.
    for check in [Sqlite::integrity(&pool), Sqlite::query(&pool)] {
        assert_eq!(said(&check).await.as_deref(), Some("the last question is still unanswered"));
    }
    gate.open();
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM words").fetch_one(&pool).await.unwrap();
    assert_eq!(kept, ROWS);
    eventually("it is answered", async || said(&Sqlite::integrity(&pool)).await.is_none()).await;
}

#[tokio::test]
async fn a_look_at_every_page_is_stopped_and_leaves_no_trace() {
    let gate = Gate::default();
    let pool = rows_at_the_gate("sqlite::memory:", &gate).await;
    // To the end it is so much.
    let before = gate.passed();
    healthy(&Sqlite::integrity(&pool)).await;
    let whole = gate.passed() - before;
    assert!(whole >= u64::try_from(ROWS).unwrap(), "{whole}");
    gate.close();
    let integrity = Sqlite::integrity(&pool);
    let mut cut_off = Box::pin(integrity.check());
    gate.somebody_waits(&mut cut_off).await;
    drop(cut_off);
    let before = gate.passed();
    gate.open();
    eventually("it is back", async || pool.num_idle() == 1).await;
    let more = gate.passed() - before;
    assert!(more < whole / 2, "it went on: {more} of {whole}");
    // The next one that works for long is not stopped.
    let passed: i64 = sqlx::query_scalar("SELECT count(*) FROM words WHERE word COLLATE gate < 'z'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(passed, ROWS);
    healthy(&Sqlite::integrity(&pool)).await;
}

#[tokio::test]
async fn a_check_that_is_cut_off_gives_everything_back() {
    let folder = Scratch::new("sqlite");
    let file = folder.path().join("app.db");
    let gate = Gate::default();
    let committed = gate.clone();
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let connections = SqlitePoolOptions::new().max_connections(4).after_connect(move |connection, _| {
        let gate = committed.clone();
        Box::pin(async move {
            connection.lock_handle().await?.set_commit_hook(move || gate.pass());
            Ok(())
        })
    });
    let pool = connections.connect_lazy_with(options);
    pool.execute("CREATE TABLE words (word TEXT)").await.unwrap();
    eventually("it is back", async || pool.num_idle() == 1).await;
    gate.close();
    let write = Sqlite::write(&pool);
    let mut cut_off = Box::pin(write.check());
    gate.somebody_waits(&mut cut_off).await;
    drop(cut_off);
    for _ in 0..5 {
        let unanswered = said(&Sqlite::write(&pool)).await;
        assert_eq!(unanswered.as_deref(), Some("the last question is still unanswered"));
    }
    assert_eq!(pool.size(), 1, "each has taken a connection");
    gate.open();
    eventually("it is answered", async || said(&write).await.is_none()).await;
    // The application waits for locks as long as it wants to.
    let usual: i64 = sqlx::query_scalar("PRAGMA busy_timeout").fetch_one(&pool).await.unwrap();
    assert_eq!(usual, 5_000);
    pool.execute("INSERT INTO words VALUES ('after')").await.unwrap();
}

#[tokio::test]
async fn locks_are_told_within_the_recommended_timeout() {
    let folder = Scratch::new("sqlite");
    let file = folder.path().join("app.db");
    let pool = pool(&file, SqliteJournalMode::Delete, 1);
    pool.execute("CREATE TABLE words (word TEXT)").await.unwrap();
    let mut reader =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&file)).await.unwrap();
    // It can begin, and not commit.
    reader.execute("BEGIN; SELECT * FROM sqlite_master").await.unwrap();
    let write = Sqlite::write(&pool);
    let deep = Deep::started("db", write.spec("db"), write);
    deep.told().await.is_degraded("the database is locked");
    reader.execute("COMMIT").await.unwrap();
    deep.recovers().await;
}

#[tokio::test]
async fn a_lock_that_keeps_a_connection_from_being_opened_is_no_worse() {
    let folder = Scratch::new("sqlite");
    let file = folder.path().join("app.db");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    other.execute("CREATE TABLE words (word TEXT); BEGIN EXCLUSIVE").await.unwrap();
    let pool = pool(&file, SqliteJournalMode::Delete, 1);
    let query = Sqlite::query(&pool);
    let deep = Deep::started("db", query.spec("db"), query);
    assert_eq!(deep.told().await.status, Ok(Status::Degraded));
    other.execute("COMMIT").await.unwrap();
    deep.recovers().await;
}

const ROWS: i64 = 10_000;

/// What was said, unless it was healthy.
async fn said(check: &Sqlite) -> Option<String> {
    match check.check().await {
        Ok(outcome) => outcome.summary().map(ToOwned::to_owned),
        Err(failure) => Some(failure.summary().expect("it says why").to_owned()),
    }
}

/// A database whose rows are checked by way of the gate.
async fn rows_at_the_gate(url: &str, gate: &Gate) -> SqlitePool {
    let compared = gate.clone();
    let options = url.parse::<SqliteConnectOptions>().unwrap().collation("gate", move |one, other| {
        compared.pass();
        one.cmp(other)
    });
    let pool = SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options);
    let made = format!(
        "CREATE TABLE words (word TEXT CHECK (word COLLATE gate < 'z'));
         WITH RECURSIVE n(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM n LIMIT {ROWS}) INSERT INTO words SELECT n FROM n"
    );
    pool.execute(sqlx::AssertSqlSafe(made)).await.unwrap();
    pool
}

/// Where SQLite waits as long as it is closed.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<AtTheGate>, Condvar)>);

#[derive(Default)]
struct AtTheGate {
    is_closed: bool,
    waiting: usize,
    passed: u64,
}

impl Gate {
    fn pass(&self) -> bool {
        let mut state = self.state();
        state.waiting += 1;
        let mut state = self.0.1.wait_while(state, |state| state.is_closed).unwrap();
        state.waiting -= 1;
        state.passed += 1;
        true
    }

    fn close(&self) {
        self.state().is_closed = true;
    }

    fn open(&self) {
        self.state().is_closed = false;
        self.0.1.notify_all();
    }

    fn passed(&self) -> u64 {
        self.state().passed
    }

    /// Because of what is asked.
    async fn somebody_waits<T: Debug>(&self, asked: &mut (impl Future<Output = T> + Unpin)) {
        let waits = eventually("SQLite is at the gate", async || self.state().waiting > 0);
        tokio::select! {
            answer = asked => panic!("it came without passing: {answer:?}"),
            () = waits => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, AtTheGate> {
        self.0.0.lock().unwrap()
    }
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
