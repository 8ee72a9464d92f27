//! The program `leaves_when_told` while it leaves.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::http::get;
use crate::servers::{Process, eventually};

/// The program, and what it has said.
pub struct Leaving {
    pub process: Process,
    pub address: SocketAddr,
    orders: ChildStdin,
    said: Arc<Mutex<Vec<String>>>,
    logged: Arc<Mutex<Vec<String>>>,
}

fn collect(from: impl std::io::Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::<Mutex<Vec<String>>>::default();
    let into = Arc::clone(&lines);
    thread::spawn(move || {
        BufReader::new(from).lines().map_while(Result::ok).for_each(|line| into.lock().unwrap().push(line));
    });
    lines
}

impl Leaving {
    /// Starts the program and waits until it listens.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub async fn start(program: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::start(command.envs(variables.iter().copied()));
        let orders = process.0.stdin.take().unwrap();
        let (said, logged) =
            (collect(process.0.stdout.take().unwrap()), collect(process.0.stderr.take().unwrap()));
        let address = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut leaving = Self { process, address, orders, said, logged };
        leaving.address = leaving.told("listening on ").await;
        leaving
    }

    /// The address that it says after this.
    pub async fn told(&self, what: &str) -> SocketAddr {
        self.says(what).await;
        self.said().iter().find_map(|line| line.strip_prefix(what)?.parse().ok()).expect("an address")
    }

    pub fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    pub async fn says(&self, what: &str) {
        eventually(what, async || self.said().iter().any(|line| line.starts_with(what))).await;
    }

    /// What it has logged.
    pub fn logged(&self) -> String {
        self.logged.lock().unwrap().join("\n")
    }

    pub fn warnings(&self, what: &str) -> usize {
        self.logged.lock().unwrap().iter().filter(|line| line.contains("WARN") && line.contains(what)).count()
    }

    pub fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.0.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    pub async fn is_ready(&self) {
        eventually("it is ready", async || get(self.address, "/health/ready").await.code == 200).await;
    }

    pub async fn lets_nobody_in(&self) {
        eventually("its port is closed", async || TcpStream::connect(self.address).is_err()).await;
    }

    /// Its exit code, when it has ended by itself.
    pub async fn ends(&mut self) -> i32 {
        let mut status = None;
        eventually("it ends", async || {
            status = self.process.0.try_wait().unwrap();
            status.is_some()
        })
        .await;
        let status = status.unwrap();
        status.code().unwrap_or_else(|| panic!("it was killed by {:?}", status.signal()))
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("it has said {:?} and logged\n{}", self.said(), self.logged());
        }
    }
}
