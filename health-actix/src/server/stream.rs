//! The stream of a connection, whatever it runs over.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
#[cfg(feature = "rustls-0_23")]
use tokio_rustls::server::TlsStream;

pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(feature = "rustls-0_23")]
    Tls(Box<TlsStream<TcpStream>>),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Calls a method of the stream that it is.
macro_rules! of_its_kind {
    ($stream:expr, $method:ident, $($argument:expr),*) => {
        match $stream.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            #[cfg(feature = "rustls-0_23")]
            Stream::Tls(stream) => Pin::new(stream).$method($($argument),*),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

impl Stream {
    /// Closes at once, and has the kernel forget what the client has not taken.
    pub(super) fn abandon(self) {
        let tcp = match &self {
            Self::Tcp(stream) => stream,
            #[cfg(feature = "rustls-0_23")]
            Self::Tls(stream) => stream.get_ref().0,
            #[cfg(unix)]
            Self::Unix(_) => return,
        };
        // If it fails, the kernel tries for a while to deliver the rest.
        drop(tcp.set_zero_linger());
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        of_its_kind!(self, poll_read, context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        of_its_kind!(self, poll_write, context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_its_kind!(self, poll_flush, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_its_kind!(self, poll_shutdown, context)
    }
}
