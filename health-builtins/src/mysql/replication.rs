//! How far a replica is behind.

use std::time::Duration;

use health_core::Outcome;
use sqlx::mysql::MySqlRow;
use sqlx::{Error, Executor as _, MySqlConnection, Row as _};

use super::Role;
use super::ask::{Answer, text};
use super::why::number;

/// What a server answers to words that it does not know.
const NO_SUCH_STATEMENT: u16 = 1064;

pub(super) async fn lag(
    connection: &mut MySqlConnection,
    limit: Duration,
    expected: Option<Role>,
) -> Result<Answer, Error> {
    let sources: Vec<Source> = status(connection).await?.iter().map(Source::of).collect();
    if sources.is_empty() {
        return Ok(match expected {
            // It is read-only, and may follow in a way that is not seen here.
            Some(Role::Replica) => Ok(Outcome::degraded("replication is not configured on this server")),
            _ => Ok(Outcome::healthy()),
        });
    }
    let stopped = sources.iter().filter(|source| source.behind.is_none()).count();
    let behind = sources.iter().filter_map(|source| source.behind).max();
    Ok(Ok(judged(sources.len(), stopped, behind, limit)))
}

/// One row for each source that it replicates from. MySQL says it for all of them at once; MariaDB would leave out
/// those that have a name.
async fn status(connection: &mut MySqlConnection) -> Result<Vec<MySqlRow>, Error> {
    let version = text(connection, "SELECT VERSION()").await?;
    if version.is_some_and(|version| version.contains("MariaDB")) {
        return connection.fetch_all("SHOW ALL SLAVES STATUS").await;
    }
    match connection.fetch_all("SHOW REPLICA STATUS").await {
        // Before MySQL 8.0.22.
        Err(error) if number(&error) == Some(NO_SUCH_STATEMENT) => {
            connection.fetch_all("SHOW SLAVE STATUS").await
        }
        rows => rows,
    }
}

struct Source {
    /// `None` when it does not follow.
    behind: Option<Duration>,
}

impl Source {
    fn of(row: &MySqlRow) -> Self {
        // The answer to a statement that was not prepared is text, whatever it is called. The names depend on the
        // server.
        let text = |names: [&str; 2]| {
            let value = |name: &str| row.try_get_unchecked::<Option<String>, _>(name).ok().flatten();
            names.into_iter().find_map(value)
        };
        let runs = [["Slave_IO_Running", "Replica_IO_Running"], ["Slave_SQL_Running", "Replica_SQL_Running"]];
        let follows = runs.into_iter().all(|thread| text(thread).as_deref() == Some("Yes"));
        let seconds = text(["Seconds_Behind_Master", "Seconds_Behind_Source"]);
        let seconds = seconds.filter(|_| follows).and_then(|seconds| seconds.parse().ok());
        Self { behind: seconds.map(Duration::from_secs) }
    }
}

fn judged(sources: usize, stopped: usize, behind: Option<Duration>, limit: Duration) -> Outcome {
    let outcome = match behind {
        _ if stopped > 0 && sources == 1 => Outcome::degraded("replication has stopped"),
        _ if stopped > 0 => {
            Outcome::degraded(format!("replication from {stopped} of {sources} sources has stopped"))
        }
        Some(behind) if behind > limit => {
            Outcome::degraded(format!("the replica is {behind:?} behind, more than {limit:?}"))
        }
        _ => Outcome::healthy(),
    };
    outcome.data("lag_seconds", behind.map(|behind| behind.as_secs()))
}

#[cfg(test)]
mod tests {
    use health_core::Status;

    use super::*;

    fn said(sources: usize, stopped: usize, behind: Option<u64>) -> (Status, Option<String>) {
        let behind = behind.map(Duration::from_secs);
        let outcome = judged(sources, stopped, behind, Duration::from_secs(30));
        (outcome.status(), outcome.summary().map(ToOwned::to_owned))
    }

    #[test]
    fn the_worst_source_counts() {
        let degraded = |summary: &str| (Status::Degraded, Some(summary.to_owned()));
        assert_eq!(said(2, 1, Some(0)), degraded("replication from 1 of 2 sources has stopped"));
        assert_eq!(said(1, 1, None), degraded("replication has stopped"));
        assert_eq!(said(2, 0, Some(31)), degraded("the replica is 31s behind, more than 30s"));
        assert_eq!(said(2, 0, Some(30)), (Status::Healthy, None));
    }
}
