//! What an error of the client or of the server means.
//!
//! The codes are those of <https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors> and of
//! `src/server.c` of Redis 7, where a command is refused before it is run.

use std::error::Error;
use std::io;
use std::sync::Arc;

use ::redis::{ErrorKind, RedisError};
use health_core::Failure;

use crate::Fault;

/// In fixed words, with the error as the private cause.
pub(super) fn told(error: RedisError) -> Failure {
    if let Some(fault) = fault(&error) {
        return fault.because(error);
    }
    match words(&error) {
        Some(words) => Failure::new(words).because(error),
        None => error.into(),
    }
}

fn fault(error: &RedisError) -> Option<Fault> {
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => Some(Fault::Credentials),
        (_, Some("NOPERM")) => Some(Fault::Denied),
        (_, Some("READONLY")) => Some(Fault::ReadOnly),
        // The file of a socket: nobody has made it.
        _ if error.is_connection_refusal() => Some(Fault::Refused),
        _ => {
            let io = io_error(error)?;
            let by_the_client = io.kind() == io::ErrorKind::TimedOut && io.raw_os_error().is_none();
            Fault::of_io(io).filter(|_| !by_the_client)
        }
    }
}

fn words(error: &RedisError) -> Option<&'static str> {
    if error.is_timeout() {
        return Some("no answer within the timeout of the client");
    }
    Some(match (error.kind(), error.code()) {
        (_, Some("LOADING")) => "the server is still loading its data",
        (_, Some("OOM")) => "the server is out of memory: a write was refused",
        (_, Some("MISCONF")) => "the server cannot save to its disk and refuses writes",
        (_, Some("NOREPLICAS")) => "the server has too few replicas: a write was refused",
        (_, Some("MASTERDOWN")) => "a replica that has lost its primary and serves nothing",
        (_, Some("CLUSTERDOWN")) => "the cluster is down",
        (_, Some("MOVED" | "ASK" | "TRYAGAIN" | "CROSSSLOT")) => "the key is on another node of the cluster",
        (_, Some("BUSY")) => "the server is busy with a script",
        (ErrorKind::ClusterConnectionNotFound, _) => "no connection to a node of the cluster",
        (ErrorKind::Server(_) | ErrorKind::Extension, _) => "the server refused the command",
        (ErrorKind::Parse | ErrorKind::UnexpectedReturnType, _) => "the answer is not one of Redis",
        _ => return None,
    })
}

/// The client keeps it in an `Arc`, which is what `source` gives away.
fn io_error(error: &RedisError) -> Option<&io::Error> {
    error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(line: &str) -> Option<String> {
        let answer = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).expect("an answer");
        let error = answer.extract_error().expect_err("an error");
        told(error).summary().map(ToOwned::to_owned)
    }

    /// As Redis 7.0 and Valkey 8 write them.
    #[test]
    fn what_the_server_refuses_is_told_in_words() {
        let told = [
            ("NOAUTH Authentication required.", "the credentials were refused"),
            ("WRONGPASS invalid username-password pair or user is disabled.", "the credentials were refused"),
            (
                "NOPERM this user has no permissions to run the 'set' command",
                "the account is not permitted to do this",
            ),
            ("READONLY You can't write against a read only replica.", "read-only: writes are refused"),
            ("LOADING Redis is loading the dataset in memory", "the server is still loading its data"),
            (
                "OOM command not allowed when used memory > 'maxmemory'.",
                "the server is out of memory: a write was refused",
            ),
            (
                "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
                "the server cannot save to its disk and refuses writes",
            ),
            (
                "NOREPLICAS Not enough good replicas to write.",
                "the server has too few replicas: a write was refused",
            ),
            (
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
                "a replica that has lost its primary and serves nothing",
            ),
            ("CLUSTERDOWN The cluster is down", "the cluster is down"),
            ("MOVED 3999 192.0.2.1:6381", "the key is on another node of the cluster"),
            ("BUSY Redis is busy running a script.", "the server is busy with a script"),
            ("ERR unknown command 'PING'", "the server refused the command"),
            ("XYZ 192.0.2.1 is not what it was", "the server refused the command"),
        ];
        for (line, words) in told {
            assert_eq!(answered(line).as_deref(), Some(words), "{line}");
        }
    }

    #[test]
    fn what_the_system_says_is_found_in_the_error_of_the_client() {
        let said = |error: io::Error| told(error.into()).summary().map(ToOwned::to_owned);
        let refused = said(io::ErrorKind::ConnectionRefused.into());
        assert_eq!(refused.as_deref(), Some("cannot connect: connection refused"));
        let reset = said(io::ErrorKind::ConnectionReset.into());
        assert_eq!(reset.as_deref(), Some("the connection was reset"));
        let closed = said(io::ErrorKind::BrokenPipe.into());
        assert_eq!(closed.as_deref(), Some("the connection was closed"));
        let no_file = said(io::ErrorKind::NotFound.into());
        assert_eq!(no_file.as_deref(), Some("cannot connect: connection refused"));
        let by_the_client = said(io::ErrorKind::TimedOut.into());
        assert_eq!(by_the_client.as_deref(), Some("no answer within the timeout of the client"));
        assert_eq!(said(io::Error::other("192.0.2.1")), None);
    }
}
