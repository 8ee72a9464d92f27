//! The pools of sqlx.

use std::time::Duration;

use health_core::Failure;
use sqlx::{Connection as _, Error, PgConnection, PgPool, Row as _};

use super::client::{Answer, Asks, Client, Question};
use super::codes;
use crate::pool::Trouble;
use crate::sqlx_pool::{self, Lender};

impl Client for PgPool {}

impl Asks for PgPool {
    async fn ask(&self, question: Question, patience: Duration) -> Result<Answer, Trouble<Failure>> {
        let lender = Lender::of(self).patience(patience);
        let answer = lender.ask(move |connection| Box::pin(asked(connection, question))).await;
        answer.map_err(|trouble| trouble.explained(trouble_of))
    }
}

async fn asked(connection: &mut PgConnection, question: Question) -> Result<Answer, Error> {
    match question {
        Question::Ping => connection.ping().await.map(|()| Answer::new()),
        Question::Statement(statement) => {
            // All of it: the server says that it has committed after the row.
            let rows = sqlx::raw_sql(statement).fetch_all(connection).await?;
            let row = rows.first().ok_or(Error::RowNotFound)?;
            (0..row.len()).map(|column| row.try_get(column)).collect()
        }
    }
}

fn trouble_of(error: Error) -> Trouble<Failure> {
    let code = error.as_database_error().and_then(|said| said.code().map(std::borrow::Cow::into_owned));
    match code {
        Some(code) => codes::trouble(&code, error),
        None => Trouble::Error(sqlx_pool::failure(error, |_| None)),
    }
}
