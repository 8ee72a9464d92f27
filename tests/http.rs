//! HTTP over real sockets, byte for byte.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a test waits for bytes that must come, so that it fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(20);

/// A real server on a free port of this machine, stopped when this is dropped.
pub struct Served {
    pub address: SocketAddr,
    handle: actix_web::dev::ServerHandle,
}

/// Serves what `configure` puts into an application, with this many workers, on the current runtime.
pub fn serve(workers: usize, configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> Served {
    let server = HttpServer::new(move || App::new().configure(&configure))
        .workers(workers)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .expect("a free port");
    let address = *server.addrs().first().expect("it is bound");
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    Served { address, handle }
}

impl Drop for Served {
    fn drop(&mut self) {
        // The command is sent at once; nobody waits for its end.
        drop(self.handle.stop(false));
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub code: u16,
    /// Names in lower case, without the date, sorted.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

/// One connection.
pub struct Wire(BufReader<TcpStream>);

impl Wire {
    pub async fn to(address: SocketAddr) -> Self {
        let stream =
            timeout(PATIENCE, TcpStream::connect(address)).await.expect("in time").expect("it listens");
        Self(BufReader::new(stream))
    }

    /// A connection that was made in a way of its own.
    pub fn over(stream: TcpStream) -> Self {
        Self(BufReader::new(stream))
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).await.expect("it reads");
    }

    /// Sends these bytes, and that nothing follows. The other side may have hung up before it has read them all.
    pub async fn send_all(&mut self, bytes: impl AsRef<[u8]>) {
        drop(self.0.get_mut().write_all(bytes.as_ref()).await);
        drop(self.0.get_mut().shutdown().await);
    }

    /// Sends these bytes, unless the other side has not read what was sent before for a good while.
    pub async fn send_if_it_reads(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let sent = timeout(Duration::from_millis(50), self.0.get_mut().write_all(bytes.as_ref())).await;
        sent.is_ok_and(|sent| sent.is_ok())
    }

    /// As many bytes of what comes.
    pub async fn some(&mut self, bytes: usize) {
        let mut some = vec![0; bytes];
        timeout(PATIENCE, self.0.read_exact(&mut some)).await.expect("in time").expect("so many");
    }

    /// The next answer, with as much of a body as it announces.
    pub async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        let mut body = vec![0; length];
        timeout(PATIENCE, self.0.read_exact(&mut body)).await.expect("a body in time").expect("a whole body");
        answer.body = String::from_utf8(body).expect("text");
        answer
    }

    /// The next answer, without a body whatever it announces.
    pub async fn head(&mut self) -> Answer {
        let status = self.line().await;
        let code = status.strip_prefix("HTTP/1.1 ").or_else(|| status.strip_prefix("HTTP/1.0 "));
        let code = code.and_then(|code| code.split(' ').next()?.parse().ok());
        let code = code.unwrap_or_else(|| panic!("no status line: {status:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            if !name.eq_ignore_ascii_case("date") {
                headers.push((name.to_ascii_lowercase(), value.trim_start().to_owned()));
            }
        }
        headers.sort();
        Answer { code, headers, body: String::new() }
    }

    /// The next part of an answer that comes in chunks; `None` after the last one.
    pub async fn chunk(&mut self) -> Option<String> {
        let size = self.line().await;
        let size = usize::from_str_radix(&size, 16).unwrap_or_else(|_| panic!("no size: {size:?}"));
        let mut chunk = vec![0; size + 2];
        timeout(PATIENCE, self.0.read_exact(&mut chunk))
            .await
            .expect("a chunk in time")
            .expect("a whole chunk");
        assert!(chunk.ends_with(b"\r\n"), "{chunk:?}");
        chunk.truncate(size);
        Some(String::from_utf8(chunk).expect("text")).filter(|chunk| !chunk.is_empty())
    }

    /// Everything up to these bytes, with them.
    pub async fn until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let byte = timeout(PATIENCE, self.0.read_u8()).await.expect("more in time").expect("more");
            text.push(byte);
        }
        String::from_utf8(text).expect("text")
    }

    /// Everything until the other side closes.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        timeout(PATIENCE, self.0.read_to_end(&mut rest))
            .await
            .expect("closed in time")
            .expect("closed cleanly");
        rest
    }

    /// Everything until the other side closes, however it does.
    pub async fn whatever_comes(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        drop(timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.expect("closed in time"));
        rest
    }

    /// Hangs up at once, as a poller that is killed does.
    pub fn reset(self) {
        self.0.get_ref().set_zero_linger().expect("a socket");
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(PATIENCE, self.0.read_line(&mut line)).await.expect("a line in time").expect("a line");
        line.trim_end().to_owned()
    }
}

/// Sends these bytes on a new connection and reads one answer.
pub async fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let mut wire = Wire::to(address).await;
    wire.send(request).await;
    wire.answer().await
}

/// Asks for this path as most pollers do.
pub async fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await
}
