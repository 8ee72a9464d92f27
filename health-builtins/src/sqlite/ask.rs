//! What is asked on a connection. An error of SQLite is the outer one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use health_core::{Failure, Outcome};
use sqlx::{AssertSqlSafe, Connection as _, Error, Row as _, SqliteConnection, raw_sql};
use tokio::task::spawn_blocking;

use super::Depth;

type Answer = Result<Outcome, Failure>;

/// How many milliseconds to wait for a lock. A write waits for two, and both are less than the timeout of the check.
const LOCK_MILLIS: i64 = 300;

/// So many steps apart, or pages, it is seen that nobody waits any more.
const STEPS: i32 = 100;

/// Not to be dropped midway: the connection would keep what has been changed about it.
pub(super) async fn answer(
    connection: &mut SqliteConnection,
    depth: Depth,
    given_up: Arc<AtomicBool>,
) -> Result<Answer, Error> {
    if let Depth::Ping = depth {
        connection.ping().await?;
        return Ok(Ok(Outcome::healthy()));
    }
    let usual: i64 = raw_sql("PRAGMA busy_timeout").fetch_one(&mut *connection).await?.try_get(0)?;
    let is_long = usual > LOCK_MILLIS;
    if is_long {
        wait_for_locks(connection, LOCK_MILLIS).await?;
    }
    let answer = match depth {
        Depth::Integrity => {
            let goes_on = move || !given_up.load(Ordering::Relaxed);
            connection.lock_handle().await?.set_progress_handler(STEPS, goes_on);
            let answer = integrity(connection).await;
            connection.lock_handle().await?.remove_progress_handler();
            answer
        }
        _ => on_file(connection, depth).await,
    };
    if is_long {
        wait_for_locks(connection, usual).await?;
    }
    answer
}

async fn on_file(connection: &mut SqliteConnection, depth: Depth) -> Result<Answer, Error> {
    // A connection that has it open would go on with it.
    if let Some(failure) = file_is_gone(connection).await? {
        return Ok(Err(failure));
    }
    match depth {
        Depth::Write => write(connection).await?,
        _ => read(connection).await?,
    }
    Ok(Ok(Outcome::healthy()))
}

async fn wait_for_locks(connection: &mut SqliteConnection, millis: i64) -> Result<(), Error> {
    raw_sql(AssertSqlSafe(format!("PRAGMA busy_timeout = {millis}"))).execute(connection).await?;
    Ok(())
}

async fn read(connection: &mut SqliteConnection) -> Result<(), Error> {
    raw_sql("SELECT count(*) FROM sqlite_master").execute(connection).await?;
    Ok(())
}

async fn file_is_gone(connection: &mut SqliteConnection) -> Result<Option<Failure>, Error> {
    // Known without a look into the file, and empty for one in memory.
    let databases = raw_sql("PRAGMA database_list").fetch_all(connection).await?;
    let main = databases.iter().find(|row| row.try_get(1).is_ok_and(|name: String| name == "main"));
    let file = main.and_then(|row| row.try_get::<Option<String>, _>(2).ok().flatten());
    let Some(file) = file.filter(|file| !file.is_empty()) else {
        return Ok(None);
    };
    Ok(match spawn_blocking(move || Path::new(&file).try_exists()).await {
        Ok(Ok(true)) => None,
        Ok(Ok(false)) => Some(Failure::new("the file of the database is gone")),
        Ok(Err(error)) => Some(Failure::new("the folder of the database cannot be read").because(error)),
        Err(error) => Some(error.into()),
    })
}

async fn write(connection: &mut SqliteConnection) -> Result<(), Error> {
    // Otherwise the lock would be asked for by the first write, and somebody could have changed what was read before.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    // Only now: before, it would be one more lock to wait for.
    read(&mut transaction).await?;
    let version: i64 = raw_sql("PRAGMA user_version").fetch_one(&mut *transaction).await?.try_get(0)?;
    let unchanged = AssertSqlSafe(format!("PRAGMA user_version = {version}"));
    raw_sql(unchanged).execute(&mut *transaction).await?;
    transaction.commit().await
}

async fn integrity(connection: &mut SqliteConnection) -> Result<Answer, Error> {
    let row = raw_sql("PRAGMA quick_check(1)").fetch_one(connection).await?;
    let found: String = row.try_get(0)?;
    Ok(match found.as_str() {
        "ok" => Ok(Outcome::healthy()),
        _ => Err(Failure::new("the database is damaged").because(found)),
    })
}
