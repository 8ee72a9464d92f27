//! A client of tokio-postgres.

use std::sync::Arc;
use std::time::Duration;

use health_core::Failure;
use tokio_postgres::{Error, SimpleQueryMessage};

use super::client::{Answer, Asks, Client, Question};
use super::codes;
use crate::Fault;
use crate::pool::Trouble;

impl Client for Arc<tokio_postgres::Client> {}

impl Asks for Arc<tokio_postgres::Client> {
    /// Dropped midway, the answer is read and thrown away by the task of the connection when it comes.
    async fn ask(&self, question: Question, _: Duration) -> Result<Answer, Trouble<Failure>> {
        asked(self, question).await.map_err(trouble)
    }
}

pub(super) async fn asked(client: &tokio_postgres::Client, question: Question) -> Result<Answer, Error> {
    let Question::Statement(statement) = question else {
        return client.check_connection().await.map(|()| Answer::new());
    };
    // All of it: the server says that it has committed after the row.
    let messages = client.simple_query(statement).await?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let columns = row.into_iter().flat_map(|row| (0..row.len()).map(|column| row.get(column)));
    Ok(columns.map(|text| text.map(ToOwned::to_owned)).collect())
}

pub(super) fn trouble(error: Error) -> Trouble<Failure> {
    if let Some(code) = error.code().map(|code| code.code().to_owned()) {
        return codes::trouble(&code, error);
    }
    let fault = match error.is_closed() {
        true => Some(Fault::Closed),
        false => Fault::below(&error).or(is_no_socket(&error).then_some(Fault::Refused)),
    };
    Trouble::Error(match fault {
        Some(fault) => fault.because(error),
        None => Failure::new("the connection failed").because(error),
    })
}

/// The socket in the file system, which is all that this client looks for there.
fn is_no_socket(error: &Error) -> bool {
    let below = std::error::Error::source(error).and_then(|below| below.downcast_ref::<std::io::Error>());
    below.is_some_and(|below| below.kind() == std::io::ErrorKind::NotFound)
}
