//! Where messages leave: a socket that is never waited for.

use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::thread;

use crate::redact;

/// One datagram for each message. Whoever reads them may be slow, away or gone: that is said once.
pub(super) struct Outlet {
    socket: UnixDatagram,
    to: SocketAddr,
    has_failed: bool,
}

impl Outlet {
    /// # Errors
    ///
    /// When the system refuses a socket.
    pub(super) fn to(to: SocketAddr) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, to, has_failed: false })
    }

    /// Whether it was taken.
    pub(super) fn send(&mut self, message: &str) -> bool {
        let sent = self.socket.send_to_addr(message.as_bytes(), &self.to);
        if let Some(error) = sent.as_ref().err().filter(|_| !std::mem::replace(&mut self.has_failed, true)) {
            let error = redact::cause(error);
            say(move || {
                tracing::warn!(
                    target: "health", error,
                    "systemd does not take what it is told; it is tried again, and not logged again",
                );
            });
        }
        sent.is_ok()
    }
}

/// Logs on a thread of its own: what logs is foreign code that may block, and whoever keeps time does not wait for it.
pub(super) fn say(line: impl FnOnce() + Send + 'static) {
    // Without a thread it is left unsaid.
    drop(thread::Builder::new().name("health-log".into()).spawn(line));
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// A name of no file, for this test alone.
    fn name(of: &str) -> SocketAddr {
        use std::os::linux::net::SocketAddrExt;
        SocketAddr::from_abstract_name(format!("health-outlet-{of}-{}", std::process::id())).unwrap()
    }

    #[test]
    fn a_reader_that_does_not_read_is_not_waited_for() {
        let address = name("full");
        let reader = UnixDatagram::bind_addr(&address).unwrap();
        let mut outlet = Outlet::to(address).unwrap();
        // The queue of the system is far shorter; one that waits would hang here.
        let taken = (0..100_000).take_while(|_| outlet.send("WATCHDOG=1")).count();
        assert!(taken < 100_000 && outlet.has_failed);
        let mut message = [0; 32];
        for _ in 0..taken {
            assert_eq!(reader.recv(&mut message).unwrap(), 10);
        }
        assert!(outlet.send("READY=1"), "there is room again");
    }

    #[test]
    fn a_reader_that_is_gone_and_one_in_its_place() {
        let address = name("gone");
        let mut outlet = Outlet::to(address.clone()).unwrap();
        assert!(!outlet.send("WATCHDOG=1"));
        for _ in 0..2 {
            let reader = UnixDatagram::bind_addr(&address).unwrap();
            assert!(outlet.send("WATCHDOG=1"));
            drop(reader);
            assert!(!outlet.send("WATCHDOG=1"));
        }
    }
}
