//! A real Prometheus scrapes the metrics, in both of its formats and by token, and finds in its queries what is the case;
//! nothing ever runs for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};

use actix_web::dev::Service as _;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE};
use actix_web::web;
use health_actix::{Access, endpoints};
use health_core::{Exposure, Gate, Health, Scope, Spec, Status};
use health_tests::http::{Served, Wire, serve};
use health_tests::scripts::Script;
use health_tests::servers::{Process, Scratch, eventually, free_port, installed};
use serde_json::Value;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The jobs `new` and `old` differ in the format they are given, `uninvited` has no token.
const CONFIGURATION: &str = "\
global:
  scrape_interval: 500ms
  scrape_timeout: 500ms
scrape_configs:
  - job_name: new
    metrics_path: /health/metrics
    authorization: { credentials: TOKEN }
    static_configs: [{ targets: ['ADDRESS'] }]
  - job_name: old
    metrics_path: /old/health/metrics
    authorization: { credentials: TOKEN }
    static_configs: [{ targets: ['ADDRESS'] }]
  - job_name: uninvited
    metrics_path: /health/metrics
    static_configs: [{ targets: ['ADDRESS'] }]
";

/// The types of the answers at each path.
type Given = Arc<Mutex<BTreeSet<(String, String)>>>;

fn served(health: &Health, given: &Given) -> Served {
    let access = Access::new().token(Exposure::Checks, TOKEN).unwrap();
    let endpoints = endpoints(health.clone()).access(access);
    let given = Arc::clone(given);
    serve(1, move |config| {
        let given = Arc::clone(&given);
        let scope = web::scope("").wrap_fn(move |mut request, service| {
            let (path, given) = (request.path().to_owned(), Arc::clone(&given));
            if path.starts_with("/old/") {
                request.headers_mut().remove(ACCEPT);
            }
            let answer = service.call(request);
            async move {
                let answer = answer.await?;
                if let Some(media_type) = answer.headers().get(CONTENT_TYPE) {
                    let media_type = media_type.to_str().unwrap().to_owned();
                    given.lock().unwrap().insert((path, media_type));
                }
                Ok(answer)
            }
        });
        config
            .service(scope.service(endpoints.clone()).service(web::scope("/old").service(endpoints.clone())));
    })
}

/// The HTTP API of a running Prometheus.
struct Prometheus {
    address: SocketAddr,
    _running: Process,
    _scratch: Scratch,
}

impl Prometheus {
    fn start(program: &std::path::Path, target: SocketAddr) -> Self {
        let (scratch, address) =
            (Scratch::new("prometheus"), SocketAddr::from(([127, 0, 0, 1], free_port())));
        let file = scratch.path().join("prometheus.yml");
        let configuration = CONFIGURATION.replace("TOKEN", TOKEN).replace("ADDRESS", &target.to_string());
        fs::write(&file, configuration).unwrap();
        let running = Process::start(
            Command::new(program)
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.tsdb.path={}", scratch.path().join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .arg("--log.level=error"),
        );
        Self { address, _running: running, _scratch: scratch }
    }

    /// The samples a query comes to, by their labels; none while it does not answer.
    async fn query(&self, query: &str) -> Vec<(BTreeMap<String, String>, f64)> {
        if tokio::net::TcpStream::connect(self.address).await.is_err() {
            return Vec::new();
        }
        let query: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let mut wire = Wire::to(self.address).await;
        wire.send(format!("GET /api/v1/query?query={query} HTTP/1.0\r\nHost: localhost\r\n\r\n")).await;
        if wire.head().await.code != 200 {
            return Vec::new();
        }
        let answer: Value = serde_json::from_slice(&wire.rest().await).unwrap();
        let samples = answer["data"]["result"].as_array().unwrap().iter();
        let read = |sample: &Value| {
            let labels = serde_json::from_value(sample["metric"].clone()).unwrap();
            (labels, sample["value"][1].as_str().unwrap().parse().unwrap())
        };
        samples.map(read).collect()
    }

    async fn value(&self, query: &str) -> Option<f64> {
        let found = self.query(query).await;
        assert!(found.len() < 2, "{query}: {found:?}");
        found.first().map(|(_, value)| *value)
    }

    /// Waits until a query comes to this in both formats.
    async fn finds(&self, name: &str, labels: &str, expected: f64) {
        for job in ["new", "old"] {
            let query = format!("{name}{{job=\"{job}\",{labels}}}");
            eventually(&query, async || self.value(&query).await == Some(expected)).await;
        }
    }

    /// Every series of a job, without what Prometheus adds.
    async fn series(&self, job: &str) -> BTreeSet<BTreeMap<String, String>> {
        let found = self.query(&format!("{{__name__=~\"health_.+\",job=\"{job}\"}}")).await;
        let bare = found.into_iter().map(|(mut labels, _)| {
            labels.retain(|name, _| name != "job" && name != "instance");
            labels
        });
        bare.collect()
    }
}

#[actix_web::test]
async fn prometheus_finds_what_is_the_case() {
    let Some(program) = installed("prometheus") else {
        return;
    };
    let (db, never, gate) =
        (Script::new(Status::Healthy), Script::new(Status::Healthy), Gate::new("migrations"));
    let spec = Spec::named("db/primary").group("storage").scope(Scope::Local).interval("100ms");
    let health = Health::builder()
        .check_fn(spec, db.check())
        .check_fn(Spec::named("never").interval("never").max_age("2s"), never.check())
        .gate(&gate)
        .build()
        .unwrap()
        .start();
    let given = Given::default();
    let server = served(&health, &given);
    let prometheus = Prometheus::start(&program, server.address);

    prometheus.finds("up", "", 1.0).await;
    let uninvited = "up{job=\"uninvited\"}";
    eventually(uninvited, async || prometheus.value(uninvited).await == Some(0.0)).await;
    prometheus.finds("health_check_status", "check=\"db/primary\",status=\"healthy\"", 1.0).await;
    prometheus.finds("health_phase", "phase=\"starting\"", 1.0).await;
    prometheus.finds("health_gate_open", "gate=\"migrations\"", 0.0).await;
    prometheus.finds("health_status", "probe=\"ready\",status=\"unhealthy\"", 1.0).await;
    let declared =
        "check=\"db/primary\",group=\"storage\",critical=\"true\",scope=\"local\",probes=\"ready\"";
    prometheus.finds("health_check_info", declared, 1.0).await;

    gate.open();
    prometheus.finds("health_phase", "phase=\"running\"", 1.0).await;
    prometheus.finds("health_gate_open", "gate=\"migrations\"", 1.0).await;
    prometheus.finds("health_status", "probe=\"ready\",status=\"healthy\"", 1.0).await;

    db.says(Status::Unhealthy);
    prometheus.finds("health_check_status", "check=\"db/primary\",status=\"unhealthy\"", 1.0).await;
    prometheus.finds("health_check_status", "check=\"db/primary\",status=\"healthy\"", 0.0).await;
    prometheus.finds("health_status", "probe=\"ready\",status=\"unhealthy\"", 1.0).await;
    prometheus.finds("health_check_transitions_total", "check=\"db/primary\",to=\"unhealthy\"", 1.0).await;
    // What is unhealthy is scraped like anything else.
    prometheus.finds("up", "", 1.0).await;

    // Counters rise, and only rise.
    for counter in [
        "health_check_runs_total{check=\"db/primary\",result=\"unhealthy\"}",
        "health_check_duration_seconds_count{check=\"db/primary\"}",
        "health_check_duration_seconds_bucket{check=\"db/primary\",le=\"10.0\"}",
        "health_status_seconds_total{probe=\"ready\",status=\"unhealthy\"}",
    ] {
        let rises = format!("count(increase({counter}[1m]) > 0 and resets({counter}[1m]) == 0)");
        eventually(&rises, async || prometheus.value(&rises).await == Some(2.0)).await;
    }
    let quantile =
        "histogram_quantile(0.9, sum by (le) (rate(health_check_duration_seconds_bucket{job=\"new\"}[1m])))";
    let is_below_ten = async || prometheus.value(quantile).await.is_some_and(|value| value < 10.0);
    eventually(quantile, is_below_ten).await;

    // What nobody asks about is forgotten, and not asked for by those who read along.
    prometheus.finds("health_check_status", "check=\"never\",status=\"unknown\"", 1.0).await;
    assert_eq!(never.runs(), 1);

    health.drain();
    prometheus.finds("health_phase", "phase=\"draining\"", 1.0).await;
    prometheus.finds("up", "", 1.0).await;

    let expected = 9 * 3 + 3 + 1 + 2 * (1 + 4 + 4 + 1 + 6 + 14 + 2);
    eventually("both formats make the same series, of the same names and labels", async || {
        let (new, old) = (prometheus.series("new").await, prometheus.series("old").await);
        new == old && new.len() == expected
    })
    .await;

    assert_eq!(never.runs(), 1, "a scrape runs nothing");
    let given = given.lock().unwrap().clone();
    let types: Vec<_> = given.iter().map(|(path, media_type)| (&**path, &**media_type)).collect();
    let expected = [
        ("/health/metrics", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("/old/health/metrics", "text/plain; version=0.0.4; charset=utf-8"),
    ];
    assert_eq!(types, expected, "one format for each job");
}
