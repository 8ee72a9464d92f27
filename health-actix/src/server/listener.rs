//! One address that is listened on, from the binding to its connections.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
#[cfg(feature = "rustls-0_23")]
use std::sync::Arc;

use health_core::Exposure;
#[cfg(feature = "rustls-0_23")]
use tokio_rustls::rustls::ServerConfig;

#[cfg(unix)]
use super::socket_file::SocketFile;

/// How many may wait to be let in, unless the kernel allows less: as at an actix server. Of the 128 of the standard library
/// a fifth of a second without the CPU is too much at 600 new connections a second, and whom the kernel has no room for
/// tries again after a whole one.
#[cfg(unix)]
const BACKLOG: i32 = 1024;

/// A socket that is bound and accepts nothing yet: what connects waits in its backlog.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener, SocketAddr),
    /// Where HAProxy asks its agent; everywhere else HTTP is spoken.
    HaproxyAgent(TcpListener, SocketAddr),
    #[cfg(feature = "rustls-0_23")]
    Tls(TcpListener, SocketAddr, Arc<ServerConfig>),
    #[cfg(unix)]
    /// The file goes first.
    Unix(SocketFile, std::os::unix::net::UnixListener),
}

impl Listener {
    /// What is shown there unless somebody says otherwise: more to those who are on this machine already.
    pub(super) fn exposure(&self) -> Exposure {
        if self.is_local() { Exposure::Checks } else { Exposure::Status }
    }

    fn is_local(&self) -> bool {
        // `::ffff:127.0.0.1` is loopback too.
        self.address().is_none_or(|address| address.ip().to_canonical().is_loopback())
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(_, address) | Self::HaproxyAgent(_, address) => Some(*address),
            #[cfg(feature = "rustls-0_23")]
            Self::Tls(_, address, _) => Some(*address),
            #[cfg(unix)]
            Self::Unix(..) => None,
        }
    }

    pub(super) fn is_haproxy_agent(&self) -> bool {
        matches!(self, Self::HaproxyAgent(..))
    }

    pub(super) fn speaks_http(&self) -> bool {
        !self.is_haproxy_agent()
    }

    /// The port at which a kubelet reaches it, over HTTP.
    pub(super) fn probe_port(&self) -> Option<u16> {
        match self {
            Self::Tcp(_, address) if !self.is_local() => Some(address.port()),
            _ => None,
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(_, address) => write!(f, "http://{address}"),
            Self::HaproxyAgent(_, address) => write!(f, "haproxy-agent:{address}"),
            #[cfg(feature = "rustls-0_23")]
            Self::Tls(_, address, _) => write!(f, "https://{address}"),
            #[cfg(unix)]
            Self::Unix(file, _) => write!(f, "unix:{}", file.path().display()),
        }
    }
}

/// Listens on every address that this stands for. One that this machine does not have, as `::1` where there is no IPv6,
/// is left out if there is another.
pub(super) fn bind(addresses: impl ToSocketAddrs + fmt::Debug) -> io::Result<Vec<(TcpListener, SocketAddr)>> {
    let asked = format!("{addresses:?}");
    let mut bound = Vec::new();
    let mut absent = None;
    for address in addresses.to_socket_addrs().map_err(|error| about(&asked, &error))? {
        match listen(address) {
            Ok(listener) => bound.push(listener),
            Err(error) if is_absent(&error) => absent = Some(about(address, &error)),
            Err(error) => return Err(about(address, &error)),
        }
    }
    match absent {
        _ if !bound.is_empty() => Ok(bound),
        Some(error) => Err(error),
        None => Err(about(asked, &io::Error::new(io::ErrorKind::InvalidInput, "it stands for no address"))),
    }
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    #[cfg(unix)]
    socket2::SockRef::from(&listener).listen(BACKLOG)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Not every error that says so has a kind of its own, but those do that say something else.
fn is_absent(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

/// The same error, saying where.
pub(super) fn about(place: impl fmt::Display, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {place}: {error}"))
}
