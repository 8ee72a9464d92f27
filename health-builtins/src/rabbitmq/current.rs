//! The connection that the application uses: the one of today.

use std::fmt;
use std::sync::Arc;

use health_core::Failure;
use lapin::{Connection, ConnectionState, ConnectionStatus};

/// Where a check finds the connection that the application uses at the moment.
///
/// One `Arc<Connection>`, for an application that has one for life. Or a function, for an application that makes a new
/// one when the old one is lost: called once per run, it must not block, and `None` is "not connected".
///
/// A check keeps an `Arc` that it was given, and with it the connection, open for as long as it lives; a function only
/// for as long as a run takes.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use health_builtins::rabbitmq::RabbitMq;
/// use lapin::Connection;
/// use tokio::sync::watch;
///
/// // Whoever reconnects sends the new connection.
/// let (reconnected, current) = watch::channel(None::<Arc<Connection>>);
/// let rabbitmq = RabbitMq::channel(move || current.borrow().clone());
/// # drop(reconnected);
/// ```
#[derive(Clone)]
pub struct Current(Arc<dyn Fn() -> Option<Arc<Connection>> + Send + Sync>);

impl From<&Arc<Connection>> for Current {
    fn from(connection: &Arc<Connection>) -> Self {
        let connection = Arc::clone(connection);
        Self(Arc::new(move || Some(Arc::clone(&connection))))
    }
}

impl<F: Fn() -> Option<Arc<Connection>> + Send + Sync + 'static> From<F> for Current {
    fn from(current: F) -> Self {
        Self(Arc::new(current))
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").finish_non_exhaustive()
    }
}

impl Current {
    /// The connection, if it can be asked anything.
    pub(super) fn usable(&self) -> Result<Arc<Connection>, Failure> {
        let connection = (self.0)().ok_or_else(|| Failure::new("not connected"))?;
        let status = connection.status();
        match why_not(now(status)) {
            Some(why) => Err(Failure::new(why)),
            // Nothing is written to it any more, so a question would never leave.
            None if status.blocked() => {
                Err(Failure::new("publishing is blocked: the broker is low on memory or disk"))
            }
            None => Ok(connection),
        }
    }
}

/// The client shows its state only in questions.
fn now(status: &ConnectionStatus) -> ConnectionState {
    match () {
        () if status.connected() => ConnectionState::Connected,
        () if status.reconnecting() => ConnectionState::Reconnecting,
        () if status.errored() => ConnectionState::Error,
        () if status.closing() || status.closed() => ConnectionState::Closed,
        () => ConnectionState::Connecting,
    }
}

/// Why a connection in this state is of no use, if it is of none.
pub(super) fn why_not(state: ConnectionState) -> Option<&'static str> {
    match state {
        ConnectionState::Connected => None,
        ConnectionState::Initial | ConnectionState::Connecting => Some("not connected yet"),
        ConnectionState::Reconnecting => Some("not connected: the client is reconnecting"),
        ConnectionState::Closing | ConnectionState::Closed => {
            Some("not connected: the connection was closed")
        }
        ConnectionState::Error => Some("not connected: the connection was lost"),
    }
}
