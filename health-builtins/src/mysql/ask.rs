//! What is asked on a connection. An error of the connection or the server is the outer one.

use health_core::{Failure, Outcome};
use sqlx::{AssertSqlSafe, Connection as _, Error, Executor as _, MySqlConnection};

use super::{Depth, Role, replication};
use crate::Fault;

pub(super) type Answer = Result<Outcome, Failure>;

// How many seconds to wait for a lock, said within the statement, so that nothing of it stays with the connection. The
// least there is, and each server takes for a comment what is meant for the other.
const FOR_MARIADB: &str =
    "/*M!100102 SET STATEMENT lock_wait_timeout = 1, innodb_lock_wait_timeout = 1 FOR */";
const FOR_MYSQL: &str = "/*+ SET_VAR(lock_wait_timeout = 1) */";

/// A table by its quoted name.
#[derive(Clone, Debug)]
pub(super) struct Table(String);

impl Table {
    pub(super) fn named(name: &str) -> Self {
        let quoted = name.split('.').map(|part| format!("`{}`", part.replace('`', "``")));
        Self(quoted.collect::<Vec<_>>().join("."))
    }
}

pub(super) async fn answer(
    connection: &mut MySqlConnection,
    depth: Depth,
    expected: Option<Role>,
) -> Result<Answer, Error> {
    if let Some(expected) = expected {
        let role = role(connection).await?;
        if role != expected {
            return Ok(Err(unexpected(role)));
        }
    }
    match depth {
        Depth::Ping => connection.ping().await?,
        // A plain string is sent as it is, and prepares nothing that would stay.
        Depth::Query => {
            connection.execute("SELECT 1").await?;
        }
        Depth::Write(table) => return write(connection, table).await,
        Depth::ReplicationLag(limit) => return replication::lag(connection, limit, expected).await,
    }
    Ok(Ok(Outcome::healthy()))
}

async fn role(connection: &mut MySqlConnection) -> Result<Role, Error> {
    // The second is all that says so on a reader of Aurora.
    let both = "SELECT CONCAT_WS(' ', @@global.read_only, @@global.innodb_read_only)";
    let both = text(connection, both).await?.unwrap_or_default();
    Ok(if both.split(' ').any(is_on) { Role::Replica } else { Role::Primary })
}

fn unexpected(role: Role) -> Failure {
    Failure::new(match role {
        Role::Primary => "is a primary; a replica is expected",
        Role::Replica => "is a replica; a primary is expected",
    })
}

async fn write(connection: &mut MySqlConnection, Table(table): Table) -> Result<Answer, Error> {
    // Accounts that may write all the same would make a replica differ from its primary.
    if role(connection).await? == Role::Replica {
        return Ok(Err(Fault::ReadOnly.because("read_only or innodb_read_only is set")));
    }
    let mut transaction = connection.begin().await?;
    let insert = AssertSqlSafe(format!("{FOR_MARIADB} INSERT {FOR_MYSQL} INTO {table} () VALUES ()"));
    // What the connection remembers from an earlier statement may be somebody else's row.
    let id = transaction.execute(insert).await?.last_insert_id();
    if id == 0 {
        transaction.rollback().await?;
        return Ok(Err(Failure::new("the table for writes has no AUTO_INCREMENT column")));
    }
    let delete = AssertSqlSafe(format!("{FOR_MARIADB} DELETE {FOR_MYSQL} FROM {table} WHERE id = {id}"));
    if transaction.execute(delete).await?.rows_affected() != 1 {
        transaction.rollback().await?;
        return Ok(Err(Failure::new("the row that was written is not there")));
    }
    transaction.commit().await?;
    Ok(Ok(Outcome::healthy()))
}

/// The one value of the one row, as text.
pub(super) async fn text(
    connection: &mut MySqlConnection,
    statement: &'static str,
) -> Result<Option<String>, Error> {
    let row = connection.fetch_one(statement).await?;
    sqlx::Row::try_get(&row, 0)
}

/// It is a number on most servers, and a word where there are more than two states.
fn is_on(value: &str) -> bool {
    !matches!(value, "" | "0" | "OFF" | "off")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_name_whatever_is_in_it() {
        assert_eq!(Table::named("health_probe").0, "`health_probe`");
        assert_eq!(Table::named("app.health_probe").0, "`app`.`health_probe`");
        assert_eq!(Table::named("a` VALUES (1); DROP TABLE b; --").0, "`a`` VALUES (1); DROP TABLE b; --`");
    }

    #[test]
    fn read_only_is_on_in_every_state_but_off() {
        assert!(["1", "ON", "NO_LOCK", "NO_LOCK_NO_ADMIN"].into_iter().all(is_on));
        assert!(!["", "0", "OFF"].into_iter().any(is_on));
    }
}
