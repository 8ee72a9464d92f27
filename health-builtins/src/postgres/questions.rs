//! What is asked at each depth, and what the answer means.

use std::time::Duration;

use health_core::{Failure, Outcome};

use super::client::{Answer, Question};
use super::{Depth, Role};
use crate::Fault;

/// Any server that speaks the protocol can answer it.
const TRIVIAL: &str = "SELECT 1::text";

const ROLE: &str = "SELECT pg_is_in_recovery()::text";

/// A commit record alone is not waited for: only when the transaction has written something before it is the log
/// flushed, and are synchronous standbys waited for (`RecordTransactionCommit` in `xact.c`). A message in the log is
/// such a thing, and leaves no row and no dead one.
///
/// Inside a transaction of the application, which began before this statement, all of that would be left to their
/// commit, the setting included: nothing is written then.
///
/// It would be written in a read-only transaction too, so that is asked. And a commit that waits for a synchronous
/// standby keeps its process on the server until that is back, whether or not the client has gone: while one of this
/// account does, no other is started.
const WRITE: &str = "\
    SELECT /* health: write */ pg_is_in_recovery()::text, \
    CASE WHEN transaction_timestamp() <> statement_timestamp() THEN 'inside' \
    WHEN current_setting('transaction_read_only') = 'on' THEN 'read-only' \
    WHEN EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep' \
        AND query LIKE 'SELECT /* health: write */%' AND query_start < clock_timestamp() - interval '5 seconds') \
    THEN 'waiting' \
    WHEN set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'local'), true) \
        IS NOT NULL \
    THEN pg_logical_emit_message(true, 'health', ''::text)::text END";

/// What has been received may not be all there is: somebody has to be receiving. After a restart it is the start of a
/// segment, which replay is ahead of. Who is fed from an archive alone receives nothing, ever.
const LAG: &str = "\
    SELECT pg_is_in_recovery()::text, \
    CASE WHEN pg_last_wal_receive_lsn() IS NULL THEN 'archive' \
    ELSE EXISTS (SELECT FROM pg_stat_wal_receiver)::text END, \
    CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() THEN '0' \
    ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::text END";

pub(super) fn question(depth: Depth, expected: Option<Role>) -> Question {
    match (depth, expected) {
        (Depth::Ping, None) => Question::Ping,
        (Depth::Query, None) => Question::Statement(TRIVIAL),
        (Depth::Ping | Depth::Query, Some(_)) => Question::Statement(ROLE),
        (Depth::Write, _) => Question::Statement(WRITE),
        (Depth::Lag(_), _) => Question::Statement(LAG),
    }
}

pub(super) fn judged(answer: Answer, depth: Depth, expected: Option<Role>) -> Result<Outcome, Failure> {
    let mut columns = answer.into_iter().map(Option::unwrap_or_default);
    let mut next = || columns.next().unwrap_or_default();
    if expected.is_none() {
        match depth {
            Depth::Ping => return Ok(Outcome::healthy()),
            Depth::Query if next() == "1" => return Ok(Outcome::healthy()),
            Depth::Query => return Err(not_understood()),
            Depth::Write | Depth::Lag(_) => {}
        }
    }
    let role = Role::of(&next()).ok_or_else(not_understood)?;
    if let Some(expected) = expected.filter(|expected| *expected != role) {
        return Err(Failure::new(format!("is a {role}; a {expected} is expected")));
    }
    let outcome = match depth {
        Depth::Ping | Depth::Query => Outcome::healthy(),
        Depth::Write => written(&next())?,
        Depth::Lag(limit) => {
            let receives = next();
            behind(role, &receives, next().parse().ok(), limit)
        }
    };
    Ok(outcome.data("role", role.name()))
}

fn written(place: &str) -> Result<Outcome, Failure> {
    match place {
        "inside" => Ok(Outcome::degraded(
            "the connection is inside a transaction of the application: nothing is written",
        )),
        "read-only" => Err(Failure::new(Fault::ReadOnly.to_string())),
        "waiting" => Err(Failure::new("commits wait for a standby")),
        // A place in the log: `0/16B3748`.
        place if place.contains('/') => Ok(Outcome::healthy()),
        _ => Err(not_understood()),
    }
}

fn behind(role: Role, receives: &str, seconds: Option<f64>, limit: Duration) -> Outcome {
    if role == Role::Primary {
        return Outcome::healthy();
    }
    let not_known = || Outcome::degraded("how far the standby is behind is not known");
    let Some(seconds) = seconds.map(|seconds| seconds.max(0.0)) else {
        return not_known();
    };
    if receives == "archive" {
        // The age of the last change that it has, which grows while there are no others: it is behind by no more.
        return if seconds <= limit.as_secs_f64() { Outcome::healthy() } else { not_known() };
    }
    let outcome = if receives != "true" {
        Outcome::degraded("the standby receives nothing from its primary")
    } else if seconds > limit.as_secs_f64() {
        Outcome::degraded(format!("the standby is {seconds:.1} s behind, more than {limit:?}"))
    } else {
        Outcome::healthy()
    };
    outcome.data("lag_seconds", seconds)
}

fn not_understood() -> Failure {
    Failure::new("the server was not understood")
}

#[cfg(test)]
mod tests {
    use health_core::Status;

    use super::*;

    fn said(answer: &[&str], depth: Depth, expected: Option<Role>) -> (Status, Option<String>) {
        let answer = answer.iter().map(|column| Some((*column).to_owned())).collect();
        match judged(answer, depth, expected) {
            Ok(outcome) => (outcome.status(), outcome.summary().map(ToOwned::to_owned)),
            Err(failure) => (Status::Unhealthy, failure.summary().map(ToOwned::to_owned)),
        }
    }

    #[test]
    fn a_standby_that_receives_nothing_is_not_up_to_date() {
        let lag = Depth::Lag(Duration::from_secs(10));
        let degraded = |summary: &str| (Status::Degraded, Some(summary.to_owned()));
        assert_eq!(said(&["true", "true", "10"], lag, None), (Status::Healthy, None));
        let behind = degraded("the standby is 10.1 s behind, more than 10s");
        assert_eq!(said(&["true", "true", "10.06"], lag, None), behind);
        let alone = degraded("the standby receives nothing from its primary");
        assert_eq!(said(&["true", "false", "0"], lag, None), alone);
        let unknown = degraded("how far the standby is behind is not known");
        assert_eq!(said(&["true", "true", ""], lag, None), unknown);
        assert_eq!(said(&["true", "archive", "10"], lag, None), (Status::Healthy, None));
        for seconds in ["10.06", "86400", ""] {
            assert_eq!(said(&["true", "archive", seconds], lag, None), unknown);
        }
        assert_eq!(said(&["false", "true", "0"], lag, None), (Status::Healthy, None));
    }

    #[test]
    fn an_odd_answer_is_no_good_one() {
        let odd = (Status::Unhealthy, Some("the server was not understood".to_owned()));
        for depth in [Depth::Query, Depth::Write, Depth::Lag(Duration::ZERO)] {
            assert_eq!(said(&[], depth, None), odd, "{depth:?}");
        }
        assert_eq!(said(&["false", ""], Depth::Write, None), odd);
        assert_eq!(said(&[], Depth::Query, Some(Role::Primary)), odd);
    }
}
