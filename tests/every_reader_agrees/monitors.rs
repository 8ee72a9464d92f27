//! Those who ask and tell somebody else: blackbox_exporter, curl.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use health_tests::haproxy::free_address;
use health_tests::http::Wire;
use health_tests::servers::{Process, Scratch, eventually, installed};
use tokio::net::TcpStream;

use crate::reader::{Reader, Seen};
use crate::service::Service;

struct Blackbox {
    address: SocketAddr,
    target: String,
    _process: Process,
    _scratch: Scratch,
}

pub async fn blackbox(service: &Service) -> Option<Box<dyn Reader>> {
    let program = installed("prometheus-blackbox-exporter")?;
    let (address, scratch) = (free_address(), Scratch::new("blackbox"));
    let file = scratch.path().join("blackbox.yml");
    fs::write(&file, "modules:\n  http_2xx:\n    prober: http\n").unwrap();
    let process = Process::start(
        Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stderr(Stdio::null()),
    );
    eventually("blackbox_exporter listens", async || TcpStream::connect(address).await.is_ok()).await;
    let target = ready(service);
    Some(Box::new(Blackbox { address, target, _process: process, _scratch: scratch }))
}

fn ready(service: &Service) -> String {
    format!("http://{}/health/ready", service.address())
}

impl Reader for Blackbox {
    fn name(&self) -> &'static str {
        "blackbox_exporter"
    }

    fn look(&mut self) -> LocalBoxFuture<'_, Seen> {
        async {
            let path = format!("/probe?module=http_2xx&target={}", self.target);
            let mut wire = Wire::to(self.address).await;
            wire.send(format!("GET {path} HTTP/1.0\r\n\r\n")).await;
            let answer = String::from_utf8(wire.rest().await).expect("text");
            let line = answer.lines().find(|line| line.starts_with("probe_success ")).expect("a metric");
            Seen::of_traffic(format!("`{line}`"), line.ends_with(" 1"))
        }
        .boxed_local()
    }
}

struct Curl {
    program: PathBuf,
    url: String,
}

pub fn curl(service: &Service) -> Option<Box<dyn Reader>> {
    let program = installed("curl")?;
    Some(Box::new(Curl { program, url: ready(service) }))
}

impl Reader for Curl {
    fn name(&self) -> &'static str {
        "`curl -f`"
    }

    fn look(&mut self) -> LocalBoxFuture<'_, Seen> {
        async {
            let asked = tokio::process::Command::new(&self.program)
                .args(["-f", "-s", "-o", "/dev/null", "--noproxy", "*", "--max-time", "5"])
                .arg(&self.url)
                .status();
            let code = asked.await.expect("it runs").code().expect("it ends by itself");
            Seen::of_traffic(format!("exit {code}"), code == 0)
        }
        .boxed_local()
    }
}
