//! The watchdog of systemd is fed while the process is alive and its runtime makes progress, and is sent away at its end.
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use health_tests::systemd::{QUIET, count, is_dog, told, watched};

const PROGRAM: &str = env!("CARGO_BIN_EXE_notifies_systemd");

#[test]
fn the_dog_is_fed_at_half_of_its_time_from_the_start() {
    const FEEDS: u32 = 6;
    let (_scratch, manager, _service) = told(PROGRAM, &[], &[("WATCHDOG_USEC", "2000000"), ("OWN", "1")]);
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
    let (_scratch, manager, mut service) = watched(PROGRAM);
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
    let (_scratch, manager, mut service) = watched(PROGRAM);
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
        let (_scratch, manager, mut service) = watched(PROGRAM);
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
    let (_scratch, manager, mut service) = told(PROGRAM, &["5m", "resumes"], &variables);
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
fn a_dog_of_another_process_is_not_fed() {
    for (pid, is_fed) in [("1", false), ("", true)] {
        let own = if is_fed { "1" } else { "" };
        let variables = [("WATCHDOG_USEC", "1000000"), ("WATCHDOG_PID", pid), ("OWN", own)];
        let (_scratch, manager, mut service) = told(PROGRAM, &[], &variables);
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
