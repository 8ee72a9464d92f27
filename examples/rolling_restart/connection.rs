//! One HTTP/1.1 connection that hides nothing: it never tries again, and each way to fail has its words.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take, after which it counts as none.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    NotConnected(io::ErrorKind),
    NotSent(io::ErrorKind),
    /// The connection was closed, or reset, in place of an answer.
    NoAnswer(io::ErrorKind),
    /// The connection ended within an answer.
    Truncated(io::ErrorKind),
    /// What came is no answer that this client understands.
    Strange(String),
    TooLate,
    Refused(u16),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected(kind) => write!(f, "no connection: {kind}"),
            Self::NotSent(kind) => write!(f, "not sent: {kind}"),
            Self::NoAnswer(kind) => write!(f, "no answer: {kind}"),
            Self::Truncated(kind) => write!(f, "half an answer: {kind}"),
            Self::Strange(what) => write!(f, "not understood: {what:?}"),
            Self::TooLate => write!(f, "no answer within {PATIENCE:?}"),
            Self::Refused(code) => write!(f, "answered with {code}"),
        }
    }
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) code: u16,
    /// The other side has said that it closes the connection.
    pub(crate) is_last: bool,
}

pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) async fn to(address: SocketAddr) -> Result<Self, Failure> {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await.map_err(|_| Failure::TooLate)?;
        let stream = stream.map_err(|error| Failure::NotConnected(error.kind()))?;
        stream.set_nodelay(true).map_err(|error| Failure::NotConnected(error.kind()))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// The other side has closed it cleanly while nothing was asked, as it may.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.0.get_ref().try_read(&mut [0]), Ok(0))
    }

    /// Sends these bytes and reads the answer to its last byte.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<Answer, Failure> {
        timeout(PATIENCE, async {
            let sent = self.0.get_mut().write_all(request).await;
            sent.map_err(|error| Failure::NotSent(error.kind()))?;
            self.answer().await
        })
        .await
        .unwrap_or(Err(Failure::TooLate))
    }

    async fn answer(&mut self) -> Result<Answer, Failure> {
        let status = self.line(Failure::NoAnswer).await?;
        let code = status.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let code = code.ok_or(Failure::Strange(status))?;
        let (mut length, mut is_last) = (None, false);
        loop {
            let line = self.line(Failure::Truncated).await?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().ok();
            } else if name.eq_ignore_ascii_case("connection") {
                is_last = value.eq_ignore_ascii_case("close");
            }
        }
        // Both routes that are asked say how long their answers are, and so does HAProxy.
        let length = length.ok_or_else(|| Failure::Strange("an answer without a length".to_owned()))?;
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.map_err(|error| Failure::Truncated(error.kind()))?;
        Ok(Answer { code, is_last })
    }

    async fn line(&mut self, failure: fn(io::ErrorKind) -> Failure) -> Result<String, Failure> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).await;
        read.map_err(|error| failure(error.kind()))?;
        match line.strip_suffix("\r\n") {
            Some(line) => Ok(line.to_owned()),
            None if line.is_empty() => Err(failure(io::ErrorKind::UnexpectedEof)),
            None => Err(Failure::Truncated(io::ErrorKind::UnexpectedEof)),
        }
    }
}
