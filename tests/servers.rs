//! Programs that tests start: where they listen, where they write, and that they end with the test.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a test waits for a program to do what it must.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder of this test's own, gone with this value.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // Short, because the paths of sockets have to be.
        let path = std::env::temp_dir().join(format!("{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A port on which nothing listens.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

/// A program that is killed when this is dropped.
pub struct Process(pub Child);

impl Process {
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap_or_else(|error| panic!("{command:?} starts: {error}")))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The program of this name, on the `PATH` or where system programs are. `None`, and a line that says so, when it is
/// not installed; a panic when `HEALTH_REQUIRE_SERVERS=1` says that it must be.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|program| program.is_file());
    if found.is_none() {
        missing(name);
    }
    found
}

/// Says that something is not installed, and that a test is skipped for that; a panic when `HEALTH_REQUIRE_SERVERS=1`
/// says that it must be there.
pub fn missing(name: &str) {
    assert!(std::env::var("HEALTH_REQUIRE_SERVERS").as_deref() != Ok("1"), "{name} is not installed");
    skipped(&format!("{name} is not installed"));
}

/// Says that this machine does not permit something that no package brings, and that a test is skipped for that.
pub fn not_permitted(what: &str) {
    skipped(&format!("{what} is not permitted here"));
}

/// Past the harness, which keeps what a passing test prints.
fn skipped(why: &str) {
    drop(std::io::Write::write_all(&mut std::io::stderr(), format!("skipped: {why}\n").as_bytes()));
}

/// Looks again and again until this is so.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < until, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
