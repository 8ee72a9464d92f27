//! Lists every check that is declared in this binary, without running one.
//!
//! Run with:
//!
//! ```sh
//! cargo run --example list_checks
//! cargo run --example list_checks -- --format json
//! ```
//!
//! The formats are `table`, `json`, `markdown`, `mermaid` (what depends on what), `kubernetes` (the probes of a container)
//! and `prometheus-rules` (alerts). In a program of your own it takes three lines:
//!
//! ```ignore
//! let format: Format = std::env::args().nth(1).as_deref().unwrap_or("table").parse()?;
//! print!("{}", health_core::catalog().listing(format));
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use health_core::{
    DEFAULT_DEADLINE, Failure, Format, HealthCheck, HealthComponent, KubernetesProbes, Outcome,
    PrometheusRules, Status, catalog, health_check,
};

/// The primary database answers a trivial query.
#[health_check(name = "db", timeout = "600ms", depends_on = ["network"])]
async fn database(pool: &Pool) -> io::Result<()> {
    pool.query("SELECT 1").await
}

/// The schema is the one this program was built for.
#[health_check(probe = ["startup", "ready"], depends_on = ["db"])]
async fn schema(pool: &Pool) -> io::Result<()> {
    pool.query("SELECT version FROM schema").await
}

/// Names of other services are resolved.
#[health_check(scope = "shared")]
async fn network(resolver: &Resolver) -> io::Result<()> {
    resolver.resolve("db.internal").await
}

/// The data folder can be written and emptied.
#[health_check(scope = "local", timeout = "500ms", blocking = true)]
fn disk() -> io::Result<()> {
    let file = std::env::temp_dir().join("health-disk-check");
    std::fs::write(&file, "still here")?;
    std::fs::remove_file(file)
}

/// The loop that sends orders has turned within the last minute: what hangs in this process, a restart repairs.
#[health_check(name = "dispatcher", probe = ["live", "ready"], scope = "local", blocking = false)]
fn dispatcher(turned: &LastTurn) -> Status {
    let idle = turned.0.lock().map_or(Duration::MAX, |at| at.elapsed());
    if idle < Duration::from_secs(60) { Status::Healthy } else { Status::Unhealthy }
}

/// The search answers; the shop sells without it.
#[health_check(name = "search/index", critical = false, depends_on = ["network"])]
async fn search(resolver: &Resolver) -> io::Result<()> {
    resolver.resolve("search.internal").await
}

/// How much of the cache is used: nobody acts on it, but a person may ask.
#[health_check(name = "cache/fill", probe = "none", blocking = false)]
fn cache_fill() -> Outcome {
    Outcome::healthy().data("used_percent", 40)
}

/// Everything that payments need. A listing shows what the type declares; no value of it is needed.
#[derive(HealthComponent)]
#[health(name = "billing", group = "payments")]
struct Billing {
    /// The ledger accepts entries.
    #[health(check, timeout = "500ms", depends_on = ["db"])]
    ledger: Store,
    /// One archive for each region.
    #[health(each, critical = false, depends_on = ["billing/ledger"])]
    archives: BTreeMap<String, Store>,
}

struct Store;

impl HealthCheck for Store {
    async fn check(&self) -> Result<Outcome, Failure> {
        Ok(Outcome::healthy())
    }
}

/// Stands for the pool of a database driver.
struct Pool;

impl Pool {
    async fn query(&self, _statement: &str) -> io::Result<()> {
        Ok(())
    }
}

/// When the loop of this process has last turned.
struct LastTurn(Mutex<Instant>);

/// Stands for a client of the name service.
struct Resolver;

impl Resolver {
    async fn resolve(&self, _name: &str) -> io::Result<()> {
        Ok(())
    }
}

fn main() -> ExitCode {
    match format_wanted(std::env::args().skip(1)) {
        Ok(Some(format)) => show(format),
        Ok(None) => {
            println!("{}", usage());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}\n{}", usage());
            ExitCode::FAILURE
        }
    }
}

fn show(format: Format) -> ExitCode {
    // These are the defaults; a service that is configured otherwise passes its own values.
    let startup_budget = Duration::from_secs(5 * 60);
    let probes = KubernetesProbes::default()
        .port(8080)
        .mount("/health")
        .deadline(DEFAULT_DEADLINE)
        .startup_budget(startup_budget);
    // The job as which Prometheus scrapes it.
    let rules = PrometheusRules::default().job("list_checks").startup_budget(startup_budget);
    let catalog = catalog();
    let listing = catalog.listing(format).kubernetes(probes).prometheus_rules(rules);
    // `print!` would panic when the reader goes away, as `| head` does.
    let written = write!(io::stdout(), "{listing}");
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The format that was asked for; `None` when help was.
fn format_wanted(mut args: impl Iterator<Item = String>) -> Result<Option<Format>, Box<dyn Error>> {
    let mut format = Format::default();
    while let Some(arg) = args.next() {
        match arg.split_once('=').map_or((arg.as_str(), None), |(key, word)| (key, Some(word.to_owned()))) {
            ("--help" | "-h", None) => return Ok(None),
            ("--format", given) => {
                let word = given.or_else(|| args.next()).filter(|word| !word.is_empty());
                format = word.ok_or("`--format` needs a value")?.parse()?;
            }
            _ => return Err(format!("unexpected argument `{}`", arg.escape_debug()).into()),
        }
    }
    Ok(Some(format))
}

fn usage() -> String {
    let known: Vec<_> = Format::ALL.iter().map(|format| format.as_str()).collect();
    format!("usage: list_checks [--format {}]", known.join("|"))
}
