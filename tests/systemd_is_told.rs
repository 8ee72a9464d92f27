//! systemd hears when the process is ready, how it is, that it makes progress, and when it leaves; nothing that is not so.
#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use health_tests::servers::{Process, Scratch};

const PATIENCE: Duration = Duration::from_secs(60);
/// Long enough for many a message that must not come.
const QUIET: Duration = Duration::from_secs(3);

/// The receiving end: a message is one datagram.
struct Manager(UnixDatagram);

impl Manager {
    fn at(path: &std::path::Path) -> Self {
        Self(UnixDatagram::bind(path).unwrap())
    }

    fn within(&self, patience: Duration) -> Option<String> {
        self.0.set_read_timeout(Some(patience)).unwrap();
        let mut message = [0; 8192];
        let length = self.0.recv(&mut message).ok()?;
        Some(String::from_utf8(message[..length].to_vec()).unwrap())
    }

    /// Everything up to the first message with such a line, and that.
    fn until(&self, is_it: impl Fn(&str) -> bool) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        let mut heard = Vec::new();
        while !heard.last().is_some_and(|message: &String| message.lines().any(&is_it)) {
            let message = self.within(PATIENCE).filter(|_| Instant::now() < end);
            heard.push(message.unwrap_or_else(|| panic!("not within {PATIENCE:?}, after {heard:?}")));
        }
        heard
    }

    fn status(&self, expected: &str) -> Vec<String> {
        self.until(|line| line == format!("STATUS={expected}"))
    }

    /// Everything that comes while this lasts.
    fn during(&self, quiet: Duration) -> Vec<String> {
        let end = Instant::now() + quiet;
        let mut heard = Vec::new();
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            heard.extend(self.within(left));
        }
        heard
    }
}

fn is_dog(line: &str) -> bool {
    line == "WATCHDOG=1"
}

fn count(heard: &[String], is_it: impl Fn(&str) -> bool) -> usize {
    heard.iter().flat_map(|message| message.lines()).filter(|line| is_it(line)).count()
}

struct Service {
    process: Process,
    orders: ChildStdin,
    lines: Receiver<String>,
}

impl Service {
    fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sh");
        // A process knows its own number only once it runs.
        let program = concat!(
            "[ -z \"$OWN\" ] || export WATCHDOG_PID=$$; exec ",
            env!("CARGO_BIN_EXE_notifies_systemd")
        );
        command.args(["-c", &format!("{program} \"$@\""), "sh"]).args(arguments);
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

    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    /// Everything it says up to the first line with these words, and that.
    fn says(&self, words: &str) -> Vec<String> {
        let mut said = Vec::<String>::new();
        while !said.last().is_some_and(|line| line.contains(words)) {
            let line = self.lines.recv_timeout(PATIENCE);
            said.push(line.unwrap_or_else(|_| panic!("{words:?} not within {PATIENCE:?}, after {said:#?}")));
        }
        said
    }

    fn threads(&mut self) -> String {
        self.order("threads");
        self.says("threads ").pop().unwrap()
    }
}

/// A service that tells a manager.
fn told(arguments: &[&str], variables: &[(&str, &str)]) -> (Scratch, Manager, Service) {
    let scratch = Scratch::new("sd");
    let path = scratch.path().join("notify");
    let manager = Manager::at(&path);
    let variables = [variables, &[("NOTIFY_SOCKET", path.to_str().unwrap())]].concat();
    let service = Service::start(arguments, &variables);
    (scratch, manager, service)
}

/// One that is ready, with a watchdog of a second, of a process of its own.
fn watched() -> (Scratch, Manager, Service) {
    let (scratch, manager, mut service) = told(&[], &[("WATCHDOG_USEC", "1000000"), ("OWN", "1")]);
    service.order("migrate");
    service.order("open");
    manager.until(|line| line == "READY=1");
    manager.until(is_dog);
    (scratch, manager, service)
}

#[test]
fn a_whole_life() {
    let (_scratch, manager, mut service) = told(&["5m"], &[]);
    let waits = "starting, waiting for gate:listening startup:schema";
    let mut heard = manager.status(waits);
    assert_eq!(heard.len(), 1, "{heard:#?}");
    heard.extend(manager.status(&format!("{waits}; schema unhealthy: table orders is missing")));
    heard.extend(manager.until(|line| line == "EXTEND_TIMEOUT_USEC=30000000"));
    service.order("migrate");
    heard.extend(manager.status("starting, waiting for gate:listening"));
    // A gate has no limit, and is waited for again and again.
    heard.extend(manager.until(|line| line == "EXTEND_TIMEOUT_USEC=30000000"));
    assert_eq!(count(&heard, |line| line == "READY=1"), 0, "{heard:#?}");

    service.order("open");
    let running = manager.until(|line| line == "READY=1").pop().unwrap();
    assert_eq!(running, "READY=1\nSTATUS=running, healthy");
    service.order("be slow");
    let slow = manager.until(|line| line.starts_with("STATUS=running, degraded")).pop().unwrap();
    // One line, without what would be another message, or a secret.
    assert!(slow.lines().count() == 1 && slow.len() <= "STATUS=".len() + 1024, "{slow:?}");
    assert!(slow.starts_with("STATUS=running, degraded; cache degraded: slow slow slow slow"), "{slow:?}");
    assert!(
        !slow.contains("hunter2") && !slow.chars().any(|c| c.is_control() || c == '\u{202e}'),
        "{slow:?}"
    );
    service.order("be lost");
    manager.status("running, degraded; cache unhealthy: failed");

    service.order("drain");
    let draining = manager.until(|line| line == "STOPPING=1").pop().unwrap();
    assert_eq!(draining, "STOPPING=1\nSTATUS=draining; cache unhealthy: failed");
    // What has been said is not said again.
    service.order("resume");
    let mut heard = manager.status("running, degraded; cache unhealthy: failed");
    service.order("drain");
    heard.extend(manager.status("draining; cache unhealthy: failed"));
    assert_eq!(count(&heard, |line| !line.starts_with("STATUS=")), 0, "{heard:#?}");
    drop(service.orders);
    assert!(service.process.0.wait().unwrap().success());
}

#[test]
fn a_drain_that_may_end_is_no_stop() {
    let (_scratch, manager, mut service) = told(&["5m", "resumes"], &[]);
    service.order("migrate");
    service.order("open");
    manager.until(|line| line == "READY=1");
    service.order("drain");
    let mut heard = manager.status("draining");
    service.order("resume");
    heard.extend(manager.status("running, healthy"));
    assert_eq!(count(&heard, |line| !line.starts_with("STATUS=")), 0, "{heard:#?}");
}

#[test]
fn who_comes_up_while_it_drains_is_ready_if_it_may_resume() {
    let (_scratch, manager, mut service) = told(&["5m", "resumes"], &[]);
    service.order("drain");
    manager.until(|line| line.starts_with("STATUS=draining"));
    service.order("migrate");
    service.order("open");
    manager.until(|line| line == "READY=1");
    service.order("resume");
    let heard = manager.status("running, healthy");
    assert_eq!(count(&heard, |line| line == "READY=1"), 0, "{heard:#?}");
}

#[test]
fn who_comes_up_after_it_has_told_of_its_end_is_not_ready() {
    let (_scratch, manager, mut service) = told(&["5m"], &[]);
    service.order("drain");
    manager.until(|line| line == "STOPPING=1");
    service.order("migrate");
    service.order("open");
    let heard = manager.during(QUIET);
    assert_eq!(count(&heard, |line| line == "READY=1"), 0, "{heard:#?}");
    service.order("resume");
    manager.until(|line| line == "READY=1");
}

#[test]
fn beyond_the_budget_no_more_time_is_asked_for() {
    let (_scratch, manager, mut service) = told(&["2s"], &[]);
    let asked = manager.until(|line| line.starts_with("EXTEND")).pop().unwrap();
    let micros: u64 = asked.strip_prefix("EXTEND_TIMEOUT_USEC=").unwrap().parse().unwrap();
    assert!(micros <= 2_000_000, "{asked}");
    service.says("the start-up budget is used up");
    // Late, and still welcome; from here on only a gate is closed.
    service.order("migrate");
    manager.until(|line| line == "EXTEND_TIMEOUT_USEC=30000000");
    service.order("open");
    manager.until(|line| line == "READY=1");
}

#[test]
fn a_gate_that_can_never_open_is_not_waited_for() {
    let (_scratch, manager, mut service) = told(&["5m", "drops"], &[]);
    service.order("migrate");
    let mut heard = manager.status("starting, waiting for gate:listening (dropped unopened)");
    heard.extend(manager.during(QUIET));
    assert_eq!(count(&heard, |line| line.starts_with("EXTEND")), 0, "{heard:#?}");
}

#[test]
fn who_leaves_as_soon_as_it_is_ready_says_both() {
    let (_scratch, manager, mut service) = told(&[], &[]);
    service.order("migrate");
    manager.status("starting, waiting for gate:listening");
    service.order("open and leave");
    let heard = manager.until(|line| line == "STOPPING=1");
    assert_eq!(count(&heard, |line| line == "READY=1"), 1, "{heard:#?}");
    assert!(service.process.0.wait().unwrap().success());
}

#[test]
fn the_dog_is_fed_at_half_of_its_time_from_the_start() {
    const FEEDS: u32 = 6;
    let (_scratch, manager, _service) = told(&[], &[("WATCHDOG_USEC", "2000000"), ("OWN", "1")]);
    manager.until(is_dog);
    let start = Instant::now();
    for _ in 0..FEEDS {
        manager.until(is_dog);
    }
    // A machine that is busy makes it longer, and nothing shorter.
    assert!(start.elapsed() > Duration::from_millis(700) * FEEDS, "{:?}", start.elapsed());
}

#[test]
fn the_dog_goes_without_while_live_is_unhealthy() {
    let (_scratch, manager, mut service) = watched();
    service.order("die");
    manager.status("running, unhealthy, live unhealthy; alive unhealthy: deadlocked");
    let heard = manager.during(QUIET);
    assert_eq!(count(&heard, is_dog), 0, "{heard:#?}");
    service.says("the watchdog of systemd is not fed");
    service.order("live");
    manager.until(is_dog);
}

#[test]
fn the_dog_goes_without_while_the_runtime_is_blocked() {
    let (_scratch, manager, mut service) = watched();
    service.order("block");
    service.says("blocked");
    // What it was fed until then, and once for the progress that was just seen.
    manager.during(Duration::from_secs(1));
    let heard = manager.during(QUIET);
    assert_eq!(count(&heard, is_dog), 0, "{heard:#?}");
    service.says("the watchdog of systemd is not fed");
    service.order("release");
    manager.until(is_dog);
}

#[test]
fn who_stops_sends_the_dog_away_and_may_be_blocked_for_long() {
    for is_blocked in [false, true] {
        let (_scratch, manager, mut service) = watched();
        if is_blocked {
            service.order("block");
            service.says("blocked");
        }
        service.order("drain");
        let stopping = manager.until(|line| line == "STOPPING=1").pop().unwrap();
        // In the same message: systemd is on the watch again with each food, also while it waits for the end.
        assert_eq!(stopping, "STOPPING=1\nWATCHDOG_USEC=0\nSTATUS=draining");
        let heard = manager.during(QUIET);
        assert_eq!(count(&heard, is_dog), 0, "{heard:#?}");
        if is_blocked {
            service.order("release");
        }
        service.order("resume");
        let mut heard = manager.status("running, healthy");
        heard.extend(manager.during(QUIET));
        assert_eq!(count(&heard, is_dog), 0, "{heard:#?}");
    }
}

#[test]
fn who_may_resume_keeps_the_dog() {
    let variables = [("WATCHDOG_USEC", "1000000"), ("OWN", "1")];
    let (_scratch, manager, mut service) = told(&["5m", "resumes"], &variables);
    service.order("migrate");
    service.order("open");
    manager.until(|line| line == "READY=1");
    service.order("drain");
    let mut heard = manager.status("draining");
    for _ in 0..3 {
        heard.extend(manager.until(is_dog));
    }
    assert_eq!(count(&heard, |line| line.starts_with("WATCHDOG_USEC")), 0, "{heard:#?}");
    // It bites as before.
    service.order("block");
    service.says("blocked");
    manager.during(Duration::from_secs(1));
    let heard = manager.during(QUIET);
    assert_eq!(count(&heard, is_dog), 0, "{heard:#?}");
    service.order("release");
    manager.until(is_dog);
}

#[test]
fn it_ends_with_the_engine() {
    let (_scratch, manager, mut service) = watched();
    let threads = service.threads();
    assert!(threads.contains("health-observer") && threads.contains("health-vigil"), "{threads}");
    service.order("end");
    let until = Instant::now() + PATIENCE;
    while service.threads().contains("health-") {
        assert!(Instant::now() < until, "a thread is left");
    }
    manager.during(Duration::from_millis(1));
    assert_eq!(manager.during(QUIET), [""; 0]);
}

#[test]
fn a_dog_of_another_process_is_not_fed() {
    for (pid, is_fed) in [("1", false), ("", true)] {
        let own = if is_fed { "1" } else { "" };
        let variables = [("WATCHDOG_USEC", "1000000"), ("WATCHDOG_PID", pid), ("OWN", own)];
        let (_scratch, manager, mut service) = told(&[], &variables);
        service.order("migrate");
        service.order("open");
        let mut heard = manager.until(|line| line == "READY=1");
        heard.extend(manager.during(QUIET));
        assert_eq!(count(&heard, is_dog) > 0, is_fed, "{heard:#?}");
        // Nor is it sent away.
        service.order("drain");
        let stopping = manager.until(|line| line == "STOPPING=1").pop().unwrap();
        assert_eq!(stopping.contains("WATCHDOG_USEC=0"), is_fed, "{stopping}");
    }
}

#[test]
fn an_address_of_no_file() {
    let name = format!("health-sd-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let manager = Manager(UnixDatagram::bind_addr(&address).unwrap());
    let mut service = Service::start(&[], &[("NOTIFY_SOCKET", &format!("@{name}"))]);
    service.order("migrate");
    service.order("open");
    manager.until(|line| line == "READY=1");
}

#[test]
fn without_an_address_nothing_happens() {
    for variables in [&[][..], &[("NOTIFY_SOCKET", "")], &[("WATCHDOG_USEC", "abc"), ("WATCHDOG_PID", "abc")]]
    {
        let mut service = Service::start(&[], variables);
        service.order("migrate");
        service.order("open");
        let said = service.says("to=\"running\"");
        assert!(!said.iter().any(|line| line.contains("systemd ")), "{said:#?}");
        assert!(!service.threads().contains("health-observer"));
    }
}

#[test]
fn what_cannot_be_used_is_said() {
    let mut service = Service::start(&[], &[("NOTIFY_SOCKET", "run/notify")]);
    service.order("migrate");
    service.order("open");
    let said = service.says("to=\"running\"");
    let faults: Vec<_> = said.iter().filter(|line| line.contains("systemd is told nothing")).collect();
    assert!(faults.len() == 1 && faults[0].contains("NOTIFY_SOCKET is \"run/notify\""), "{said:#?}");

    let (_scratch, manager, mut service) = told(&[], &[("WATCHDOG_USEC", "abc")]);
    service.order("migrate");
    service.order("open");
    let said = service.says("to=\"running\"");
    let faults: Vec<_> =
        said.iter().filter(|line| line.contains("the watchdog of systemd is not fed")).collect();
    assert!(faults.len() == 1 && faults[0].contains("WATCHDOG_USEC is "), "{said:#?}");
    manager.until(|line| line == "READY=1");
}

#[test]
fn an_address_that_is_gone_is_said_once_and_tried_again() {
    let (scratch, manager, mut service) = watched();
    let path = scratch.path().join("notify");
    std::fs::remove_file(&path).unwrap();
    drop(manager);
    service.says("systemd does not take what it is told");
    service.order("drain");
    service.says("to=\"draining\"");
    let until = Instant::now() + Duration::from_secs(3);
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        let line = service.lines.recv_timeout(left).unwrap_or_default();
        assert!(!line.contains("systemd does not take"), "{line}");
    }
    let manager = Manager::at(&path);
    let owed = manager.until(|line| line == "STOPPING=1").pop().unwrap();
    assert_eq!(owed, "STOPPING=1\nWATCHDOG_USEC=0\nSTATUS=draining");
}
