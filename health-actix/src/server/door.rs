//! Where clients come in.

use std::io;
use std::time::Duration;

use actix_web::rt;
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
#[cfg(feature = "rustls-0_23")]
use tokio_rustls::TlsAcceptor;

use super::listener::Listener;
use super::place::Peer;
#[cfg(unix)]
use super::socket_file::SocketFile;
use super::stream::Stream;

/// How long to wait when nobody can be let in, as when the process has no descriptors left.
const RESPITE: Duration = Duration::from_millis(100);

/// A listener, in the runtime that serves it.
pub(super) struct Door {
    kind: Kind,
    name: String,
    /// Whether it was said that nobody can be let in.
    is_said: bool,
}

enum Kind {
    Tcp(TcpListener),
    #[cfg(feature = "rustls-0_23")]
    Tls(TcpListener, TlsAcceptor),
    #[cfg(unix)]
    /// The file goes first: to one to which nobody listens another process would help itself.
    Unix(#[expect(dead_code, reason = "removed with the door")] SocketFile, UnixListener),
}

/// Somebody who has come in, and has not been greeted.
pub(super) enum Guest {
    Tcp(TcpStream),
    #[cfg(feature = "rustls-0_23")]
    Tls(TcpStream, TlsAcceptor),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Door {
    pub(super) fn open(listener: Listener) -> io::Result<Self> {
        let name = listener.to_string();
        let kind = match listener {
            Listener::Tcp(listener, _) | Listener::HaproxyAgent(listener, _) => {
                Kind::Tcp(TcpListener::from_std(listener)?)
            }
            #[cfg(feature = "rustls-0_23")]
            Listener::Tls(listener, _, config) => {
                Kind::Tls(TcpListener::from_std(listener)?, TlsAcceptor::from(config))
            }
            #[cfg(unix)]
            Listener::Unix(file, listener) => Kind::Unix(file, UnixListener::from_std(listener)?),
        };
        Ok(Self { kind, name, is_said: false })
    }

    /// The next who comes in, whatever goes wrong until then.
    pub(super) async fn next(&mut self) -> (Guest, Peer) {
        loop {
            match self.accept().await {
                Ok(guest) => {
                    self.is_said = false;
                    return guest;
                }
                // Somebody who left before it was his turn.
                Err(error) if is_about_the_guest(&error) => {}
                Err(error) => {
                    if !std::mem::replace(&mut self.is_said, true) {
                        tracing::warn!(target: "health", listener = %self.name, %error, "nobody can be let in for now");
                    }
                    rt::time::sleep(RESPITE).await;
                }
            }
        }
    }

    async fn accept(&self) -> io::Result<(Guest, Peer)> {
        Ok(match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                (Guest::Tcp(stream), Some(peer))
            }
            #[cfg(feature = "rustls-0_23")]
            Kind::Tls(listener, acceptor) => {
                let (stream, peer) = listener.accept().await?;
                (Guest::Tls(stream, acceptor.clone()), Some(peer))
            }
            #[cfg(unix)]
            Kind::Unix(_, listener) => (Guest::Unix(listener.accept().await?.0), None),
        })
    }
}

fn is_about_the_guest(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

impl Guest {
    /// The stream over which HTTP is spoken.
    pub(super) async fn greeted(self) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(stream) => {
                stream.set_nodelay(true)?;
                Stream::Tcp(stream)
            }
            #[cfg(feature = "rustls-0_23")]
            Self::Tls(stream, acceptor) => {
                stream.set_nodelay(true)?;
                Stream::Tls(Box::new(acceptor.accept(stream).await?))
            }
            #[cfg(unix)]
            Self::Unix(stream) => Stream::Unix(stream),
        })
    }
}
