//! systemd hears when the process is ready, how it is, and when it leaves; nothing that is not so.
#![cfg(target_os = "linux")]

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use health_tests::systemd::{Manager, PATIENCE, QUIET, Service, count, told, watched};

const PROGRAM: &str = env!("CARGO_BIN_EXE_notifies_systemd");

#[test]
fn a_whole_life() {
    let (_scratch, manager, mut service) = told(PROGRAM, &["5m"], &[]);
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
    let (_scratch, manager, mut service) = told(PROGRAM, &["5m", "resumes"], &[]);
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
    let (_scratch, manager, mut service) = told(PROGRAM, &["5m", "resumes"], &[]);
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
    let (_scratch, manager, mut service) = told(PROGRAM, &["5m"], &[]);
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
    let (_scratch, manager, mut service) = told(PROGRAM, &["2s"], &[]);
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
    let (_scratch, manager, mut service) = told(PROGRAM, &["5m", "drops"], &[]);
    service.order("migrate");
    let mut heard = manager.status("starting, waiting for gate:listening (dropped unopened)");
    heard.extend(manager.during(QUIET));
    assert_eq!(count(&heard, |line| line.starts_with("EXTEND")), 0, "{heard:#?}");
}

#[test]
fn who_leaves_as_soon_as_it_is_ready_says_both() {
    let (_scratch, manager, mut service) = told(PROGRAM, &[], &[]);
    service.order("migrate");
    manager.status("starting, waiting for gate:listening");
    service.order("open and leave");
    let heard = manager.until(|line| line == "STOPPING=1");
    assert_eq!(count(&heard, |line| line == "READY=1"), 1, "{heard:#?}");
    assert!(service.process.0.wait().unwrap().success());
}

#[test]
fn it_ends_with_the_engine() {
    let (_scratch, manager, mut service) = watched(PROGRAM);
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
fn an_address_of_no_file() {
    let name = format!("health-sd-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let manager = Manager(UnixDatagram::bind_addr(&address).unwrap());
    let mut service = Service::start(PROGRAM, &[], &[("NOTIFY_SOCKET", &format!("@{name}"))]);
    service.order("migrate");
    service.order("open");
    manager.until(|line| line == "READY=1");
}

#[test]
fn without_an_address_nothing_happens() {
    for variables in [&[][..], &[("NOTIFY_SOCKET", "")], &[("WATCHDOG_USEC", "abc"), ("WATCHDOG_PID", "abc")]]
    {
        let mut service = Service::start(PROGRAM, &[], variables);
        service.order("migrate");
        service.order("open");
        let said = service.says("to=\"running\"");
        assert!(!said.iter().any(|line| line.contains("systemd ")), "{said:#?}");
        assert!(!service.threads().contains("health-observer"));
    }
}

#[test]
fn what_cannot_be_used_is_said() {
    let mut service = Service::start(PROGRAM, &[], &[("NOTIFY_SOCKET", "run/notify")]);
    service.order("migrate");
    service.order("open");
    let said = service.says("to=\"running\"");
    let faults: Vec<_> = said.iter().filter(|line| line.contains("systemd is told nothing")).collect();
    assert!(faults.len() == 1 && faults[0].contains("NOTIFY_SOCKET is \"run/notify\""), "{said:#?}");

    let (_scratch, manager, mut service) = told(PROGRAM, &[], &[("WATCHDOG_USEC", "abc")]);
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
    let (scratch, manager, mut service) = watched(PROGRAM);
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
