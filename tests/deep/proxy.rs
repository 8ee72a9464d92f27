//! A way to a server that can be broken: slow, silent, cut, or one byte a second.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// What is wrong with the way. It holds for connections that exist as well as for new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Everything arrives, each piece later by this much.
    Latency(Duration),
    /// Connections are accepted, and what is sent disappears.
    BlackHole,
    /// The connection to the server is closed, and the client is not told.
    HalfOpen,
    /// Connections are cut off, as soon as they are accepted.
    Reset,
    /// Everything from the server arrives, one byte a second.
    Trickle,
}

/// Listens on a port of its own for as long as it lives, and passes on what it may.
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    counts: Arc<Counts>,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    accepted: AtomicUsize,
    open: AtomicUsize,
}

impl FaultProxy {
    /// The way to the server at this address.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (fault, watched) = watch::channel(Fault::None);
        let counts = Arc::<Counts>::default();
        let counted = Arc::clone(&counts);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counted.accepted.fetch_add(1, Ordering::SeqCst);
                counted.open.fetch_add(1, Ordering::SeqCst);
                let (counts, mut fault) = (Arc::clone(&counted), watched.clone());
                tokio::spawn(async move {
                    // Whoever asked for the fault sees it; what it does to this connection is nobody's error.
                    let _ = pass_on(client, server, &mut fault).await;
                    counts.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, fault, counts, accepting }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// How many connections have been accepted so far.
    pub fn accepted(&self) -> usize {
        self.counts.accepted.load(Ordering::SeqCst)
    }

    /// How many of them are still there.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    /// Nobody listens any more: new connections are refused, and those that exist end.
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass_on(
    mut client: TcpStream,
    server: SocketAddr,
    fault: &mut watch::Receiver<Fault>,
) -> io::Result<()> {
    while matches!(*fault.borrow_and_update(), Fault::BlackHole | Fault::HalfOpen) {
        changed(fault).await?;
    }
    if *fault.borrow() == Fault::Reset {
        return reset(client);
    }
    let mut upstream = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    let (mut there, mut back) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    loop {
        let now = *fault.borrow_and_update();
        let at_once = match now {
            Fault::BlackHole => {
                changed(fault).await?;
                continue;
            }
            Fault::HalfOpen => {
                drop(upstream);
                changed(fault).await?;
                // Whoever speaks on it now is told that nobody knows it.
                return reset(client);
            }
            Fault::Reset => {
                reset(upstream)?;
                return reset(client);
            }
            Fault::Trickle => 1,
            Fault::None | Fault::Latency(_) => back.len(),
        };
        let later = match now {
            Fault::Latency(later) => later,
            Fault::Trickle => Duration::from_secs(1),
            _ => Duration::ZERO,
        };
        let (to, bytes) = tokio::select! {
            changed = changed(fault) => {
                changed?;
                continue;
            }
            read = client.read(&mut there) => (&mut upstream, &there[..read?]),
            read = upstream.read(&mut back[..at_once]) => (&mut client, &back[..read?]),
        };
        if bytes.is_empty() {
            return Ok(());
        }
        // Sooner if the fault changes.
        let _ = timeout(later, fault.changed()).await;
        to.write_all(bytes).await?;
    }
}

/// Waits until the fault is another one, or nobody can change it any more.
async fn changed(fault: &mut watch::Receiver<Fault>) -> io::Result<()> {
    fault.changed().await.map_err(io::Error::other)
}

/// Closes the connection in a way that the other side hears of at once.
fn reset(connection: TcpStream) -> io::Result<()> {
    SockRef::from(&connection).set_linger(Some(Duration::ZERO))
}
