//! A TCP connection to `host:port`, or in words why there is none.

mod lookup;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use health_core::Failure;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Fault;

/// How long an address is tried alone before the next one is tried beside it: the "Connection Attempt Delay" of
/// RFC 8305, section 5.
const ALONE: Duration = Duration::from_millis(250);

/// Where to connect to.
#[derive(Clone)]
pub(crate) struct Address(Option<(String, u16)>);

impl Address {
    /// What is no `host:port` is told whenever it is used.
    pub(crate) fn written(address: &str) -> Self {
        Self(parsed(address))
    }

    /// Name or number, without brackets.
    #[cfg(feature = "tls")]
    pub(crate) fn host(&self) -> Option<&str> {
        self.0.as_ref().map(|(host, _)| host.as_str())
    }

    /// The first connection that any address of the name gives. Dropped, it gives up all attempts, except that the
    /// operating system ends a lookup of the name in its own time.
    pub(crate) async fn connect(&self) -> Result<TcpStream, Failure> {
        let Some((host, port)) = &self.0 else {
            // It may be a URL with a password in it.
            return Err(Failure::new("the address is not `host:port`"));
        };
        first_of(lookup::addresses(host, *port).await?.into_iter()).await
    }
}

async fn first_of(mut addresses: impl Iterator<Item = SocketAddr>) -> Result<TcpStream, Failure> {
    let mut attempts = FuturesUnordered::new();
    let mut failed = None;
    loop {
        match (addresses.next(), failed) {
            (Some(address), _) => attempts.push(TcpStream::connect(address)),
            (None, Some(error)) if attempts.is_empty() => return Err(why(error)),
            (None, None) if attempts.is_empty() => {
                return Err(Fault::Unresolved.because("the name has no address"));
            }
            (None, _) => {}
        }
        failed = match timeout(ALONE, attempts.next()).await {
            Ok(Some(Ok(connection))) => return Ok(connection),
            Ok(Some(Err(error))) => Some(error),
            Ok(None) | Err(_) => None,
        };
    }
}

/// `EMFILE` and `ENFILE` of every Unix.
const NO_DESCRIPTOR: [i32; 2] = [24, 23];

/// What went wrong with a connection.
pub(crate) fn why(error: io::Error) -> Failure {
    match Fault::of_io(&error) {
        Some(fault) => fault.because(error),
        None if cfg!(unix) && error.raw_os_error().is_some_and(|code| NO_DESCRIPTOR.contains(&code)) => {
            Failure::new("cannot connect: no file descriptor is left").because(error)
        }
        None => error.into(),
    }
}

fn parsed(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(number) => number.parse::<std::net::Ipv6Addr>().ok()?.to_string(),
        None if host.is_empty() || host.contains([':', '/', '@', '[', ']', ' ']) => return None,
        None => host.to_owned(),
    };
    Some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let of = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(parsed("db.example:5432"), of("db.example", 5432));
        assert_eq!(parsed("127.0.0.1:1"), of("127.0.0.1", 1));
        assert_eq!(parsed("[::1]:443"), of("::1", 443));
        let none = [
            "",
            ":",
            ":80",
            "db.example",
            "db.example:",
            "db.example:0",
            "db.example:65536",
            "db.example:http",
            "::1:443",
            "[::1]",
            "[db.example]:443",
            "https://db.example:443",
            "app:hunter2@db.example:443",
            "a b:1",
        ];
        for address in none {
            assert_eq!(parsed(address), None, "{address}");
        }
    }

    #[tokio::test]
    async fn an_address_that_is_silent_or_refuses_does_not_hide_the_next_one() {
        use tokio::net::{TcpListener, TcpSocket};

        let silent = TcpSocket::new_v4().expect("a socket");
        silent.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let silent = silent.listen(1).expect("it listens");
        let to_silent = silent.local_addr().expect("it is bound");
        let mut waiting = Vec::new();
        while let Ok(Ok(connection)) =
            timeout(Duration::from_millis(200), TcpStream::connect(to_silent)).await
        {
            waiting.push(connection);
        }
        let free = || async { TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port") };
        let (listening, gone) = (free().await, free().await);
        let [to_listening, to_gone] = [&listening, &gone].map(|one| one.local_addr().expect("it is bound"));
        drop(gone);

        let found = timeout(ALONE * 20, first_of([to_silent, to_gone, to_listening].into_iter())).await;
        let found = found.expect("in time").expect("the last one");
        assert_eq!(found.peer_addr().ok(), Some(to_listening));
        let refused = first_of([to_gone, to_gone].into_iter()).await.expect_err("nobody listens");
        assert_eq!(refused.summary(), Some("cannot connect: connection refused"));
        let none = first_of([].into_iter()).await.expect_err("there is none");
        assert_eq!(none.summary(), Some("cannot connect: the name does not resolve"));
    }
}
