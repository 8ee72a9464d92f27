//! HAProxy in front of the instances, as impatient as it can be.

use std::collections::HashMap;
use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::sleep;

use crate::instance::Instance;
use crate::way::Way;

/// How long to wait for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// What HAProxy thinks of one server.
pub(crate) struct Server {
    /// `UP`, `DOWN`, `NOLB`, `DRAIN`, or on its way to another, as in `UP 1/3`.
    status: String,
    weight: u32,
    /// Connections that were opened to it, and requests that needed none.
    pub(crate) opened: u64,
    pub(crate) reused: u64,
}

impl Server {
    fn is_in(&self) -> bool {
        self.status == "UP" && self.weight > 0
    }

    fn is_out(&self) -> bool {
        ["DOWN", "NOLB", "DRAIN"].iter().any(|out| self.status.starts_with(out)) || self.weight == 0
    }
}

pub(crate) struct Balancer {
    socket: PathBuf,
    /// What it says about itself.
    errors: PathBuf,
    /// What it says about requests that did not go well, by their number.
    complaints: Arc<Mutex<HashMap<u64, String>>>,
    process: Child,
}

impl Balancer {
    pub(crate) fn start(
        program: &Path,
        folder: &Path,
        way: Way,
        front: SocketAddr,
        instances: &[Instance],
    ) -> io::Result<Self> {
        let (socket, errors) = (folder.join("haproxy.sock"), folder.join("haproxy.err"));
        let file = folder.join("haproxy.cfg");
        fs::write(&file, configuration(&socket, way, front, instances))?;
        let mut process = Command::new(program)
            .args(["-db", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors)?)
            .kill_on_drop(true)
            .spawn()?;
        let complaints = Arc::default();
        if let Some(log) = process.stdout.take() {
            tokio::spawn(read_log(log, Arc::clone(&complaints)));
        }
        Ok(Self { socket, errors, complaints, process })
    }

    /// What it says about this request, unless that it went well.
    pub(crate) fn complaint_about(&self, request: u64) -> Option<String> {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner).get(&request).cloned()
    }

    /// Waits until it sends requests to this instance.
    pub(crate) async fn has_in(&self, name: &str) -> Result<(), Box<dyn Error>> {
        self.sees(name, Server::is_in).await.map(drop)
    }

    /// Waits until it sends no requests to this instance, and says what it calls that.
    pub(crate) async fn has_out(&self, name: &str) -> Result<String, Box<dyn Error>> {
        let server = self.sees(name, Server::is_out).await?;
        if server.weight == 0 {
            return Ok("weight 0".to_owned());
        }
        Ok(server.status.split(' ').next().unwrap_or_default().to_owned())
    }

    /// Ends it, so that its port is free.
    pub(crate) async fn end(mut self) -> io::Result<()> {
        self.process.kill().await
    }

    async fn sees(&self, name: &str, is_so: fn(&Server) -> bool) -> Result<Server, Box<dyn Error>> {
        let until = Instant::now() + PATIENCE;
        loop {
            let seen = match self.server(name).await {
                Ok(server) if is_so(&server) => return Ok(server),
                Ok(server) => server.status,
                Err(error) => error.to_string(),
            };
            if Instant::now() > until {
                let errors = fs::read_to_string(&self.errors)?;
                return Err(format!("after {PATIENCE:?} HAProxy has `{name}` at `{seen}`\n{errors}").into());
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn server(&self, name: &str) -> io::Result<Server> {
        let mut stream = UnixStream::connect(&self.socket).await?;
        stream.write_all(b"show stat\n").await?;
        let mut table = String::new();
        stream.read_to_string(&mut table).await?;
        let mut rows = table.trim_start_matches("# ").lines().map(|line| line.split(',').collect::<Vec<_>>());
        let header = rows.next().unwrap_or_default();
        let column = |row: &[&str], column| {
            let at = header.iter().position(|known| *known == column);
            at.and_then(|at| row.get(at).copied()).unwrap_or_default().to_owned()
        };
        let row = rows.find(|row| column(row, "svname") == name);
        let row = row.ok_or_else(|| io::Error::other("HAProxy does not list it"))?;
        let number = |name| column(&row, name).parse::<u64>().unwrap_or_default();
        Ok(Server {
            status: column(&row, "status"),
            weight: column(&row, "weight").parse().unwrap_or_default(),
            opened: number("connect"),
            reused: number("reuse"),
        })
    }
}

fn configuration(socket: &Path, way: Way, front: SocketAddr, instances: &[Instance]) -> String {
    let socket = socket.display();
    let backend = way.backend();
    let mut text = format!(
        "global
  stats socket {socket} mode 600 level admin
  log stdout format raw local0

defaults
  mode http
  log global
  log-format \"%HU %HM server=%s code=%ST flags=%ts connect=%Tc answer=%Tr all=%Ta\"
  timeout connect 1s
  timeout check 1s
  timeout client 60s
  timeout server 10s
  # Nothing is tried twice, here or elsewhere.
  retries 0
  no option redispatch
  http-reuse always

frontend web
  bind {front}
  default_backend app

backend app
  balance roundrobin
  {backend}
"
    );
    for instance in instances {
        let Instance { name, address, agent, .. } = instance;
        text += &format!("  server {name} {address} {}\n", way.server(*agent));
    }
    text
}

/// Keeps what HAProxy says about requests that it did not pass on and back without trouble. It says nothing about one that
/// it gave up because a connection that it reused broke: it closes that of the client without an answer then.
async fn read_log(log: ChildStdout, complaints: Arc<Mutex<HashMap<u64, String>>>) {
    let mut lines = BufReader::new(log).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let number = line.split_once("request=").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        let went_well = line.contains(" code=200 ") && line.contains(" flags=-- ");
        if let Some(number) = number.filter(|_| !went_well) {
            complaints.lock().unwrap_or_else(PoisonError::into_inner).insert(number, line);
        }
    }
}
