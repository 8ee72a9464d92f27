//! A real PostgreSQL server of one test's own: started, killed, suspended and started again.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::servers::{Scratch, eventually};

/// A server in a folder of its own, reached through a socket in it, where everybody is trusted. It is gone, with all
/// its processes, when this is dropped.
pub struct Postgres {
    programs: PathBuf,
    folder: Scratch,
    owner: Option<(u32, u32)>,
    settings: Vec<String>,
    server: Option<Child>,
}

impl Postgres {
    /// `None`, and a line that says so, when PostgreSQL is not installed; a panic when `HEALTH_REQUIRE_SERVERS=1` says
    /// that it must be.
    pub async fn start() -> Option<Self> {
        Self::with_settings(["listen_addresses="]).await
    }

    /// The same with settings, each `name=value`. Whoever comes over TCP needs a password.
    pub async fn with_settings(settings: impl IntoIterator<Item = impl Into<String>>) -> Option<Self> {
        let mut this = Self::in_a_folder(programs()?, settings);
        let mut initdb = this.command("initdb");
        initdb.args([
            "--username=postgres",
            "--auth-local=trust",
            "--auth-host=md5",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
        ]);
        this.succeed(initdb.arg(this.data()));
        this.restart().await;
        Some(this)
    }

    /// A standby that follows this one, with the name `standby`.
    pub async fn standby(&self, settings: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut this = Self::in_a_folder(self.programs.clone(), settings);
        let primary = format!(
            "host={} port={} user=postgres application_name=standby",
            self.folder.path().display(),
            self.port()
        );
        let mut copy = this.command("pg_basebackup");
        copy.args(["--checkpoint=fast", "--no-sync", "--write-recovery-conf", "-d", &primary, "-D"]);
        this.succeed(copy.arg(this.data()));
        this.restart().await;
        this
    }

    /// What the superuser is told, each row in a line.
    pub fn sql(&self, statements: &str) -> String {
        let mut psql = self.command("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres"]);
        psql.arg("-h").arg(self.folder.path()).arg("-p").arg(self.port());
        self.succeed(psql.args(["-c", statements])).trim().to_owned()
    }

    fn in_a_folder(programs: PathBuf, settings: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let folder = Scratch::new("pg");
        let owner = rustix::process::geteuid().is_root().then(ordinary_user);
        if let Some((user, group)) = owner {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group))
                .expect("root may give folders away");
        }
        let settings = settings.into_iter().map(Into::into).collect();
        Self { programs, folder, owner, settings, server: None }
    }

    fn succeed(&self, command: &mut Command) -> String {
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("it starts");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// In the name of its socket, too.
    fn port(&self) -> &str {
        self.settings.iter().find_map(|setting| setting.strip_prefix("port=")).unwrap_or("5432")
    }

    /// What goes into `DATABASE_URL`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", self.folder.path().display())
    }

    /// Starts the server on the same data, and waits until it accepts connections.
    pub async fn restart(&mut self) {
        let mut server = self.command("postgres");
        server.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
        server.args(["-c", "fsync=off"]);
        for setting in &self.settings {
            server.args(["-c", setting]);
        }
        let mut ask = self.command("pg_isready");
        ask.args(["--quiet", "--port", self.port(), "--host"]).arg(self.folder.path());
        eventually("PostgreSQL accepts connections", async || {
            // It gives up at once while the last process of a killed server is still about.
            let runs = self.server.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)));
            if !runs {
                self.server = Some(server.spawn().expect("postgres starts"));
            }
            ask.status().is_ok_and(|status| status.success())
        })
        .await;
    }

    /// Kills all its processes at once, as a machine that loses power does.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }

    /// Suspends all its processes: connections stay open, nobody answers.
    pub fn suspend(&self) {
        self.signal(Signal::STOP);
    }

    /// Takes [`suspend`](Self::suspend) back.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let Some(server) = self.server.as_ref().map(Child::id) else {
            return;
        };
        // One that is suspended starts no further children while these are counted.
        send(server, Signal::STOP);
        let children = children(server);
        send(server, signal);
        for child in children {
            send(child, signal);
        }
    }

    fn wait(&mut self) {
        if let Some(mut server) = self.server.take() {
            drop(server.wait());
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// As an ordinary user, because PostgreSQL refuses to be run by root.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Asked first: it takes its children and its shared memory with it.
        self.resume();
        let until = Instant::now() + Duration::from_secs(5);
        if let Some(server) = &mut self.server {
            send(server.id(), Signal::QUIT);
            while matches!(server.try_wait(), Ok(None)) && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(10));
            }
            if matches!(server.try_wait(), Ok(Some(_))) {
                return;
            }
        }
        self.kill();
    }
}

/// Where the programs are. Some systems keep the server off the `PATH`, in a folder per version.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let folders = versions.map(|version| version.path().join("bin")).chain(std::env::split_paths(&on_path));
    let complete = |folder: &PathBuf| {
        ["initdb", "postgres", "pg_isready"].iter().all(|name| folder.join(name).is_file())
    };
    let found = folders.filter(complete).max();
    if found.is_none() {
        assert!(std::env::var("HEALTH_REQUIRE_SERVERS").as_deref() != Ok("1"), "PostgreSQL is not installed");
        // Past the harness, which keeps what a passing test prints.
        drop(io::stderr().write_all(b"skipped: PostgreSQL is not installed\n"));
    }
    found
}

/// The user and group `postgres`, or those that own nothing.
fn ordinary_user() -> (u32, u32) {
    let id = |of: &str| {
        let output = Command::new("id").args([of, "postgres"]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    id("-u").zip(id("-g")).unwrap_or((65_534, 65_534))
}

/// A process that has ended meanwhile needs no signal.
fn send(process: u32, signal: Signal) {
    let id = i32::try_from(process).ok().and_then(Pid::from_raw);
    let _ = id.map(|id| kill_process(id, signal));
}

/// The processes that this one has started.
fn children(parent: u32) -> Vec<u32> {
    let output = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output().expect("ps starts");
    let of_parent = |line: &str| {
        let mut numbers = line.split_whitespace().map(str::parse::<u32>);
        let (id, its_parent) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        (its_parent == parent).then_some(id)
    };
    String::from_utf8_lossy(&output.stdout).lines().filter_map(of_parent).collect()
}
