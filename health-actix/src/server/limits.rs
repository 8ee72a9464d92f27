//! How much a client may take.

use std::io;
use std::time::Duration;

use tokio::sync::Semaphore;

/// What actix-http itself reads of a head is 128 KiB; this stays clear of it, so that one rule holds.
const LARGEST_HEAD: usize = 64 * 1024;

/// The limits of every connection, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) connections: usize,
    pub(super) request: Duration,
    pub(super) answer: Duration,
    pub(super) head: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            request: Duration::from_secs(5),
            answer: Duration::from_secs(5),
            head: 16 * 1024,
        }
    }
}

impl Limits {
    /// Refuses what would let nobody in.
    pub(super) fn checked(self) -> io::Result<Self> {
        let fault = if self.connections == 0 {
            "max_connections(0) lets nobody in"
        } else if self.connections > Semaphore::MAX_PERMITS {
            "max_connections is larger than can be counted"
        } else if self.request.is_zero() {
            "request_timeout(0) leaves no time to send a request"
        } else if self.answer.is_zero() {
            "answer_timeout(0) leaves no time to take an answer"
        } else if self.head == 0 || self.head > LARGEST_HEAD {
            "max_head takes 1 to 65536 bytes"
        } else {
            return Ok(self);
        };
        Err(io::Error::new(io::ErrorKind::InvalidInput, fault))
    }
}
