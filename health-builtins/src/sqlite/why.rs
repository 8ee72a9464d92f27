//! What the codes of SQLite mean: <https://www.sqlite.org/rescode.html>.

use health_core::{Failure, Outcome, Status};
use sqlx::Error;

use crate::pool::Trouble;
use crate::{Fault, sqlx_pool};

const BUSY: i32 = 5;
const LOCKED: i32 = 6;
/// An extended one, of those that say "read-only".
const MOVED: i32 = 1032;

pub(super) fn told(trouble: Trouble<Error>) -> Result<Outcome, Failure> {
    match trouble {
        Trouble::Error(error) if matches!(code(&error).map(primary), Some(BUSY | LOCKED)) => {
            let locked = Failure::new("the database is locked").because(error);
            Ok(locked.into_outcome_of(Status::Degraded))
        }
        // Nobody has to be reached, but a connection that is being opened waits for locks.
        trouble @ Trouble::NoneWithin(_) => {
            trouble.told(failure).or_else(|none| Ok(none.into_outcome_of(Status::Degraded)))
        }
        trouble => trouble.told(failure),
    }
}

fn failure(error: Error) -> Failure {
    let code = code(&error);
    match code.and_then(in_words) {
        Some(words) => Failure::new(words).because(error),
        None => sqlx_pool::failure(error, |_| code.and_then(fault)),
    }
}

fn code(error: &Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// What the first eight bits say; the others say more.
fn primary(code: i32) -> i32 {
    code & 0xff
}

fn in_words(code: i32) -> Option<&'static str> {
    Some(match (code, primary(code)) {
        // Whoever asks has seen that there is one of that name.
        (MOVED, _) => "the file of the database is another one than is open",
        (_, 10) => "the disk could not be read or written",
        (_, 13) => "the disk is full",
        // Damaged, or no database at all.
        (_, 11 | 26) => "the database is damaged",
        (_, 14) => "the file of the database cannot be opened",
        _ => return None,
    })
}

fn fault(code: i32) -> Option<Fault> {
    Some(match primary(code) {
        3 | 23 => Fault::Denied,
        8 => Fault::ReadOnly,
        _ => return None,
    })
}
