//! One of the instances: the program of the example `actix_app`, as a process that is told to stop and started again.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::way::Way;

/// How long it may take to start, and to end after the drain delay.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Instance {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) agent: SocketAddr,
    program: PathBuf,
    folder: PathBuf,
    way: Way,
    drain: Duration,
    process: Option<Child>,
}

impl Instance {
    pub(crate) fn new(
        name: &'static str,
        [address, agent]: [SocketAddr; 2],
        program: &Path,
        folder: &Path,
        way: Way,
        drain: Duration,
    ) -> Self {
        let (program, folder) = (program.to_owned(), folder.join(name));
        Self { name, address, agent, program, folder, way, drain, process: None }
    }

    /// Starts it, and waits until it says where it listens.
    pub(crate) async fn start(&mut self) -> Result<(), Box<dyn Error>> {
        fs::create_dir_all(&self.folder)?;
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut process = Command::new(&self.program)
            // What the environment of this program says is not meant for it.
            .env_clear()
            .env("BIND", self.address.to_string())
            .env("DATA_DIR", &self.folder)
            .env("TMPDIR", &self.folder)
            .env("DRAIN_MS", self.drain.as_millis().to_string())
            .envs(self.way.variables(self.agent))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let mut output = BufReader::new(process.stdout.take().ok_or("its output is not piped")?);
        self.process = Some(process);
        let mut line = String::new();
        timeout(PATIENCE, output.read_line(&mut line)).await??;
        if !line.starts_with("listening on ") {
            return Err(
                format!("`{}` did not start; its log ends with\n{}", self.name, self.last_words()).into()
            );
        }
        // What else it prints is read, so that it can print.
        tokio::spawn(async move { tokio::io::copy(&mut output, &mut tokio::io::sink()).await });
        Ok(())
    }

    pub(crate) fn terminate(&self) -> Result<(), Box<dyn Error>> {
        let id = self.process.as_ref().and_then(Child::id).ok_or("it does not run")?;
        let id = Pid::from_raw(id.try_into()?).ok_or("it does not run")?;
        Ok(kill_process(id, Signal::TERM)?)
    }

    /// Waits for its end, and says how it ended.
    pub(crate) async fn ended(&mut self) -> Result<Ending, Box<dyn Error>> {
        let process = self.process.as_mut().ok_or("it does not run")?;
        let limit = self.drain + PATIENCE;
        let ended = timeout(limit, process.wait()).await;
        let status = ended.map_err(|_| format!("`{}` did not end within {limit:?}", self.name))??;
        self.process = None;
        Ok(Ending { code: status.code(), last_words: self.last_words() })
    }

    /// Ends it at once, so that its ports are free.
    pub(crate) async fn kill(mut self) -> io::Result<()> {
        match &mut self.process {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// How many orders it has taken in; each has its receipt.
    pub(crate) fn orders(&self) -> Result<u64, Box<dyn Error>> {
        let mut orders = 0;
        for file in fs::read_dir(self.folder.join("receipts"))? {
            orders += u64::from(file?.path().extension().is_some_and(|extension| extension == "txt"));
        }
        Ok(orders)
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(10)..).unwrap_or_default().join("\n")
    }
}

/// How a process has ended.
pub(crate) struct Ending {
    /// `None` when a signal killed it.
    pub(crate) code: Option<i32>,
    pub(crate) last_words: String,
}
