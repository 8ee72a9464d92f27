//! A real NATS server of one test's own, with JetStream, and what it counts.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use health_tests::servers::{Process, Scratch, eventually, free_port, installed};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::asked::SECRET;

/// Gone, with all it stored, when this is dropped.
pub struct NatsServer {
    program: std::path::PathBuf,
    folder: Scratch,
    port: u16,
    monitor: u16,
    process: Option<Process>,
}

/// What the server has counted so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    pub messages_in: u64,
    pub messages_out: u64,
    pub subscriptions: u64,
    pub connections: u64,
}

impl NatsServer {
    /// `None`, and a line that says so, when it is not installed.
    ///
    /// `app` may do everything and has JetStream; `narrow` may publish below `orders` and subscribe to inboxes;
    /// `plain` has no JetStream.
    pub async fn start() -> Option<Self> {
        let program = installed("nats-server")?;
        let folder = Scratch::new("nats");
        let (port, monitor) = (free_port(), free_port());
        let config = format!(
            "listen: \"127.0.0.1:{port}\"\nhttp: \"127.0.0.1:{monitor}\"\n\
             jetstream {{ store_dir: \"{}\" }}\n\
             accounts {{\n\
               APP {{ jetstream: enabled, users: [\n\
                 {{ user: app, password: \"{SECRET}\" }}\n\
                 {{ user: narrow, password: \"{SECRET}\", permissions: \
                    {{ publish: [\"orders.>\"], subscribe: [\"_INBOX.>\"] }} }}\n\
               ] }}\n\
               PLAIN {{ users: [ {{ user: plain, password: \"{SECRET}\" }} ] }}\n\
             }}\n",
            folder.path().join("jetstream").display(),
        );
        fs::write(folder.path().join("nats.conf"), config).expect("its configuration");
        let mut this = Self { program, folder, port, monitor, process: None };
        this.restart().await;
        Some(this)
    }

    pub async fn restart(&mut self) {
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(self.folder.path().join("nats.conf")).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(Process::start(&mut command));
        let monitor = (std::net::Ipv4Addr::LOCALHOST, self.monitor);
        eventually("NATS accepts clients", async || {
            TcpStream::connect(self.address()).await.is_ok() && TcpStream::connect(monitor).await.is_ok()
        })
        .await;
    }

    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Connections stay open, nobody answers.
    pub fn suspend(&self) {
        self.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = self.process.as_ref().and_then(|process| Pid::from_raw(process.0.id().cast_signed()));
        kill_process(id.expect("it runs"), signal).expect("it is ours");
    }

    pub async fn counted(&self) -> Counted {
        let server = self.monitored("varz").await;
        let number = |name: &str| server[name].as_u64().expect("a number");
        Counted {
            messages_in: number("in_msgs"),
            messages_out: number("out_msgs"),
            subscriptions: number("subscriptions"),
            connections: number("connections"),
        }
    }

    async fn monitored(&self, path: &str) -> serde_json::Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.monitor)).await.expect("it monitors itself");
        stream.write_all(format!("GET /{path} HTTP/1.0\r\n\r\n").as_bytes()).await.expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        serde_json::from_str(body).expect("JSON")
    }
}

/// How these tests connect: at once, again and again.
pub fn options(user: &str) -> ConnectOptions {
    ConnectOptions::with_user_and_password(user.to_owned(), SECRET.to_owned())
        .reconnect_delay_callback(|_| Duration::from_millis(20))
}

pub async fn connected(user: &str, address: SocketAddr) -> Client {
    options(user).connect(address.to_string()).await.expect("it accepts this client")
}
