//! PostgreSQL, MySQL or MariaDB, and SQLite, through pools of sqlx.

use std::path::Path;
use std::time::Duration;

use health_builtins::mysql::MySql;
use health_builtins::postgres::Postgres;
use health_builtins::sqlite::Sqlite;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use crate::found::Found;
use crate::variables::{self, BadVariable, Place};

const GROUP: &str = "databases";
const BEHIND: Duration = Duration::from_secs(10);

const POSTGRES: [&str; 2] = ["postgres", "postgresql"];
const POSTGRES_URL: &str = "like postgres://user:password@host:5432/database";
const MYSQL: [&str; 2] = ["mysql", "mariadb"];
const MYSQL_URL: &str = "like mysql://user:password@host:3306/database";
const SQLITE: [&str; 1] = ["sqlite"];
const SQLITE_URL: &str = "like sqlite:///path/to/file.db";
const ANY_URL: &str = "like postgres://..., mysql://... or sqlite://...";

pub(crate) async fn postgres(found: Found) -> Result<Found, BadVariable> {
    let set = said("POSTGRES_URL", &POSTGRES, POSTGRES_URL)?;
    let place = match set {
        Some(place) => Some(place),
        None => {
            let guess = |address| format!("postgres://postgres@{address}/postgres");
            variables::usual_port(5432, "POSTGRES_URL", guess).await
        }
    };
    let Some(place) = place else {
        return Ok(found.absent(
            "PostgreSQL",
            &[
                "docker run --rm -p 127.0.0.1:5432:5432 -e POSTGRES_PASSWORD=secret postgres",
                "export POSTGRES_URL=postgres://postgres:secret@127.0.0.1:5432/postgres",
            ],
        ));
    };
    let options: PgConnectOptions =
        place.url.parse().map_err(|_| BadVariable::new(place.variable, POSTGRES_URL))?;
    // Nothing of this waits for the server: that it is not there is what the checks are to say.
    let pool = PgPoolOptions::new().connect_lazy_with(options);
    Ok(found
        .at("PostgreSQL", &place)
        .check(GROUP, "postgres/ping", Postgres::ping(&pool), "a process of the server answered")
        .check(GROUP, "postgres/query", Postgres::query(&pool), "a statement was run")
        .check(GROUP, "postgres/write", Postgres::write(&pool), "a commit was made durable")
        .check(
            GROUP,
            "postgres/lag",
            Postgres::replication_lag(&pool, BEHIND),
            "it is a primary, or less than 10 s behind one",
        )
        .check(GROUP, "postgres/pool", Postgres::pool_pressure(&pool), "the pool has connections left"))
}

pub(crate) async fn mysql(found: Found) -> Result<Found, BadVariable> {
    let set = said("MYSQL_URL", &MYSQL, MYSQL_URL)?;
    let place = match set {
        Some(place) => Some(place),
        None => {
            variables::usual_port(3306, "MYSQL_URL", |address| format!("mysql://root@{address}/mysql")).await
        }
    };
    let Some(place) = place else {
        return Ok(found.absent(
            "MySQL or MariaDB",
            &[
                "docker run --rm -p 127.0.0.1:3306:3306 -e MARIADB_ROOT_PASSWORD=secret mariadb",
                "export MYSQL_URL=mysql://root:secret@127.0.0.1:3306/mysql",
            ],
        ));
    };
    let options: MySqlConnectOptions =
        place.url.parse().map_err(|_| BadVariable::new(place.variable, MYSQL_URL))?;
    let pool = MySqlPoolOptions::new().connect_lazy_with(options);
    let found = found
        .at("MySQL", &place)
        .check(GROUP, "mysql/ping", MySql::ping(&pool), "the server answered a packet")
        .check(GROUP, "mysql/query", MySql::query(&pool), "a statement was run")
        .check(
            GROUP,
            "mysql/lag",
            MySql::replication_lag(&pool, BEHIND),
            "it is no replica, or less than 10 s behind",
        )
        .check(GROUP, "mysql/pool", MySql::pool_pressure(&pool), "the pool has connections left");
    Ok(match variables::variable("MYSQL_TABLE")? {
        Some(table) => {
            let write = MySql::write(&pool, &table);
            found.check(GROUP, "mysql/write", write, "a row was committed, and is gone again")
        }
        None => found.absent(
            "writing to MySQL, which needs a table of its own",
            &[
                "mysql -h 127.0.0.1 -u root -p mysql -e 'CREATE TABLE health_probe \
                 (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB'",
                "export MYSQL_TABLE=health_probe",
            ],
        ),
    })
}

pub(crate) fn sqlite(found: Found, temporary: &Path) -> Result<Found, BadVariable> {
    let place = said("SQLITE_URL", &SQLITE, SQLITE_URL)?;
    let options = match &place {
        Some(place) => place.url.parse().map_err(|_| BadVariable::new(place.variable, SQLITE_URL))?,
        None => SqliteConnectOptions::new().filename(temporary.join("embedded.db")).create_if_missing(true),
    };
    let pool = SqlitePoolOptions::new().connect_lazy_with(options);
    let found = match &place {
        Some(place) => found.at("SQLite", place),
        None => found,
    };
    Ok(found
        .check(GROUP, "sqlite/ping", Sqlite::ping(&pool), "the thread of a connection answered")
        .check(GROUP, "sqlite/query", Sqlite::query(&pool), "the schema was read, and its file is there")
        .check(GROUP, "sqlite/write", Sqlite::write(&pool), "a transaction was committed")
        .check(GROUP, "sqlite/integrity", Sqlite::integrity(&pool), "every page is in order")
        .check(GROUP, "sqlite/pool", Sqlite::pool_pressure(&pool), "the pool has connections left"))
}

/// What its own variable says, or else `DATABASE_URL` if that is of this kind.
fn said(own: &'static str, schemes: &[&str], wanted: &'static str) -> Result<Option<Place>, BadVariable> {
    let any = [&POSTGRES[..], &MYSQL, &SQLITE].concat();
    let shared = variables::url("DATABASE_URL", &any, ANY_URL)?;
    let own = variables::url(own, schemes, wanted)?;
    Ok(own.or(shared.filter(|place| variables::is_of(&place.url, schemes))))
}
