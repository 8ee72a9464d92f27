//! Written, read back and deleted, in one request.

use std::hash::{BuildHasher as _, RandomState};
use std::process;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use ::redis::aio::ConnectionLike;
use ::redis::{RedisError, RedisResult, Value};
use health_core::{Failure, Outcome};

use super::refusal;

/// Long enough for a slow answer, short enough that nobody finds what was left when the way broke.
const EXPIRES_AFTER_MS: u64 = 10_000;

/// All three at once: a server that gets the first gets the last too, whoever has given up waiting by then. One key, so
/// all of it is in one slot of a cluster.
pub(super) async fn run(connection: &mut impl ConnectionLike, prefix: &str) -> Result<Outcome, Failure> {
    let run = a_run_of_its_own();
    let key = format!("{prefix}{run}");
    let mut requests = ::redis::pipe();
    requests.cmd("SET").arg(&key).arg(&run).arg("PX").arg(EXPIRES_AFTER_MS);
    requests.cmd("GET").arg(&key);
    requests.cmd("DEL").arg(&key);
    // Which of them was refused decides what is told.
    requests.ignore_errors();
    let answers = requests
        .query_async::<(RedisResult<Value>, RedisResult<Option<String>>, RedisResult<u64>)>(connection);
    let (written, read, deleted) = answers.await.map_err(refusal::told)?;
    judged(&run, written, read, deleted)
}

fn judged(
    run: &str,
    written: Result<Value, RedisError>,
    read: Result<Option<String>, RedisError>,
    deleted: Result<u64, RedisError>,
) -> Result<Outcome, Failure> {
    written.map_err(refusal::told)?;
    match read.map_err(refusal::told)? {
        None => return Err(Failure::new("what was written was not there to be read")),
        Some(read) if read != run => return Err(Failure::new("something else was read than was written")),
        Some(_) => {}
    }
    match deleted.map_err(refusal::told)? {
        0 => Err(Failure::new("what was written was gone before it was deleted")),
        _ => Ok(Outcome::healthy()),
    }
}

/// Different in each run of each process, on whatever machine.
fn a_run_of_its_own() -> String {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(process::id()));
    static RUNS: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}:{}", *PROCESS, RUNS.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(read: Option<&str>, deleted: u64) -> Option<String> {
        let judged = judged("1", Ok(Value::Okay), Ok(read.map(ToOwned::to_owned)), Ok(deleted));
        judged.err().and_then(|failure| failure.summary().map(ToOwned::to_owned))
    }

    #[test]
    fn what_comes_back_is_compared() {
        assert_eq!(said(Some("1"), 1), None);
        assert_eq!(said(Some("2"), 1).as_deref(), Some("something else was read than was written"));
        assert_eq!(said(None, 0).as_deref(), Some("what was written was not there to be read"));
        assert_eq!(said(Some("1"), 0).as_deref(), Some("what was written was gone before it was deleted"));
    }

    #[test]
    fn no_two_runs_share_a_key() {
        assert_ne!(a_run_of_its_own(), a_run_of_its_own());
    }
}
