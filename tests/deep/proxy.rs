//! A way to a server that can be broken: slow, silent, cut, or one byte a second.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What is wrong with the way. It holds for connections that exist as well as for new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Everything arrives, each piece later by this much.
    Latency(Duration),
    /// Connections are accepted, and nothing arrives. As on a real way, what was sent arrives late once that is mended.
    BlackHole,
    /// The connection to the server is closed, and the client is not told. Mended, its next word is answered by a
    /// reset; new connections wait as in a black hole.
    HalfOpen,
    /// Connections are cut off, as soon as they are accepted.
    Reset,
    /// Everything from the server arrives, one byte a second. What the client says arrives at once.
    Trickle,
}

/// Listens on a port of its own for as long as it lives, and passes on what it may, ends and resets among it. When
/// nobody listens at the server, a connection is accepted and closed.
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
        let counting = Arc::clone(&counts);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (counted, mut fault) = (Counted::among(&counting), watched.clone());
                tokio::spawn(async move {
                    // Whoever asked for the fault sees it; what it does to this connection is nobody's error.
                    let _ = pass_on(client, server, &mut fault, counted).await;
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

    /// How many of them their clients have not ended. What ends in a black hole is counted until that is mended.
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
    counted: Counted,
) -> io::Result<()> {
    while matches!(*fault.borrow_and_update(), Fault::BlackHole | Fault::HalfOpen) {
        changed(fault).await?;
    }
    if *fault.borrow() == Fault::Reset {
        return reset(client);
    }
    let mut upstream = match TcpStream::connect(server).await {
        Ok(upstream) => upstream,
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return reset(client),
        Err(error) => return Err(error),
    };
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    let (mut there, mut back) = (Direction::default(), Direction::default());
    there.counted = Some(counted);
    loop {
        let now = *fault.borrow_and_update();
        match now {
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
            Fault::Reset => break,
            Fault::None | Fault::Latency(_) | Fault::Trickle => {}
        }
        let later = if let Fault::Latency(later) = now { later } else { Duration::ZERO };
        let there_at = Pace::At(later);
        let back_at = if now == Fault::Trickle { Pace::ByteASecond } else { there_at };
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = upstream.split();
        // What has been read and not yet written stays in its direction when the fault changes.
        tokio::select! {
            changed = changed(fault) => changed?,
            ended = async {
                tokio::try_join!(
                    there.carry(from_client, to_server, there_at),
                    back.carry(from_server, to_client, back_at),
                )
            } => match ended {
                Ok(_) => return Ok(()),
                // One side cut it off, so the other one is told the same.
                Err(_) => break,
            },
        }
    }
    reset(upstream)?;
    reset(client)
}

/// How fast a direction is.
#[derive(Clone, Copy)]
enum Pace {
    /// Each piece later by this much.
    At(Duration),
    ByteASecond,
}

/// What is under way from one side to the other.
#[derive(Default)]
struct Direction {
    piece: Vec<u8>,
    ended: bool,
    /// Gone when nothing more comes from here.
    counted: Option<Counted>,
}

impl Direction {
    /// Returns when the one side has ended and the other one has been told. Dropped, it has lost nothing.
    async fn carry(&mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, pace: Pace) -> io::Result<()> {
        let (later, at_once) = match pace {
            Pace::At(later) => (later, usize::MAX),
            Pace::ByteASecond => (Duration::from_secs(1), 1),
        };
        while !self.ended {
            if self.piece.is_empty() {
                self.piece.reserve(16 * 1024);
                if from.read_buf(&mut self.piece).await? == 0 {
                    self.counted = None;
                    self.ended = true;
                    to.shutdown().await?;
                    break;
                }
            }
            tokio::time::sleep(later).await;
            while !self.piece.is_empty() {
                let written = to.write(&self.piece[..at_once.min(self.piece.len())]).await?;
                self.piece.drain(..written);
                if at_once == 1 {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// A connection of a client, for as long as that has not ended it.
struct Counted(Arc<Counts>);

impl Counted {
    fn among(counts: &Arc<Counts>) -> Self {
        counts.accepted.fetch_add(1, Ordering::SeqCst);
        counts.open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(counts))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
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
