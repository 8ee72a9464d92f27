//! A receiver of what systemd is told, with its rules: `READY=1` once, and a watchdog that bites when nothing feeds it.

use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use health_tests::servers::Scratch;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use crate::reader::{Reader, Seen};

const SOCKET: &str = "NOTIFY_SOCKET";
const WATCHDOG: Duration = Duration::from_secs(4);
const LONGEST: usize = 8192;

pub struct Systemd {
    socket: UnixDatagram,
    is_ready: bool,
}

/// Runs the test of this name again, in a process that systemd might have started; `false` in that process.
pub fn starts(test: &str) -> bool {
    if std::env::var_os(SOCKET).is_some() {
        return false;
    }
    let scratch = Scratch::new("systemd");
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", test, "--nocapture"]);
    command.env(SOCKET, scratch.path().join("s")).env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
    let ended = command.status().expect("it starts");
    assert!(ended.success(), "in a process of its own: {ended}");
    true
}

impl Systemd {
    /// Listens where this process has been told.
    pub fn listen() -> Self {
        let path: OsString = std::env::var_os(SOCKET).expect("systemd has started this");
        Self { socket: UnixDatagram::bind(path).expect("a socket"), is_ready: false }
    }

    /// Hears one message; whether it feeds the watchdog.
    fn hears(&mut self, message: &[u8]) -> bool {
        let message = String::from_utf8_lossy(message);
        self.is_ready |= message.lines().any(|line| line == "READY=1");
        message.lines().any(|line| line == "WATCHDOG=1")
    }

    /// Hears what was said while nobody looked.
    fn catches_up(&mut self) {
        let mut message = vec![0; LONGEST];
        while let Ok(bytes) = self.socket.try_recv(&mut message) {
            self.hears(&message[..bytes]);
        }
    }

    /// Whether its watchdog is fed before it bites.
    async fn is_fed(&mut self) -> bool {
        let feeding = async {
            let mut message = vec![0; LONGEST];
            loop {
                let bytes = self.socket.recv(&mut message).await.expect("a message");
                if self.hears(&message[..bytes]) {
                    return;
                }
            }
        };
        timeout(WATCHDOG, feeding).await.is_ok()
    }
}

impl Reader for Systemd {
    fn name(&self) -> &'static str {
        "systemd"
    }

    fn look(&mut self) -> LocalBoxFuture<'_, Seen> {
        async {
            self.catches_up();
            let mut is_fed = self.is_fed().await;
            if !self.is_ready && is_fed {
                // What fed it may have been said before the rest.
                is_fed = self.is_fed().await;
            }
            let word = if self.is_ready { "active" } else { "activating" };
            let words = if is_fed { word.to_owned() } else { format!("{word}, restarts it") };
            Seen { words, traffic: None, restart: Some(!is_fed) }
        }
        .boxed_local()
    }
}
