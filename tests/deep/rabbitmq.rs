//! A real RabbitMQ broker of one test's own: started, killed, suspended, short of memory, and asked what it counts.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use health_tests::servers::{Process, Scratch, eventually, free_port, missing};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::net::TcpStream;

use crate::asked::SECRET;

/// Gone, with all its processes, when this is dropped.
pub struct RabbitMqBroker {
    scripts: PathBuf,
    folder: Scratch,
    owner: Option<(u32, u32)>,
    ports: Ports,
    server: Option<Process>,
    // Who knows at which port which node is: every node needs one. After the server, so that it goes after it.
    _names: Process,
}

struct Ports {
    clients: u16,
    nodes: u16,
    names: u16,
}

/// What the broker has counted since it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    pub channels_opened: u64,
    pub channels_closed: u64,
}

impl RabbitMqBroker {
    /// `None`, and a line that says so, when it is not installed. The user is `app`.
    pub async fn start() -> Option<Self> {
        let Some(scripts) = scripts() else {
            missing("rabbitmq-server");
            return None;
        };
        let folder = Scratch::new("rabbit");
        let owner = rustix::process::geteuid().is_root().then(ordinary_user);
        let ports = Ports { clients: free_port(), nodes: free_port(), names: free_port() };
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("a file of the broker");
        };
        write("rabbit.conf", &format!("default_user = app\ndefault_pass = {SECRET}\n"));
        write("plugins", "[].");
        if let Some((user, group)) = owner {
            chown(folder.path(), Some(user), Some(group)).expect("root may give folders away");
        }
        let mut names = Command::new("epmd");
        names.args(["-address", "127.0.0.1", "-port", &ports.names.to_string()]).stdin(Stdio::null());
        owned_by(&mut names, owner);
        let _names = Process::start(names.stdout(Stdio::null()).stderr(Stdio::null()));
        let mut this = Self { scripts, folder, owner, ports, server: None, _names };
        this.restart().await;
        Some(this)
    }

    pub async fn restart(&mut self) {
        let mut server = self.command("rabbitmq-server");
        // All its processes are one group.
        server.process_group(0).stdout(Stdio::null());
        self.server = Some(Process::start(&mut server));
        eventually("RabbitMQ accepts clients", async || TcpStream::connect(self.address()).await.is_ok())
            .await;
    }

    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.ports.clients).into()
    }

    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.server = None;
    }

    /// Connections stay open, nobody answers.
    pub fn suspend(&self) {
        self.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = self.server.as_ref().and_then(|server| Pid::from_raw(server.0.id().cast_signed()));
        // A group that has ended meanwhile needs no signal.
        let _ = id.map(|id| kill_process_group(id, signal));
    }

    /// Raises the memory alarm, or ends it.
    pub fn short_of_memory(&self, short: bool) {
        self.control(&["set_vm_memory_high_watermark", if short { "0.000001" } else { "0.4" }]);
    }

    /// Somebody who may enter, and do nothing there.
    pub fn add_user_without_permissions(&self, name: &str) {
        self.control(&["add_user", name, SECRET]);
        self.control(&["set_permissions", name, "^$", "^$", "^$"]);
    }

    pub fn counted(&self) -> Counted {
        let said = self.control(&["eval", "ets:tab2list(connection_churn_metrics)."]);
        // [{node, connections created, closed, channels created, closed, queues declared, created, deleted}]
        let numbers: Vec<u64> = said
            .trim_matches(['[', ']', '{', '}'])
            .split(',')
            .filter_map(|part| part.trim().parse().ok())
            .collect();
        let &[_, _, channels_opened, channels_closed, ..] = numbers.as_slice() else {
            panic!("not understood: {said}");
        };
        Counted { channels_opened, channels_closed }
    }

    /// How many channels are open on all connections.
    pub fn channels(&self) -> usize {
        self.control(&["list_channels", "--no-table-headers", "pid"]).lines().count()
    }

    pub fn connections(&self) -> usize {
        self.control(&["list_connections", "--no-table-headers", "pid"]).lines().count()
    }

    fn control(&self, arguments: &[&str]) -> String {
        let output =
            self.command("rabbitmqctl").arg("-q").args(arguments).output().expect("rabbitmqctl starts");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        assert!(output.status.success(), "{arguments:?}: {} {}", said(&output.stdout), said(&output.stderr));
        said(&output.stdout)
    }

    fn command(&self, script: &str) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(self.scripts.join(script));
        command.current_dir(folder).stdin(Stdio::null()).stderr(Stdio::null());
        for (name, file) in [
            ("HOME", ""),
            ("RABBITMQ_CONFIG_FILE", "rabbit"),
            ("RABBITMQ_CONF_ENV_FILE", "none"),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "plugins"),
            ("RABBITMQ_LOG_BASE", "log"),
            ("RABBITMQ_MNESIA_BASE", "data"),
            ("RABBITMQ_PID_FILE", "pid"),
        ] {
            command.env(name, folder.join(file));
        }
        command
            .env("RABBITMQ_NODENAME", format!("health{}@localhost", self.ports.nodes))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.ports.clients.to_string())
            .env("RABBITMQ_DIST_PORT", self.ports.nodes.to_string())
            .env("RABBITMQ_LOGS", "-")
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "+sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
            )
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.ports.names.to_string());
        owned_by(&mut command, self.owner);
        command
    }
}

impl Drop for RabbitMqBroker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The scripts themselves: those on the `PATH` change the user and the folder.
fn scripts() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/rabbitmq/lib").into_iter().flatten().flatten();
    versions.map(|version| version.path().join("sbin")).filter(|it| it.join("rabbitmqctl").is_file()).max()
}

/// The user and group `rabbitmq`, or those that own nothing.
fn ordinary_user() -> (u32, u32) {
    let id = |of: &str| {
        let output = Command::new("id").args([of, "rabbitmq"]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    id("-u").zip(id("-g")).unwrap_or((65_534, 65_534))
}

fn owned_by(command: &mut Command, owner: Option<(u32, u32)>) {
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
}
