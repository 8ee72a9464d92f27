//! HAProxy as a program that tests start, and what it thinks of its servers.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::servers::{Process, Scratch, eventually, installed};

/// A running HAProxy; it ends with this value.
pub struct Haproxy {
    socket: PathBuf,
    _process: Process,
    _scratch: Scratch,
}

/// What HAProxy thinks of one server, as `show stat` tells it.
pub struct Server {
    header: Vec<String>,
    row: Vec<String>,
}

impl Server {
    /// A column, by the name that the [manual](https://docs.haproxy.org/2.6/management.html#9.1) gives it.
    pub fn get(&self, column: &str) -> &str {
        let place = self.header.iter().position(|known| known == column);
        place.and_then(|place| self.row.get(place)).unwrap_or_else(|| panic!("no column {column}"))
    }

    /// `UP`, `DOWN`, `DRAIN`, `MAINT`, or on its way from one to another, as in `UP 1/3`. One that is up and gets nothing,
    /// because its weight is 0, is `UP`.
    pub fn status(&self) -> &str {
        self.get("status")
    }
}

impl Haproxy {
    /// Runs it with this configuration, in which each of `shown` occurs once and is replaced, and `/run/haproxy.sock` with
    /// a path of the test's own. `None` where it is not installed.
    pub fn start(name: &str, configuration: &str, replaced: &[(&str, String)]) -> Option<Self> {
        let program = installed("haproxy")?;
        let scratch = Scratch::new(name);
        let socket = scratch.path().join("s");
        let mut configuration = configuration.to_owned();
        let own = [("/run/haproxy.sock mode", format!("{} mode", socket.display()))];
        for (shown, real) in own.iter().chain(replaced) {
            assert_eq!(configuration.matches(shown).count(), 1, "{shown}");
            configuration = configuration.replace(shown, real);
        }
        let file = scratch.path().join("haproxy.cfg");
        fs::write(&file, configuration).expect("a file");
        let checked = Command::new(&program).arg("-c").arg("-f").arg(&file).output().expect("it runs");
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success() && !said.contains("[WARNING]"), "{said}");
        let process = Process::start(Command::new(&program).args(["-db", "-q", "-f"]).arg(&file));
        Some(Self { socket, _process: process, _scratch: scratch })
    }

    /// What it answers to a [command](https://docs.haproxy.org/2.6/management.html#9.3); `None` while it does not answer.
    pub async fn try_command(&self, command: &str) -> Option<String> {
        let mut stream = UnixStream::connect(&self.socket).await.ok()?;
        stream.write_all(format!("{command}\n").as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }

    /// Gives a command to which there is nothing to answer.
    pub async fn command(&self, command: &str) {
        assert_eq!(self.try_command(command).await.as_deref().map(str::trim), Some(""), "{command}");
    }

    /// What it thinks of a server; `None` while it does not answer.
    pub async fn server(&self, backend: &str, server: &str) -> Option<Server> {
        let table = self.try_command("show stat").await?;
        let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
        let mut rows = table.trim_start_matches("# ").lines().map(cells);
        let header = rows.next()?;
        let row = rows.find(|row| matches!(&row[..], [of, name, ..] if of == backend && name == server))?;
        Some(Server { header, row })
    }

    /// Waits until a server is what it has to be.
    pub async fn eventually(&self, what: &str, backend: &str, server: &str, is_so: impl Fn(&Server) -> bool) {
        eventually(what, async || self.server(backend, server).await.is_some_and(|server| is_so(&server)))
            .await;
    }
}

/// An address of this machine on which nothing listens.
pub fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], crate::servers::free_port()))
}
