//! A real nginx of one test's own: started, killed, suspended and started again. It counts what it is asked.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use health_tests::servers::{Process, Scratch, eventually, free_port, installed};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;

use crate::asked::SECRET;

/// A server in a folder of its own, gone when this is dropped.
pub struct Nginx {
    program: PathBuf,
    folder: Scratch,
    port: u16,
    server: Option<Process>,
}

impl Nginx {
    /// `None`, and a line that says so, when nginx is not installed; a panic when `HEALTH_REQUIRE_SERVERS=1` says that it
    /// must be.
    pub async fn start() -> Option<Self> {
        let program = installed("nginx")?;
        let mut this = Self { program, folder: Scratch::new("nginx"), port: free_port(), server: None };
        let folder = this.folder.path().display();
        fs::write(this.folder.path().join("big"), vec![b'x'; 200_000]).expect("a file");
        let configuration = format!(
            r#"
            daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;
            events {{}}
            http {{
                access_log {folder}/requests;
                client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
                uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
                keepalive_requests 1000000;
                server {{
                    listen 127.0.0.1:{port};
                    root {folder};
                    location /ok {{ return 200 "all is well"; }}
                    location /busy {{ return 503 "{SECRET}"; }}
                    location /moved {{ return 302 /ok; }}
                    location /loop {{ return 302 /loop?{SECRET}; }}
                    location /guarded {{
                        if ($http_authorization != "Bearer {SECRET}") {{ return 401 "{SECRET}"; }}
                        return 200 "welcome";
                    }}
                }}
            }}"#,
            port = this.port,
        );
        fs::write(this.folder.path().join("nginx.conf"), configuration).expect("a file");
        this.restart().await;
        Some(this)
    }

    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// What `path` is called in full.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Starts it on the same port, and waits until it accepts connections.
    pub async fn restart(&mut self) {
        let mut command = Command::new(&self.program);
        command.arg("-e").arg(self.folder.path().join("errors"));
        command.arg("-p").arg(self.folder.path()).arg("-c").arg(self.folder.path().join("nginx.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.server = Some(Process::start(&mut command));
        let address = self.address();
        eventually("nginx accepts connections", async || TcpStream::connect(address).await.is_ok()).await;
    }

    /// Ends it at once, as a machine that loses power does.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Suspends it: connections stay open, nobody answers.
    pub fn suspend(&self) {
        self.signal(Signal::STOP);
    }

    /// Takes [`suspend`](Self::suspend) back.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = self.server.as_ref().and_then(|server| i32::try_from(server.0.id()).ok());
        kill_process(id.and_then(Pid::from_raw).expect("it runs"), signal).expect("it can be signalled");
    }

    /// How many requests it has answered so far.
    pub fn requests(&self) -> usize {
        fs::read_to_string(self.folder.path().join("requests")).expect("a log").lines().count()
    }
}
