//! A real Redis server of one test's own, and the clients that an application would have of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use ::redis::{AsyncConnectionConfig, Client, RedisResult, Value};
use health_tests::servers::{Process, Scratch, eventually, free_port, installed};
use rustix::process::{Pid, Signal, kill_process};

use crate::asked::SECRET;

/// What the account of the checks may do: what the pages of the checks say, and no more.
const MAY: [&str; 6] = ["~health:*", "+ping", "+set", "+get", "+del", "+info"];

/// How long the clients of the tests wait for an answer: longer than a busy machine takes for one.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// A server in a folder of its own, with an account `app` for the checks. It is gone when this is dropped.
pub struct Redis {
    program: PathBuf,
    folder: Scratch,
    port: u16,
    options: Vec<String>,
    server: Option<Process>,
}

impl Redis {
    /// With these options beside its own; what comes before the first of them the account may do too. `None`, and a
    /// line that says so, when it is not installed.
    pub async fn start(options: &[&str]) -> Option<Self> {
        let program = installed("redis-server")?;
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut this =
            Self { program, folder: Scratch::new("redis"), port: free_port(), options, server: None };
        this.restart().await;
        Some(this)
    }

    /// Starts it without any data, and waits until it answers.
    pub async fn restart(&mut self) {
        let mut server = Command::new(&self.program);
        server.args(["--bind", "127.0.0.1", "--port", &self.port.to_string()]);
        server.args(["--save", "", "--appendonly", "no", "--dir"]).arg(self.folder.path());
        server.args(["--requirepass", SECRET, "--masterauth", SECRET]);
        server.args(["--enable-protected-configs", "local", "--enable-debug-command", "local"]);
        server.args(["--user", "app", "on", &format!(">{SECRET}")]).args(MAY).args(&self.options);
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.server = Some(Process::start(&mut server));
        eventually("Redis answers", async || self.ask("PING").await.is_ok()).await;
    }

    /// At once, as a machine that loses power does.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Connections stay open, nobody answers.
    pub fn suspend(&self) {
        self.signal(Signal::STOP);
    }

    /// Takes [`suspend`](Self::suspend) back.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = self.server.as_ref().and_then(|server| Pid::from_raw(server.0.id().cast_signed()));
        kill_process(id.expect("it runs"), signal).expect("it is ours");
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn folder(&self) -> &str {
        self.folder.path().to_str().expect("a plain path")
    }

    /// What it answers to whoever may do anything, over a connection of its own. `'words in quotes'` are one.
    pub async fn ask(&self, command: &str) -> RedisResult<Value> {
        let client = Client::open(format!("redis://:{SECRET}@{}/", self.address()))?;
        let patient = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(20)));
        let mut connection = client.get_multiplexed_async_connection_with_config(&patient).await?;
        let mut request = ::redis::Cmd::new();
        for (position, part) in command.split('\'').enumerate() {
            let quoted = position % 2 == 1;
            let words: Vec<_> = if quoted { vec![part] } else { part.split_whitespace().collect() };
            request.arg(words);
        }
        request.query_async(&mut connection).await
    }

    /// The same, and it must.
    pub async fn told(&self, command: &str) {
        self.ask(command).await.unwrap_or_else(|error| panic!("{command}: {error}"));
    }

    /// All that it says about itself, at one moment.
    pub async fn about(&self) -> About {
        let answer = self.ask("INFO all").await.expect("it tells");
        let text: String = ::redis::from_redis_value(answer).expect("text");
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        About(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// How many keys there are.
    pub async fn keys(&self) -> u64 {
        ::redis::from_redis_value(self.ask("DBSIZE").await.expect("it tells")).expect("a number")
    }
}

/// What a server says about itself, by name.
pub struct About(BTreeMap<String, String>);

impl About {
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("it tells {name}"))
    }

    pub fn number(&self, name: &str) -> u64 {
        self.text(name).parse().expect("a number")
    }

    /// How often each command was run, since the counters were last set to 0 and before this question.
    pub fn calls(&self) -> BTreeMap<&str, u64> {
        let lines = self.0.iter().filter_map(|(name, fields)| {
            let calls = fields.strip_prefix("calls=")?.split(',').next()?;
            Some((name.strip_prefix("cmdstat_")?, calls.parse().ok()?))
        });
        lines.collect()
    }
}

/// The account of the checks, at a server or on the way to it.
pub fn app(address: SocketAddr) -> Client {
    Client::open(format!("redis://app:{SECRET}@{address}/")).expect("an address")
}

/// One connection, that lasts for as long as it lasts.
pub async fn multiplexed(client: &Client) -> MultiplexedConnection {
    let patient = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
    client.get_multiplexed_async_connection_with_config(&patient).await.expect("a connection")
}

/// One that connects again, and that says at once when it cannot. Nothing has been connected yet.
pub fn manager(client: &Client) -> ConnectionManager {
    let told_at_once =
        ConnectionManagerConfig::new().set_number_of_retries(0).set_response_timeout(Some(PATIENCE));
    ConnectionManager::new_lazy_with_config(client.clone(), told_at_once).expect("a configuration")
}
