//! What the codes of the server mean (PostgreSQL 18, appendix A, "PostgreSQL Error Codes").

use std::error::Error;

use health_core::Failure;

use crate::Fault;
use crate::pool::Trouble;

pub(super) fn trouble(code: &str, error: impl Into<Box<dyn Error + Send + Sync>>) -> Trouble<Failure> {
    match code {
        // `in_failed_sql_transaction`: the server is well, the application has yet to roll back.
        "25P02" => {
            Trouble::InTheWay(Failure::new("the connection is inside a failed transaction").because(error))
        }
        code => Trouble::Error(failure(code, error)),
    }
}

fn failure(code: &str, error: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
    let fault = match code {
        "25006" => Fault::ReadOnly,
        // A time that the server gives an idle session, or a transaction, was over.
        "25P03" | "25P04" | "57P05" => Fault::Closed,
        "42501" => Fault::Denied,
        "53100" => Fault::DiskFull,
        "53300" => Fault::ServerFull,
        "57P01" | "57P02" | "57P03" => Fault::NotServing,
        code if code.starts_with("28") => Fault::Credentials,
        code => return Failure::new(words(code)).because(error),
    };
    fault.because(error)
}

/// What only a database can answer.
fn words(code: &str) -> &'static str {
    match code {
        "0A000" => "the server does not support this",
        // The other: it was dropped while somebody was connected to it.
        "3D000" | "57P04" => "there is no such database",
        "53200" => "the server's memory is full",
        // A timeout that the application has set, or an administrator.
        "57014" => "the server has given the statement up",
        "58030" => "the server cannot read or write its files",
        // Nothing that a server says to a client that keeps to the protocol. PgBouncer gives all its own errors the
        // code 08P01 (`send_pooler_error` in `proto.c`), Odyssey 08006 when it has no connection to the server.
        code if code.starts_with("08") => "a pooler gave no connection to the server",
        code if code.starts_with("XX") => "the server failed inside",
        _ => "the server refused the statement",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_in_words() {
        for (code, words) in [
            ("28000", "the credentials were refused"),
            ("28P01", "the credentials were refused"),
            ("42501", "the account is not permitted to do this"),
            ("25006", "read-only: writes are refused"),
            ("53100", "the server's disk is full"),
            ("53300", "the server has no connection left"),
            ("57P01", "the server is starting up or shutting down"),
            ("57P03", "the server is starting up or shutting down"),
            ("25P03", "the connection was closed"),
            ("25P04", "the connection was closed"),
            ("57P05", "the connection was closed"),
            ("08P01", "a pooler gave no connection to the server"),
            ("08006", "a pooler gave no connection to the server"),
            ("0A000", "the server does not support this"),
            ("57P04", "there is no such database"),
            ("57014", "the server has given the statement up"),
            ("3D000", "there is no such database"),
            ("XX001", "the server failed inside"),
            ("42P01", "the server refused the statement"),
        ] {
            assert_eq!(failure(code, "password of app").summary(), Some(words), "{code}");
        }
    }
}
