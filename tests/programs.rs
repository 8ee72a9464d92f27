//! The examples as programs, freshly built and run as their readers run them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::time::timeout;

use crate::http::{self, Answer};
use crate::servers::Scratch;

/// How long a program may take for what it does in a moment on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An example that serves, killed when this is dropped.
pub struct Program {
    pub address: SocketAddr,
    child: Child,
    /// What it puts into the folder for temporary files goes when it has gone, also when it is killed.
    _temporary: Scratch,
    printed: Arc<Mutex<String>>,
    logged: Arc<Mutex<String>>,
}

impl Program {
    /// Starts an example on a free port, and waits for the first line it prints, which names the address.
    pub async fn start(name: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = command(name);
        let temporary = Scratch::new("example");
        command.env("BIND", "127.0.0.1:0").env("TMPDIR", temporary.path()).envs(variables.iter().copied());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} starts: {error}"));
        let logged = Arc::new(Mutex::new(String::new()));
        tokio::spawn(collect(BufReader::new(child.stderr.take().expect("it is piped")), Arc::clone(&logged)));
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        timeout(PATIENCE, output.read_line(&mut line)).await.expect("a first line in time").expect("a line");
        let address = line.trim_end().strip_prefix("listening on http://").and_then(|text| text.parse().ok());
        let address =
            address.unwrap_or_else(|| panic!("{line:?} names no address; the log is\n{}", text(&logged)));
        let printed = Arc::new(Mutex::new(line));
        tokio::spawn(collect(output, Arc::clone(&printed)));
        Self { address, child, _temporary: temporary, printed, logged }
    }

    pub async fn get(&self, path: &str) -> Answer {
        http::get(self.address, path).await
    }

    pub async fn post(&self, path: &str, json: &str) -> Answer {
        let length = json.len();
        let headers =
            format!("Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}");
        http::ask(self.address, format!("POST {path} HTTP/1.1\r\n{headers}\r\n\r\n{json}")).await
    }

    /// The code of this path, and its body as JSON.
    pub async fn json(&self, path: &str) -> (u16, Value) {
        let answer = self.get(path).await;
        let value = serde_json::from_str(&answer.body);
        (answer.code, value.unwrap_or_else(|error| panic!("{path}: {error} in {:?}", answer.body)))
    }

    /// What it has printed so far.
    pub fn printed(&self) -> String {
        text(&self.printed)
    }

    /// What it has logged so far.
    pub fn logged(&self) -> String {
        text(&self.logged)
    }

    pub fn signal(&self, signal: Signal) {
        let id =
            self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw).expect("it runs");
        kill_process(id, signal).expect("it can be signalled");
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("it ends in time").expect("it can be waited for")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of the program was\n{}", self.logged());
        }
    }
}

/// Runs an example that ends by itself.
pub async fn run(name: &str, arguments: &[&str]) -> Output {
    let output = command(name).args(arguments).output();
    timeout(PATIENCE, output).await.expect("it ends in time").expect("it starts")
}

fn command(name: &str) -> tokio::process::Command {
    let mut command = Command::new(example(name));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // What the environment of the tests says is not meant for it.
    for variable in ["BIND", "DATABASE_URL", "DATA_DIR", "DRAIN_MS", "MANAGEMENT", "RUST_LOG"] {
        command.env_remove(variable);
    }
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    command
}

async fn collect(mut from: impl AsyncBufReadExt + Unpin, into: Arc<Mutex<String>>) {
    let mut line = String::new();
    while from.read_line(&mut line).await.is_ok_and(|length| length > 0) {
        into.lock().unwrap_or_else(PoisonError::into_inner).push_str(&line);
        line.clear();
    }
}

fn text(shared: &Mutex<String>) -> String {
    shared.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The program of an example, built as the running test was.
///
/// # Panics
///
/// When the examples cannot be built.
#[must_use]
pub fn example(name: &str) -> PathBuf {
    static EXAMPLES: OnceLock<PathBuf> = OnceLock::new();
    let path = EXAMPLES.get_or_init(built).join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.is_file(), "there is no example at {}", path.display());
    path
}

/// Builds all of them, which is quick after `cargo test --workspace`, and says where they are. Testing one package
/// alone does not build the examples of another, and stale ones would prove nothing.
fn built() -> PathBuf {
    // The test is `<target>/<profile>/deps/<test>`.
    let test = std::env::current_exe().expect("the test knows where it is");
    let profile = test.ancestors().nth(2).expect("the test is in the folder of a profile");
    let target = profile.parent().expect("the profile is in a target folder");
    let name = profile.file_name().and_then(|name| name.to_str()).expect("the profile has a name");
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--workspace", "--examples"])
        // The folder of the profile `dev` is the only one that is called otherwise.
        .args(["--profile", if name == "debug" { "dev" } else { name }])
        .arg("--target-dir")
        .arg(target)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the examples cannot be built");
    profile.join("examples")
}
