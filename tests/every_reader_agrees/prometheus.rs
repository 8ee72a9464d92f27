//! Prometheus, which reads the metrics of the management listener.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use health_tests::haproxy::free_address;
use health_tests::http::Wire;
use health_tests::servers::{Process, Scratch, eventually, installed};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::reader::{Reader, Seen};
use crate::service::Service;

struct Prometheus {
    address: SocketAddr,
    _process: Process,
    _scratch: Scratch,
}

pub async fn prometheus(service: &Service) -> Option<Box<dyn Reader>> {
    let program = installed("prometheus")?;
    let (address, scratch) = (free_address(), Scratch::new("prometheus"));
    let file = scratch.path().join("prometheus.yml");
    let configuration = format!(
        "global: {{ scrape_interval: 250ms, scrape_timeout: 250ms }}\nscrape_configs:\n  - job_name: service\n    \
         metrics_path: /health/metrics\n    static_configs: [{{ targets: ['{}'] }}]\n",
        service.management(),
    );
    fs::write(&file, configuration).unwrap();
    let process = Process::start(
        Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", scratch.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error"),
    );
    eventually("Prometheus listens", async || TcpStream::connect(address).await.is_ok()).await;
    Some(Box::new(Prometheus { address, _process: process, _scratch: scratch }))
}

impl Prometheus {
    /// The samples that a query comes to; none while it cannot be answered.
    async fn query(&self, query: &str) -> Vec<Value> {
        let query: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let mut wire = Wire::to(self.address).await;
        wire.send(format!("GET /api/v1/query?query={query} HTTP/1.0\r\n\r\n")).await;
        if wire.head().await.code != 200 {
            return Vec::new();
        }
        let answer: Value = serde_json::from_slice(&wire.rest().await).expect("JSON");
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// When it was last told, in seconds.
    async fn last_told(&self) -> f64 {
        let told = self.query(r#"timestamp(health_status{probe="ready",status="healthy"})"#).await;
        told.first()
            .map_or(0.0, |sample| sample["value"][1].as_str().expect("a number").parse().expect("one"))
    }
}

impl Reader for Prometheus {
    fn name(&self) -> &'static str {
        "Prometheus"
    }

    fn look(&mut self) -> LocalBoxFuture<'_, Seen> {
        async {
            let began = SystemTime::now().duration_since(UNIX_EPOCH).expect("after it").as_secs_f64();
            eventually("Prometheus is told", async || self.last_told().await > began).await;
            let ready = self.query(r#"health_status{probe="ready"} == 1"#).await;
            let statuses: Vec<_> =
                ready.iter().filter_map(|sample| sample["metric"]["status"].as_str()).collect();
            Seen::of_traffic(statuses.join(" and "), matches!(&statuses[..], ["healthy" | "degraded"]))
        }
        .boxed_local()
    }
}
