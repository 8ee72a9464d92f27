//! A PostgreSQL over TCP, with an account that has a password.

use std::time::Duration;

use health_tests::postgres::Postgres;
use health_tests::servers::free_port;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};

use crate::asked::SECRET;

/// How many connections the pools of these tests may have.
pub const MAX: u32 = 4;

pub struct Server {
    pub server: Postgres,
    pub port: u16,
}

impl Server {
    /// With the account `app`, and with the extension that counts statements.
    pub async fn start() -> Option<Self> {
        let (port, settings) = settings();
        let server = Postgres::with_settings(settings).await?;
        server.sql(&format!("CREATE ROLE app LOGIN PASSWORD '{SECRET}'"));
        server.sql("CREATE EXTENSION pg_stat_statements");
        Some(Self { server, port })
    }

    /// One that follows this one.
    pub async fn standby(&self) -> Self {
        let (port, settings) = settings();
        Self { server: self.server.standby(settings).await, port }
    }

    /// What the superuser says, one statement after the other.
    pub fn sql(&self, statements: &[&str]) {
        for statement in statements {
            self.server.sql(statement);
        }
    }

    /// How many connections the account has, once there are no more than this.
    pub async fn connections_are_no_more_than(&self, limit: usize) {
        health_tests::servers::eventually("the connections are closed", async || {
            let open = self.server.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'");
            open.parse::<usize>().expect("a count") <= limit
        })
        .await;
    }

    /// How many statements of the account have been run, those at the begin and the end of transactions included.
    pub fn statements(&self) -> usize {
        let calls = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE userid = 'app'::regrole";
        self.server.sql(calls).parse().expect("a count")
    }
}

fn settings() -> (u16, Vec<String>) {
    let port = free_port();
    let settings = [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        // Thousands of rounds of anything else, in a program that is not optimized, are longer than a timeout.
        "password_encryption=md5".to_owned(),
        "shared_preload_libraries=pg_stat_statements".to_owned(),
        "pg_stat_statements.track_utility=on".to_owned(),
    ];
    (port, settings.into())
}

/// Where the account connects through this port.
pub fn options(port: u16) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(port)
        .username("app")
        .password(SECRET)
        .database("postgres")
        .ssl_mode(PgSslMode::Disable)
}

/// A pool of sqlx.
pub fn pool(port: u16) -> PgPool {
    PgPoolOptions::new().max_connections(MAX).connect_lazy_with(options(port))
}

/// For the two clients that share these.
pub fn config(port: u16) -> tokio_postgres::Config {
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(port).user("app").password(SECRET).dbname("postgres");
    config
}

/// A pool of deadpool.
pub fn deadpool(port: u16) -> deadpool_postgres::Pool {
    let manager = deadpool_postgres::Manager::new(config(port), tokio_postgres::NoTls);
    deadpool_postgres::Pool::builder(manager).max_size(MAX as usize).build().expect("it has no timeouts")
}

/// One client, and the task of its connection.
pub async fn client(port: u16) -> std::sync::Arc<tokio_postgres::Client> {
    let (client, connection) = config(port).connect(tokio_postgres::NoTls).await.expect("it connects");
    // It ends with its client; the check says why.
    tokio::spawn(async { drop(connection.await) });
    std::sync::Arc::new(client)
}

/// How long the checks of these tests wait for a connection.
pub const PATIENCE: Duration = Duration::from_millis(400);
/// And what they say then.
pub const NO_CONNECTION: &str = "no connection within 400ms";
