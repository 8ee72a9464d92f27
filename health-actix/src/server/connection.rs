//! One connection, from its first byte to its last.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::rt::{self, task::JoinHandle};

use super::line::{Line, close};
use super::stream::Stream;
use super::turns::{Overdue, Turns};

/// How long a client may take to hear our last words.
const FAREWELL: Duration = Duration::from_secs(1);

const TOO_LARGE: &[u8] =
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const TOO_LATE: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Holds the conversation until it is over or the client does not end one of its turns in time.
pub(super) async fn converse(line: Line, conversation: impl Future) {
    let overdue = {
        let mut conversation = Box::pin(conversation);
        let mut clock = Clock::start(Rc::clone(&line.turns));
        poll_fn(|context| {
            if conversation.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            clock.has_run_out(context)
        })
        .await
    };
    let last_words = match overdue {
        None if line.turns.is_too_large() => TOO_LARGE,
        None | Some(Overdue::Silent | Overdue::Answer) => b"",
        Some(Overdue::Request) => TOO_LATE,
    };
    // The conversation is gone, and with it the other holder of the line.
    let Some(stream) = line.into_stream() else {
        return;
    };
    match overdue {
        Some(Overdue::Answer) => stream.abandon(),
        _ => part(stream, last_words).await,
    }
}

/// Watches over the turns in a task of its own: an answer that takes long is not to be disturbed whenever it looks.
struct Clock(JoinHandle<Overdue>);

impl Clock {
    fn start(turns: Rc<Turns>) -> Self {
        Self(rt::spawn(async move { turns.overdue().await }))
    }

    fn has_run_out(&mut self, context: &mut Context<'_>) -> Poll<Option<Overdue>> {
        Pin::new(&mut self.0).poll(context).map(Result::ok)
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Says these last words, if any, and waits for a moment that the client hears them and hangs up.
pub(super) async fn part(stream: Stream, last_words: &[u8]) {
    // In time or not, the stream is dropped afterwards.
    drop(tokio::time::timeout(FAREWELL, close(stream, last_words)).await);
}
