//! Whatever befalls a MariaDB server, the way to it or the pool: each check says in time what is wrong, in words that
//! name nobody, and is healthy again by itself.

use std::time::Duration;

use health_builtins::Recommended as _;
use health_builtins::mysql::MySql;
use health_deep_tests::asked::{Deep, SECRET, Told};
use health_deep_tests::mariadb::Mariadb;
use health_deep_tests::proxy::{Fault, FaultProxy};
use health_tests::servers::{eventually, free_port};
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{Executor as _, MySqlConnection};

/// How long the checks wait for a connection here, and until they are cut off.
const PATIENCE: Duration = Duration::from_millis(400);
const TIMEOUT: Duration = Duration::from_millis(750);

/// What a check has to say.
#[derive(Clone, Copy, Debug)]
enum Says {
    Healthy,
    Degraded(&'static str),
    Unhealthy(&'static str),
    TimedOut,
}
use Says::{Degraded, Healthy, TimedOut, Unhealthy};

#[derive(Clone, Copy, Debug)]
enum Breaks {
    Nothing,
    /// The way to the server; the pool tests a connection before it lends it.
    Way(Fault),
    /// The same, and the check is the first to find out.
    WayUntested(Fault),
    Suspended,
    Killed,
    ReadOnly,
    TableLocked,
    RowLocked,
    PoolBusy,
    PoolClosed,
    /// The password of the application is another one now.
    Password,
    Account(&'static str),
    AccountFull,
    /// Others have all the connections of the server.
    ServerFull,
    Table(&'static str),
}
use Breaks::{
    Account, AccountFull, Killed, Nothing, Password, PoolBusy, PoolClosed, ReadOnly, RowLocked, ServerFull,
    Suspended, Table, TableLocked, Way, WayUntested,
};

const NONE_IN_TIME: Says = Unhealthy("no connection within 400ms");
const RESET: Says = Unhealthy("the connection was reset");
const DENIED: Says = Unhealthy("the account is not permitted to do this");
const SLOW: Fault = Fault::Latency(Duration::from_secs(5));

/// What breaks, and what the checks say then.
#[rustfmt::skip]
const FAULTS: &[(Breaks, [Says; 4])] = &[
    //                               ping           query          lag            write
    (Nothing,                       [Healthy,       Healthy,       Healthy,       Healthy]),
    (Way(Fault::BlackHole),         [NONE_IN_TIME,  NONE_IN_TIME,  NONE_IN_TIME,  NONE_IN_TIME]),
    (Way(Fault::HalfOpen),          [NONE_IN_TIME,  NONE_IN_TIME,  NONE_IN_TIME,  NONE_IN_TIME]),
    (Way(Fault::Reset),             [RESET,         RESET,         RESET,         RESET]),
    (Way(SLOW),                     [NONE_IN_TIME,  NONE_IN_TIME,  NONE_IN_TIME,  NONE_IN_TIME]),
    (Way(Fault::Trickle),           [NONE_IN_TIME,  NONE_IN_TIME,  NONE_IN_TIME,  NONE_IN_TIME]),
    (WayUntested(Fault::BlackHole), [TimedOut,      TimedOut,      TimedOut,      TimedOut]),
    (WayUntested(Fault::HalfOpen),  [TimedOut,      TimedOut,      TimedOut,      TimedOut]),
    (WayUntested(Fault::Reset),     [RESET,         RESET,         RESET,         RESET]),
    (WayUntested(SLOW),             [TimedOut,      TimedOut,      TimedOut,      TimedOut]),
    (WayUntested(Fault::Trickle),   [TimedOut,      TimedOut,      TimedOut,      TimedOut]),
    (Suspended,                     [NONE_IN_TIME,  NONE_IN_TIME,  NONE_IN_TIME,  NONE_IN_TIME]),
    (Killed,                        [NONE_IN_TIME,  NONE_IN_TIME,  NONE_IN_TIME,  NONE_IN_TIME]),
    (ReadOnly,                      [Healthy,       Healthy,       Healthy,       Unhealthy("read-only: writes are refused")]),
    (TableLocked,                   [Healthy,       Healthy,       Healthy,       Degraded("the table for writes is locked")]),
    (RowLocked,                     [Healthy,       Healthy,       Healthy,       Degraded("the table for writes is locked")]),
    (PoolBusy,                      [Degraded("all 4 connections are busy"); 4]),
    (PoolClosed,                    [Unhealthy("the pool is closed"); 4]),
    (Password,                      [Unhealthy("the credentials were refused"); 4]),
    (Account("reader"),             [Healthy,       Healthy,       DENIED,        DENIED]),
    (AccountFull,                   [Unhealthy("the account has reached a limit of the server"); 4]),
    (ServerFull,                    [Unhealthy("the server has no connection left"); 4]),
    (Table("app.gone"),             [Healthy,       Healthy,       Healthy,       Unhealthy("the table for writes is missing")]),
    (Table("app.full"),             [Healthy,       Healthy,       Healthy,       Unhealthy("the server's disk is full")]),
    (Table("app.plain"),            [Healthy,       Healthy,       Healthy,       Unhealthy("the table for writes has no AUTO_INCREMENT column")]),
    (Table("app.other"),            [Healthy,       Healthy,       Healthy,       Unhealthy("the table for writes has no column `id`")]),
];

/// Tables that cannot be used: one that holds no more, one without a number, one without the column.
const TABLES: &str = "
    CREATE TABLE app.full (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY) ENGINE=MEMORY MAX_ROWS=2;
    CREATE TABLE app.plain (id BIGINT UNSIGNED DEFAULT 7);
    INSERT INTO app.plain VALUES (7);
    CREATE TABLE app.other (number BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY);";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_told_at_every_depth() {
    let Some(mut server) = Mariadb::start().await else { return };
    let root = server.pool("root", "", 1);
    root.execute(TABLES).await.unwrap();
    for (breaks, says) in FAULTS {
        println!("{breaks:?}");
        broken(*breaks, says, &mut server, &root).await;
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM app.health_probe").fetch_one(&root).await.unwrap();
        assert_eq!(left, 0, "{breaks:?} left a row behind");
    }
    let plain: i64 = sqlx::query_scalar("SELECT count(*) FROM app.plain").fetch_one(&root).await.unwrap();
    assert_eq!(plain, 1, "somebody's row has been touched");
}

async fn broken(breaks: Breaks, says: &[Says; 4], server: &mut Mariadb, root: &MySqlPool) {
    let proxy = FaultProxy::to(server.address()).await;
    let account = match breaks {
        Account(account) => account,
        Table(_) => "root",
        _ => "app",
    };
    let password = if account == "root" { "" } else { SECRET };
    // A server that is gone is gone behind the proxy too: there the proxy would answer.
    let port = matches!(breaks, Way(_) | WayUntested(_)).then(|| proxy.port());
    let options =
        MySqlPoolOptions::new().max_connections(4).test_before_acquire(!matches!(breaks, WayUntested(_)));
    let pool = options.connect_lazy_with(server.options(account, password, port));
    let table = if let Table(table) = breaks { table } else { "app.health_probe" };
    let mut held = Vec::new();
    // A check is asked for the first time when it is started.
    let at_first = matches!(breaks, Password | Account(_) | Table(_) | AccountFull | ServerFull);
    if at_first {
        held = broken_by(breaks, server, &proxy, root, &pool).await;
    }
    let checks = [
        ("ping", MySql::ping(&pool)),
        ("query", MySql::query(&pool)),
        ("lag", MySql::replication_lag(&pool, Duration::ZERO)),
        ("write", MySql::write(&pool, table)),
    ];
    let checks = checks.map(|(name, check)| {
        let check = check.patience(PATIENCE);
        // Locks are waited for in whole seconds.
        let timeout = if matches!(breaks, TableLocked | RowLocked) { 5 * TIMEOUT } else { TIMEOUT };
        Deep::started(name, check.spec(name).timeout(timeout), check)
    });
    if !at_first {
        told(&checks).await.iter().for_each(Told::is_healthy);
        // One that is on its way back into the pool is in use.
        eventually("all are back", async || pool.num_idle() == pool.size() as usize).await;
        held = broken_by(breaks, server, &proxy, root, &pool).await;
    }
    for (told, says) in told(&checks).await.iter().zip(says) {
        match says {
            Healthy => told.is_healthy(),
            Degraded(summary) => told.is_degraded(summary),
            Unhealthy(summary) => told.is_unhealthy(summary),
            TimedOut => told.timed_out(),
        }
    }

    drop(held);
    if matches!(breaks, PoolClosed | Account(_) | Table(_)) {
        return;
    }
    mended(breaks, server, &proxy, root).await;
    for check in &checks {
        check.recovers().await;
    }
    // What the checks were not told in time is told to nobody else.
    for _ in 0..5 {
        let mut connection = pool.acquire().await.unwrap();
        assert_eq!(answer(&mut connection).await, 42, "{breaks:?}");
    }
    assert!(pool.size() <= 4);
}

/// Breaks it, and gives back what has to be held for that.
async fn broken_by(
    breaks: Breaks,
    server: &mut Mariadb,
    proxy: &FaultProxy,
    root: &MySqlPool,
    pool: &MySqlPool,
) -> Vec<PoolConnection<sqlx::MySql>> {
    let mut held = Vec::new();
    match breaks {
        Way(fault) | WayUntested(fault) => proxy.set(fault),
        Suspended => server.suspend(),
        Killed => server.kill(),
        ReadOnly => run(root, "SET GLOBAL read_only = 1").await,
        TableLocked => run(root, "LOCK TABLES app.health_probe WRITE").await,
        // Of a row, where the next one will be.
        RowLocked => run(root, "BEGIN; SELECT * FROM app.health_probe WHERE id > 0 FOR UPDATE").await,
        PoolBusy => {
            for _ in 0..4 {
                held.push(pool.acquire().await.unwrap());
            }
        }
        PoolClosed => pool.close().await,
        Password => run(root, "ALTER USER app@'%' IDENTIFIED BY 'another'").await,
        AccountFull => {
            run(root, "ALTER USER app@'%' WITH MAX_USER_CONNECTIONS 1").await;
            held.push(server.pool("app", SECRET, 1).acquire().await.unwrap());
        }
        ServerFull => {
            run(root, "SET GLOBAL max_connections = 10").await;
            let others = server.pool("reader", SECRET, 20);
            while let Ok(other) = others.acquire().await {
                held.push(other);
            }
        }
        // Full, until the server is restarted.
        Table("app.full") => while root.execute("INSERT INTO app.full () VALUES ()").await.is_ok() {},
        Nothing | Account(_) | Table(_) => {}
    }
    held
}

async fn mended(breaks: Breaks, server: &mut Mariadb, proxy: &FaultProxy, root: &MySqlPool) {
    match breaks {
        Way(_) | WayUntested(_) => proxy.set(Fault::None),
        Suspended => server.resume(),
        Killed => server.restart().await,
        ReadOnly => run(root, "SET GLOBAL read_only = 0").await,
        TableLocked => run(root, "UNLOCK TABLES").await,
        RowLocked => run(root, "ROLLBACK").await,
        Password => run(root, &format!("ALTER USER app@'%' IDENTIFIED BY '{SECRET}'")).await,
        AccountFull => run(root, "ALTER USER app@'%' WITH MAX_USER_CONNECTIONS 0").await,
        ServerFull => run(root, "SET GLOBAL max_connections = 100").await,
        Nothing | PoolBusy | PoolClosed | Account(_) | Table(_) => {}
    }
}

async fn run(root: &MySqlPool, statement: &str) {
    root.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
}

async fn told(checks: &[Deep; 4]) -> [Told; 4] {
    let [ping, query, lag, write] = checks;
    tokio::join!(ping.told(), query.told(), lag.told(), write.told()).into()
}

async fn answer(connection: &mut MySqlConnection) -> i64 {
    sqlx::query_scalar("SELECT 42").fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn nobody_listens() {
    let options =
        MySqlConnectOptions::new().host("127.0.0.1").port(free_port()).username("app").password(SECRET);
    let pool = MySqlPoolOptions::new().connect_lazy_with(options);
    let check = MySql::query(&pool).patience(PATIENCE);
    let deep = Deep::started("db", check.spec("db").timeout(TIMEOUT), check);
    deep.told().await.is_unhealthy("no connection within 400ms");
}
