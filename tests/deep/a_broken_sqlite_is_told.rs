//! Whatever befalls a SQLite database, its file, its disk or the pool: each check says in time what is wrong, and is
//! healthy again by itself.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use health_builtins::Recommended as _;
use health_builtins::sqlite::Sqlite;
use health_deep_tests::asked::{Deep, Told};
use health_tests::servers::{Scratch, eventually, not_permitted};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};
use sqlx::{Connection as _, Executor as _, SqliteConnection};

/// What a check has to say.
#[derive(Clone, Copy, Debug)]
enum Says {
    Healthy,
    /// And that is not true: its page says so under "When it lies".
    HealthyAllTheSame,
    Degraded(&'static str),
    Unhealthy(&'static str),
}
use Says::{Degraded, Healthy, HealthyAllTheSame, Unhealthy};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breaks {
    Nothing,
    /// Another process writes.
    LockedForWriting,
    /// Another process commits.
    Locked,
    Deleted,
    /// Another database has its name.
    Replaced,
    HeaderOverwritten,
    PageOverwritten,
    DiskFull,
    /// The file system, since before it was opened: a connection stays what it was then.
    ReadOnly,
    /// The application has opened it so.
    OpenedReadOnly,
    PoolBusy,
    PoolClosed,
    /// It was never there.
    Missing,
}
use Breaks::{
    Deleted, DiskFull, HeaderOverwritten, Locked, LockedForWriting, Missing, Nothing, OpenedReadOnly,
    PageOverwritten, PoolBusy, PoolClosed, ReadOnly, Replaced,
};
use SqliteJournalMode::{Delete, Wal};

const LOCKED: Says = Degraded("the database is locked");
const GONE: Says = Unhealthy("the file of the database is gone");
const ANOTHER: Says = Unhealthy("the file of the database is another one than is open");
const DAMAGED: Says = Unhealthy("the database is damaged");
const FULL: Says = Unhealthy("the disk is full");
const REFUSED: Says = Unhealthy("read-only: writes are refused");

/// What breaks, with and without a write-ahead log, and what the checks say then.
#[rustfmt::skip]
const FAULTS: &[(Breaks, SqliteJournalMode, [Says; 4])] = &[
    //                          ping     query              write              integrity
    (Nothing,           Delete, [Healthy, Healthy,           Healthy,           Healthy]),
    (Nothing,           Wal,    [Healthy, Healthy,           Healthy,           Healthy]),
    (LockedForWriting,  Delete, [Healthy, Healthy,           LOCKED,            Healthy]),
    (LockedForWriting,  Wal,    [Healthy, Healthy,           LOCKED,            Healthy]),
    (Locked,            Delete, [Healthy, LOCKED,            LOCKED,            LOCKED]),
    (Deleted,           Delete, [Healthy, GONE,              GONE,              HealthyAllTheSame]),
    (Deleted,           Wal,    [Healthy, GONE,              GONE,              HealthyAllTheSame]),
    (Replaced,          Delete, [Healthy, HealthyAllTheSame, ANOTHER,           HealthyAllTheSame]),
    (Replaced,          Wal,    [Healthy, HealthyAllTheSame, HealthyAllTheSame, HealthyAllTheSame]),
    (HeaderOverwritten, Delete, [Healthy, DAMAGED,           DAMAGED,           DAMAGED]),
    (PageOverwritten,   Delete, [Healthy, HealthyAllTheSame, HealthyAllTheSame, DAMAGED]),
    (DiskFull,          Delete, [Healthy, Healthy,           FULL,              Healthy]),
    (DiskFull,          Wal,    [Healthy, Healthy,           FULL,              Healthy]),
    (ReadOnly,          Delete, [Healthy, Healthy,           REFUSED,           Healthy]),
    (OpenedReadOnly,    Delete, [Healthy, Healthy,           REFUSED,           Healthy]),
    (PoolBusy,          Wal,    [Degraded("all 4 connections are busy"); 4]),
    (PoolClosed,        Wal,    [Unhealthy("the pool is closed"); 4]),
    (Missing,           Delete, [Unhealthy("the file of the database cannot be opened"); 4]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_told_at_every_depth() {
    for (breaks, journal, says) in FAULTS {
        println!("{breaks:?} {journal:?}");
        let folder = Scratch::new("sqlite");
        let disk = if matches!(breaks, DiskFull | ReadOnly) {
            let Some(disk) = Disk::mounted(folder.path()) else { continue };
            Some(disk)
        } else {
            None
        };
        broken(*breaks, *journal, says, folder.path()).await;
        drop(disk);
    }
}

async fn broken(breaks: Breaks, journal: SqliteJournalMode, says: &[Says; 4], folder: &Path) {
    let file = folder.join("app.db");
    if breaks != Missing {
        made(&file, journal).await;
    }
    let options = SqliteConnectOptions::new().filename(&file);
    let options = if breaks == OpenedReadOnly { options.read_only(true) } else { options };
    let pool = SqlitePoolOptions::new().max_connections(4).connect_lazy_with(options);
    // A check is asked for the first time when it is started.
    let at_first = matches!(breaks, OpenedReadOnly | Missing | PageOverwritten | ReadOnly);
    let mut held = Held::default();
    if at_first {
        held = broken_by(breaks, &file, &pool).await;
    }
    let checks = [
        ("ping", Sqlite::ping(&pool)),
        ("query", Sqlite::query(&pool)),
        ("write", Sqlite::write(&pool)),
        ("integrity", Sqlite::integrity(&pool)),
    ];
    let checks = checks.map(|(name, check)| {
        let check = check.patience(Duration::from_millis(300));
        Deep::started(name, check.spec(name).timeout("10s"), check)
    });
    if !at_first {
        told(&checks).await.iter().for_each(Told::is_healthy);
        all_have_read(&pool).await;
        eventually("all are back", async || pool.num_idle() == pool.size() as usize).await;
        held = broken_by(breaks, &file, &pool).await;
    }
    for (told, says) in told(&checks).await.iter().zip(says) {
        match says {
            Healthy | HealthyAllTheSame => told.is_healthy(),
            Degraded(summary) => told.is_degraded(summary),
            Unhealthy(summary) => told.is_unhealthy(summary),
        }
    }

    drop(held);
    match breaks {
        DiskFull => fs::remove_file(folder.join("ballast")).unwrap(),
        Nothing | LockedForWriting | Locked | PoolBusy => {}
        _ => return,
    }
    for check in &checks {
        check.recovers().await;
    }
    pool.close().await;
}

/// With a write-ahead log a connection opens that when it reads for the first time, which needs the file by its name:
/// what is told does not depend on which of them is lent.
async fn all_have_read(pool: &SqlitePool) {
    let mut connections = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        let mut connection = pool.acquire().await.unwrap();
        sqlx::raw_sql("SELECT count(*) FROM sqlite_master").execute(&mut *connection).await.unwrap();
        connections.push(connection);
    }
}

/// Goes on for as long as it is there.
#[derive(Default)]
struct Held {
    _lock: Option<SqliteConnection>,
    _connections: Vec<PoolConnection<sqlx::Sqlite>>,
}

async fn broken_by(breaks: Breaks, file: &Path, pool: &SqlitePool) -> Held {
    let mut held = Held::default();
    match breaks {
        LockedForWriting => held._lock = Some(locked(file, "BEGIN IMMEDIATE").await),
        Locked => held._lock = Some(locked(file, "BEGIN EXCLUSIVE").await),
        Deleted => fs::remove_file(file).unwrap(),
        Replaced => {
            let other = file.with_extension("other");
            made(&other, Delete).await;
            fs::rename(other, file).unwrap();
        }
        HeaderOverwritten => overwritten(file, 0),
        // The last one is one of the table.
        PageOverwritten => overwritten(file, file.metadata().unwrap().len() - 4096),
        DiskFull => {
            let mut ballast = File::create(file.with_file_name("ballast")).unwrap();
            while ballast.write_all(&[0; 1024]).is_ok() {}
        }
        ReadOnly => {
            let mut remount = Command::new("mount");
            let remounted = remount.args(["-o", "remount,ro"]).arg(file.parent().unwrap()).output().unwrap();
            assert!(remounted.status.success(), "{}", String::from_utf8_lossy(&remounted.stderr));
        }
        PoolBusy => {
            for _ in 0..4 {
                held._connections.push(pool.acquire().await.unwrap());
            }
        }
        PoolClosed => pool.close().await,
        Nothing | OpenedReadOnly | Missing => {}
    }
    held
}

/// A database with a table of some pages.
async fn made(file: &Path, journal: SqliteJournalMode) {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).journal_mode(journal);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    connection
        .execute("CREATE TABLE words (word TEXT); INSERT INTO words VALUES (hex(zeroblob(20000)))")
        .await
        .unwrap();
    connection.close().await.unwrap();
}

async fn locked(file: &Path, begin: &'static str) -> SqliteConnection {
    let mut connection =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await.unwrap();
    connection.execute(begin).await.unwrap();
    connection
}

fn overwritten(file: &Path, from: u64) {
    let mut file = File::options().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(from)).unwrap();
    file.write_all(&[0xa5; 4096]).unwrap();
}

async fn told(checks: &[Deep; 4]) -> [Told; 4] {
    let [ping, query, write, integrity] = checks;
    tokio::join!(ping.told(), query.told(), write.told(), integrity.told()).into()
}

/// A small file system of its own.
struct Disk(PathBuf);

impl Disk {
    /// `None`, and a line that says so, where mounting is not permitted.
    fn mounted(folder: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"]).arg(folder).output();
        if !mounted.is_ok_and(|mounted| mounted.status.success()) {
            not_permitted("mounting a file system");
            return None;
        }
        Some(Self(folder.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}
