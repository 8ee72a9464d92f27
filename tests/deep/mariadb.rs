//! A real MariaDB server of one test's own: started, killed, suspended and started again.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use health_tests::servers::{Scratch, eventually, free_port, installed};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions, MySqlSslMode};

use crate::asked::SECRET;

/// A server in a folder of its own, on a port of the loopback interface. It is gone when this is dropped.
///
/// In its database `app` there is a table `health_probe` for writes, and there are these accounts, with [`SECRET`] as
/// their password: `app` may write to that table and look at replication, `reader` may do nothing, `replica` may replicate.
pub struct Mariadb {
    program: PathBuf,
    folder: Scratch,
    owner: Option<(u32, u32)>,
    port: u16,
    number: u32,
    options: Vec<&'static str>,
    server: Option<Child>,
}

impl Mariadb {
    /// `None`, and a line that says so, when MariaDB is not installed; a panic when `HEALTH_REQUIRE_SERVERS=1` says
    /// that it must be.
    pub async fn start() -> Option<Self> {
        let mut this = Self::installed()?;
        this.restart().await;
        let root = this.pool("root", "", 1);
        let accounts = format!(
            "CREATE DATABASE app;
             CREATE TABLE app.health_probe (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB;
             CREATE USER app@'%' IDENTIFIED BY '{SECRET}';
             GRANT SELECT, INSERT, DELETE ON app.health_probe TO app@'%';
             GRANT SLAVE MONITOR ON *.* TO app@'%';
             CREATE USER reader@'%' IDENTIFIED BY '{SECRET}';
             CREATE USER replica@'%' IDENTIFIED BY '{SECRET}';
             GRANT REPLICATION SLAVE ON *.* TO replica@'%';"
        );
        sqlx::raw_sql(AssertSqlSafe(accounts)).execute(&root).await.expect("root may do everything");
        root.close().await;
        Some(this)
    }

    /// A second server that follows this one, as a replica that is read-only. Everything there is arrives.
    pub async fn replica(&self) -> Self {
        let mut replica = Self::installed().expect("the first one was installed");
        replica.number = 2;
        replica.options = vec!["--read-only"];
        replica.restart().await;
        let root = replica.pool("root", "", 1);
        let follow = format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='replica', MASTER_PASSWORD='{SECRET}',
             MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=slave_pos; START SLAVE;",
            self.port
        );
        sqlx::raw_sql(AssertSqlSafe(follow)).execute(&root).await.expect("root may do everything");
        eventually("the last account has arrived", async || {
            let accounts = "SELECT count(*) FROM mysql.global_priv WHERE user = 'replica' AND JSON_VALUE(priv, '$.access') > 0";
            sqlx::query_scalar::<_, i64>(accounts).fetch_one(&root).await.is_ok_and(|count| count == 1)
        })
        .await;
        root.close().await;
        replica
    }

    fn installed() -> Option<Self> {
        let (program, install) = installed("mariadbd").zip(installed("mariadb-install-db"))?;
        let folder = Scratch::new("maria");
        // Run by root it would run as root, if at all.
        let owner = rustix::process::geteuid().is_root().then(|| ordinary_user("mysql"));
        if let Some((user, group)) = owner {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group))
                .expect("root may give folders away");
        }
        let (port, options) = (free_port(), Vec::new());
        let this = Self { program, folder, owner, port, number: 1, options, server: None };
        let mut install = this.command(install);
        install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        install.args(["--skip-name-resolve", "--innodb-log-file-size=4M"]).arg(this.data());
        let made = install.output().expect("it starts");
        assert!(made.status.success(), "mariadb-install-db: {}", String::from_utf8_lossy(&made.stdout));
        Some(this)
    }

    /// Starts the server on the same data, and waits until it accepts connections.
    pub async fn restart(&mut self) {
        let mut server = self.command(self.program.clone());
        server.arg("--no-defaults").arg(self.data()).arg(format!("--port={}", self.port));
        server.arg(format!("--server-id={}", self.number)).arg(format!("--socket={}", self.socket()));
        server.args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--log-bin=bin", "--sync-binlog=0"]);
        server.args(["--innodb-log-file-size=4M", "--innodb-buffer-pool-size=8M"]);
        server.args(["--innodb-flush-log-at-trx-commit=0"]);
        server.args(&self.options);
        let log = fs::File::create(self.folder.path().join("log")).expect("a file");
        server.stdout(Stdio::null()).stderr(log);
        eventually("MariaDB accepts connections", async || {
            let runs = self.server.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)));
            if !runs {
                self.server = Some(server.spawn().expect("it starts"));
            }
            tokio::net::TcpStream::connect(self.address()).await.is_ok()
        })
        .await;
    }

    /// Shut down in order, and started on the same data with these options.
    pub async fn restart_with(&mut self, options: &[&'static str]) {
        sqlx::raw_sql("SHUTDOWN").execute(&self.pool("root", "", 1)).await.expect("root may do everything");
        if let Some(mut server) = self.server.take() {
            server.wait().expect("it ends");
        }
        self.options = options.to_vec();
        self.restart().await;
    }

    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// How this account gets in, past the proxy of that port if one is given.
    pub fn options(&self, account: &str, password: &str, port: Option<u16>) -> MySqlConnectOptions {
        let options = MySqlConnectOptions::new().host("127.0.0.1").port(port.unwrap_or(self.port));
        let options = options.username(account).ssl_mode(MySqlSslMode::Disabled);
        if password.is_empty() { options } else { options.password(password) }
    }

    /// A pool of at most so many connections, straight to the server.
    pub fn pool(&self, account: &str, password: &str, connections: u32) -> MySqlPool {
        let options = MySqlPoolOptions::new().max_connections(connections);
        options.connect_lazy_with(self.options(account, password, None))
    }

    /// Kills it at once, as a machine that loses power does.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        if let Some(mut server) = self.server.take() {
            drop(server.wait());
        }
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
        let id = self.server.as_ref().and_then(|server| i32::try_from(server.id()).ok());
        // One that has ended meanwhile needs no signal.
        let _ = id.and_then(Pid::from_raw).map(|id| kill_process(id, signal));
    }

    /// Where it listens besides its port.
    fn socket(&self) -> String {
        self.folder.path().join("socket").display().to_string()
    }

    fn data(&self) -> String {
        format!("--datadir={}", self.folder.path().join("data").display())
    }

    fn command(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        // A server that starts removes what others have in a temporary folder that they share.
        command.env("TMPDIR", self.folder.path());
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Mariadb {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The user and group of this name, or those that own nothing.
fn ordinary_user(name: &str) -> (u32, u32) {
    let id = |of: &str| {
        let output = Command::new("id").args([of, name]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    id("-u").zip(id("-g")).unwrap_or((65_534, 65_534))
}
