//! The same words for the same fault, whatever the client of a server calls it.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use health_core::Failure;

/// What went wrong between a check and a server, in words that name nobody: hosts, accounts and what the server said
/// are private.
///
/// The checks of this crate use these words, so that the same fault reads the same whatever it befalls. Others may:
///
/// ```
/// use std::io;
///
/// use health_builtins::Fault;
/// use health_core::Failure;
///
/// fn why(error: io::Error) -> Failure {
///     match Fault::of_io(&error) {
///         Some(fault) => fault.because(error),
///         None => error.into(),
///     }
/// }
/// let failure = why(io::ErrorKind::ConnectionRefused.into());
/// assert_eq!(failure.summary(), Some("cannot connect: connection refused"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nobody listens there.
    Refused,
    /// There is no way there.
    Unreachable,
    /// The operating system gave up waiting, for a connection or on one.
    Unanswered,
    /// There is no address for the name.
    Unresolved,
    /// The other side cut the connection off.
    Reset,
    /// The other side ended the connection.
    Closed,
    /// The pool gave none within this time, without saying why.
    NoConnection(Duration),
    /// The account or its password.
    Credentials,
    /// The account is known and may not do this.
    Denied,
    /// It can be read, not written.
    ReadOnly,
    /// Not yet, or not any more.
    NotServing,
    /// As many as it accepts are connected to it.
    ServerFull,
    /// It has nowhere to write.
    DiskFull,
    /// Neither side understands the other.
    Tls,
}

impl Fault {
    /// What an error of the operating system means for a connection.
    ///
    /// A socket in the file system that is not there is no fault here: it cannot be told from a file that is not there,
    /// such as a certificate.
    #[must_use]
    pub fn of_io(error: &io::Error) -> Option<Self> {
        Some(match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
                Self::Unreachable
            }
            ErrorKind::TimedOut => Self::Unanswered,
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Self::Reset,
            ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::NotConnected => Self::Closed,
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            // One that wraps another is not its source.
            _ => return error.get_ref().and_then(|inner| Self::below(inner)),
        })
    }

    /// The same for an error that has one of the operating system somewhere below it.
    #[must_use]
    pub fn below(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(fault) = error.downcast_ref::<io::Error>().and_then(Self::of_io) {
                return Some(fault);
            }
            next = error.source();
        }
        None
    }

    /// With what the client said as its private cause.
    pub fn because(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
        Failure::new(self.to_string()).because(cause)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("cannot connect: connection refused"),
            Self::Unreachable => f.write_str("cannot connect: no way to the host"),
            Self::Unanswered => f.write_str("no answer from the host"),
            Self::Unresolved => f.write_str("cannot connect: the name does not resolve"),
            Self::Reset => f.write_str("the connection was reset"),
            Self::Closed => f.write_str("the connection was closed"),
            Self::NoConnection(patience) => write!(f, "no connection within {patience:?}"),
            Self::Credentials => f.write_str("the credentials were refused"),
            Self::Denied => f.write_str("the account is not permitted to do this"),
            Self::ReadOnly => f.write_str("read-only: writes are refused"),
            Self::NotServing => f.write_str("the server is starting up or shutting down"),
            Self::ServerFull => f.write_str("the server has no connection left"),
            Self::DiskFull => f.write_str("the server's disk is full"),
            Self::Tls => f.write_str("cannot connect: TLS failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_the_system_is_found_below_others() {
        let refused = io::Error::from(ErrorKind::ConnectionRefused);
        assert_eq!(Fault::below(&refused), Some(Fault::Refused));
        let wrapped = io::Error::other(io::Error::from(ErrorKind::ConnectionReset));
        assert_eq!(Fault::below(&wrapped), Some(Fault::Reset));
        assert_eq!(Fault::below(&io::Error::other("the password is hunter2")), None);
    }

    #[test]
    fn an_established_connection_can_go_unanswered_too() {
        let fault = Fault::of_io(&ErrorKind::TimedOut.into());
        assert_eq!(fault.map(|fault| fault.to_string()).as_deref(), Some("no answer from the host"));
    }

    #[test]
    fn the_cause_is_not_in_the_summary() {
        let failure = Fault::Credentials.because("password authentication failed for user \"app\"");
        assert_eq!(failure.summary(), Some("the credentials were refused"));
        assert!(failure.cause().is_some());
    }
}
