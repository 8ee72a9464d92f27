//! What PostgreSQL is reached through.

use std::time::Duration;

use health_core::Failure;

use crate::pool::Trouble;

/// What PostgreSQL is reached through: a `sqlx::PgPool`, a `deadpool_postgres::Pool`, or an
/// `Arc<tokio_postgres::Client>`, each with the feature of its name. Nothing else can implement it.
pub trait Client: Asks {}

/// One round trip.
#[derive(Clone, Copy, Debug)]
pub enum Question {
    /// The cheapest that the protocol knows: a `Sync` message, and no statement.
    Ping,
    /// A statement with one row of texts, sent without being prepared: one round trip, also through a pooler.
    Statement(&'static str),
}

/// The columns of the one row; none for a ping.
pub(crate) type Answer = Vec<Option<String>>;

pub trait Asks: Clone + Send + Sync + 'static {
    /// Waits no longer than `patience` for a connection. It has to be safe to be dropped midway: whatever the
    /// connection still had to say must reach nobody else.
    fn ask(
        &self,
        question: Question,
        patience: Duration,
    ) -> impl Future<Output = Result<Answer, Trouble<Failure>>> + Send;
}
