//! The bytes of one connection, as the HTTP implementation sees them.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::stream::Stream;
use super::turns::{Reading, Turns};

/// How much of what comes after the end is read, so that the client gets to see our last words: a socket that is closed
/// with bytes unread takes them back.
const UNHEARD: usize = 256 * 1024;

/// A stream that keeps the turns of its connection. Its clones are the same line.
#[derive(Clone)]
pub(super) struct Line {
    stream: Rc<RefCell<Stream>>,
    pub(super) turns: Rc<Turns>,
}

impl Line {
    pub(super) fn new(stream: Stream, turns: Rc<Turns>) -> Self {
        Self { stream: Rc::new(RefCell::new(stream)), turns }
    }

    /// The stream, once nobody else holds the line.
    pub(super) fn into_stream(self) -> Option<Stream> {
        Rc::into_inner(self.stream).map(RefCell::into_inner)
    }
}

/// Says these last words, if any, and closes so that the client can read them.
pub(super) async fn close(mut stream: Stream, last_words: &[u8]) {
    if stream.write_all(last_words).await.is_err() || stream.shutdown().await.is_err() {
        return;
    }
    let (mut unheard, mut buffer) = (0, [0; 4096]);
    while unheard < UNHEARD {
        match stream.read(&mut buffer).await {
            Ok(bytes) if bytes > 0 => unheard += bytes,
            _ => return,
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = match self.turns.reading(context.waker()) {
            Reading::UpTo(room) => room,
            Reading::Later => return Poll::Pending,
            Reading::Over => return Poll::Ready(Ok(())),
            Reading::TooLarge => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
        };
        let room = room.min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        let read = Pin::new(&mut *self.stream.borrow_mut()).poll_read(context, &mut part);
        let bytes = part.filled().len();
        buffer.advance(bytes);
        self.turns.has_read(bytes);
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.stream.borrow_mut()).poll_write(context, bytes);
        if written.is_pending() {
            self.turns.is_not_taken();
        }
        written
    }

    /// Called when everything has been written.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut *self.stream.borrow_mut()).poll_flush(context);
        match flushed {
            Poll::Pending => self.turns.is_not_taken(),
            Poll::Ready(_) => self.turns.is_taken(),
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut *self.stream.borrow_mut()).poll_shutdown(context);
        if shut.is_pending() {
            self.turns.is_not_taken();
        }
        shut
    }
}
