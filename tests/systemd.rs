//! systemd as a service sees it: a socket that is told, and the service that tells.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixDatagram;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::servers::{Process, Scratch};

/// A machine that is busy takes long.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Long enough for many a message that must not come.
pub const QUIET: Duration = Duration::from_secs(3);

/// The receiving end: a message is one datagram.
pub struct Manager(pub UnixDatagram);

impl Manager {
    pub fn at(path: &std::path::Path) -> Self {
        Self(UnixDatagram::bind(path).unwrap())
    }

    fn within(&self, patience: Duration) -> Option<String> {
        self.0.set_read_timeout(Some(patience)).unwrap();
        let mut message = [0; 8192];
        let length = self.0.recv(&mut message).ok()?;
        Some(String::from_utf8(message[..length].to_vec()).unwrap())
    }

    /// Everything up to the first message with such a line, and that.
    pub fn until(&self, is_it: impl Fn(&str) -> bool) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        let mut heard = Vec::new();
        while !heard.last().is_some_and(|message: &String| message.lines().any(&is_it)) {
            let message = self.within(PATIENCE).filter(|_| Instant::now() < end);
            heard.push(message.unwrap_or_else(|| panic!("not within {PATIENCE:?}, after {heard:?}")));
        }
        heard
    }

    pub fn status(&self, expected: &str) -> Vec<String> {
        self.until(|line| line == format!("STATUS={expected}"))
    }

    /// Everything that comes while this lasts.
    pub fn during(&self, quiet: Duration) -> Vec<String> {
        let end = Instant::now() + quiet;
        let mut heard = Vec::new();
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            heard.extend(self.within(left));
        }
        heard
    }
}

pub fn is_dog(line: &str) -> bool {
    line == "WATCHDOG=1"
}

pub fn count(heard: &[String], is_it: impl Fn(&str) -> bool) -> usize {
    heard.iter().flat_map(|message| message.lines()).filter(|line| is_it(line)).count()
}

/// A process that tells, and obeys.
pub struct Service {
    pub process: Process,
    pub orders: ChildStdin,
    pub lines: Receiver<String>,
}

impl Service {
    pub fn start(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sh");
        // A process knows its own number only once it runs.
        let script = format!("[ -z \"$OWN\" ] || export WATCHDOG_PID=$$; exec {program} \"$@\"");
        command.args(["-c", &script, "sh"]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        for variable in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "OWN"] {
            command.env_remove(variable);
        }
        let mut process = Process::start(command.envs(variables.iter().copied()));
        let (orders, output) = (process.0.stdin.take().unwrap(), process.0.stdout.take().unwrap());
        let (says, lines) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| says.send(line))
        });
        Self { process, orders, lines }
    }

    pub fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    /// Everything it says up to the first line with these words, and that.
    pub fn says(&self, words: &str) -> Vec<String> {
        let mut said = Vec::<String>::new();
        while !said.last().is_some_and(|line| line.contains(words)) {
            let line = self.lines.recv_timeout(PATIENCE);
            said.push(line.unwrap_or_else(|_| panic!("{words:?} not within {PATIENCE:?}, after {said:#?}")));
        }
        said
    }

    pub fn threads(&mut self) -> String {
        self.order("threads");
        self.says("threads ").pop().unwrap()
    }
}

/// A service that tells a manager.
pub fn told(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> (Scratch, Manager, Service) {
    let scratch = Scratch::new("sd");
    let path = scratch.path().join("notify");
    let manager = Manager::at(&path);
    let variables = [variables, &[("NOTIFY_SOCKET", path.to_str().unwrap())]].concat();
    let service = Service::start(program, arguments, &variables);
    (scratch, manager, service)
}

/// One that is ready, with a watchdog of a second, of a process of its own.
pub fn watched(program: &str) -> (Scratch, Manager, Service) {
    let (scratch, manager, mut service) = told(program, &[], &[("WATCHDOG_USEC", "1000000"), ("OWN", "1")]);
    service.order("migrate");
    service.order("open");
    manager.until(|line| line == "READY=1");
    manager.until(is_dog);
    (scratch, manager, service)
}
