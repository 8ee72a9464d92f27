//! Time in which the process was paused is nobody's: a run that was in flight is begun anew, and one that blocks has its
//! whole time again, and no more than that.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use health_core::{Ended, Health, Probe, Spec};

/// Names the process that is paused, in its environment.
const PAUSED: &str = "HEALTH_TEST_IS_PAUSED";
const PAUSE: Duration = Duration::from_secs(1);
/// Far longer than a run may take.
const PATIENCE: Duration = Duration::from_secs(30);

struct Paused(Child);

impl Paused {
    /// This test again, in a process of its own.
    fn running(test: &str) -> (Self, Lines<BufReader<ChildStdout>>) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(PAUSED, "1").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (Self(child), lines)
    }

    fn pause(&self) {
        self.signal("-STOP");
        thread::sleep(PAUSE);
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill {signal}");
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_paused() -> bool {
    std::env::var_os(PAUSED).is_some()
}

#[test]
fn what_blocks_across_a_pause_is_timed_out_in_the_end() {
    if is_paused() {
        return block();
    }
    let (child, lines) = Paused::running("what_blocks_across_a_pause_is_timed_out_in_the_end");
    let mut lines = lines.map(Result::unwrap);
    assert!(lines.any(|line| line.ends_with("begun")));
    child.pause();
    let said = lines.find(|line| line.starts_with("ended: ")).unwrap();
    assert_eq!(said, "ended: [Some(Timeout), Some(Timeout)]");
}

/// The other process.
fn block() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    let (begins, begun) = mpsc::channel();
    let blocks = move || -> () {
        begins.send(()).unwrap();
        loop {
            thread::park();
        }
    };
    let blocks_too = blocks.clone();
    let spec = |name| Spec::named(name).timeout("1500ms").interval("1h");
    let health = Health::builder()
        .check_blocking(spec("on-a-thread"), blocks)
        .check_fn(spec("on-the-runtime"), move || {
            let blocks = blocks_too.clone();
            async move { blocks() }
        })
        .build()
        .unwrap()
        .start_on(runtime.handle());
    (0..2).for_each(|_| begun.recv().unwrap());
    println!("\nbegun");
    let start = Instant::now();
    let ended = loop {
        let report = futures::executor::block_on(health.report(Probe::Ready));
        let ended: Vec<Option<Ended>> = report.entries().iter().map(|entry| entry.ended()).collect();
        if ended.iter().all(Option::is_some) || start.elapsed() > PATIENCE {
            break ended;
        }
    };
    println!("\nended: {ended:?}");
    std::process::exit(0);
}

#[test]
fn the_first_poll_after_a_pause_is_answered_from_a_new_run() {
    if is_paused() {
        return wait();
    }
    let (child, lines) = Paused::running("the_first_poll_after_a_pause_is_answered_from_a_new_run");
    let mut lines = lines.map(Result::unwrap);
    assert!(lines.any(|line| line.ends_with("begun")));
    child.pause();
    let said = lines.find(|line| line.starts_with("after it: ")).unwrap();
    assert_eq!(said, "after it: healthy, 2 runs each");
}

/// The other process.
fn wait() {
    const CHECKS: usize = 20;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut builder = Health::builder().deadline("10s");
    let runs: Vec<_> = (0..CHECKS).map(|_| Arc::new(AtomicUsize::new(0))).collect();
    for (check, runs) in runs.iter().enumerate() {
        let runs = Arc::clone(runs);
        // Past its timeout when the pause ends, and the second run is well.
        let spec = Spec::named(format!("check-{check}")).timeout("900ms").interval("1h");
        builder = builder.check_fn(spec, move || {
            let is_first = runs.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if is_first {
                    std::future::pending::<()>().await;
                }
            }
        });
    }
    let health = builder.build().unwrap().start_on(runtime.handle());
    while runs.iter().any(|runs| runs.load(Ordering::SeqCst) == 0) {
        thread::yield_now();
    }
    // The pause lies between one look at the clock and the next, wherever it begins.
    let mut seen = Instant::now();
    println!("\nbegun");
    while std::mem::replace(&mut seen, Instant::now()).elapsed() < PAUSE / 2 {
        thread::sleep(Duration::from_millis(5));
    }
    let report = futures::executor::block_on(health.report(Probe::Ready));
    let each = runs.iter().map(|runs| runs.load(Ordering::SeqCst)).max().unwrap();
    println!("\nafter it: {}, {each} runs each", report.status());
    std::process::exit(0);
}
