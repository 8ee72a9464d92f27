//! What the numbers of the server mean.
//!
//! <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>,
//! <https://mariadb.com/docs/server/reference/error-codes>

use health_core::{Failure, Outcome, Status};
use sqlx::Error;
use sqlx::mysql::MySqlDatabaseError;

use crate::pool::Trouble;
use crate::{Fault, sqlx_pool};

/// It was waited for too long, or each waits for the other.
const LOCKED: [u16; 2] = [1205, 1213];

pub(super) fn told(trouble: Trouble<Error>) -> Result<Outcome, Failure> {
    match trouble {
        Trouble::Error(error) if number(&error).is_some_and(|number| LOCKED.contains(&number)) => {
            let locked = Failure::new("the table for writes is locked").because(error);
            Ok(locked.into_outcome_of(Status::Degraded))
        }
        trouble => trouble.told(failure),
    }
}

fn failure(error: Error) -> Failure {
    match number(&error).and_then(in_words) {
        Some(words) => Failure::new(words).because(error),
        None => sqlx_pool::failure(error, |said| {
            said.try_downcast_ref::<MySqlDatabaseError>().and_then(|said| fault(said.number()))
        }),
    }
}

pub(super) fn number(error: &Error) -> Option<u16> {
    let said = error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(said.number())
}

fn fault(number: u16) -> Option<Fault> {
    Some(match number {
        // A wrong password, a wrong way to prove it, one that has expired, an account that is locked.
        1045 | 1251 | 1524 | 1698 | 1820 | 1862 | 3118 | 4151 => Fault::Credentials,
        // Of a database, a table, a column, the server, a routine.
        1044 | 1142 | 1143 | 1227 | 1370 => Fault::Denied,
        // Of the server, of the transaction, of the storage engine, of the table.
        1036 | 1290 | 1792 | 1836 => Fault::ReadOnly,
        1040 => Fault::ServerFull,
        // Of the disk, of the tablespace.
        1021 | 1114 => Fault::DiskFull,
        // It shuts down, it is a node of a cluster without a majority.
        1047 | 1053 => Fault::NotServing,
        // It has ended this connection: for an administrator, for a timeout.
        1927 | 4031 => Fault::Closed,
        _ => return None,
    })
}

/// What only this server can say.
fn in_words(number: u16) -> Option<&'static str> {
    Some(match number {
        1049 => "there is no such database",
        1129 => "the server has blocked this machine after too many broken connections",
        1130 => "the server does not accept connections from this machine",
        1146 => "the table for writes is missing",
        1054 => "the table for writes has no column `id`",
        // Of connections, or of statements in an hour.
        1203 | 1226 => "the account has reached a limit of the server",
        _ => return None,
    })
}
