//! What a scenario leaves behind: tasks, threads, descriptors.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use actix_web::rt::System;
use tokio::runtime::{Builder, Handle};

/// Whatever has been told to end has ended long before.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked whether it has.
const A_MOMENT: Duration = Duration::from_millis(2);

/// Says to a process that it runs one test and nothing else.
const ALONE: &str = "HEALTH_TEST_IS_ALONE";

/// Where a scenario is run: on a runtime of its own, that ends after it.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    OneThread,
    SeveralThreads,
    Actix,
}

pub const PLACES: [Place; 3] = [Place::OneThread, Place::SeveralThreads, Place::Actix];

/// What there was after a scenario, and not before it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// How many more tasks there were on its runtime, before that ended.
    pub tasks: usize,
    /// The names of threads.
    pub threads: Vec<String>,
    /// What descriptors are of.
    pub descriptors: Vec<String>,
}

impl Left {
    pub fn nothing() -> Self {
        Self::default()
    }
}

/// Runs the scenario, and waits until it has left nothing behind, or no longer than `patience` for each of the three.
///
/// Threads and descriptors are those of the whole process, so whoever asks has to be [`alone`] in it.
pub fn after(place: Place, patience: Duration, scenario: impl AsyncFnOnce()) -> Left {
    assert!(is_alone(), "other tests of this process would be counted too");
    // What Tokio opens once and keeps for the life of the process is nobody's leak.
    on(&mut Builder::new_current_thread(), async { 0 });
    let (threads, descriptors) = (threads(), descriptors());
    let measured = async move {
        let tasks = || Handle::current().metrics().num_alive_tasks();
        let before = tasks();
        scenario().await;
        let until = Instant::now() + patience;
        while tasks() > before && Instant::now() < until {
            tokio::time::sleep(A_MOMENT).await;
        }
        tasks().saturating_sub(before)
    };
    let tasks = match place {
        Place::OneThread => on(&mut Builder::new_current_thread(), measured),
        Place::SeveralThreads => on(Builder::new_multi_thread().worker_threads(2), measured),
        Place::Actix => System::new().block_on(measured),
    };
    Left {
        tasks,
        threads: left(&threads, self::threads, patience),
        descriptors: left(&descriptors, self::descriptors, patience),
    }
}

fn on(builder: &mut Builder, work: impl Future<Output = usize>) -> usize {
    builder.enable_all().build().expect("a runtime").block_on(work)
}

type Found = BTreeSet<(String, String)>;

/// The names of those that are there now and were not before, once they have had time to go.
fn left(before: &Found, now: fn() -> Found, patience: Duration) -> Vec<String> {
    let until = Instant::now() + patience;
    loop {
        let left: Vec<_> = now().difference(before).map(|(_, name)| name.clone()).collect();
        if left.is_empty() || Instant::now() >= until {
            return left;
        }
        sleep(A_MOMENT);
    }
}

/// The threads of this process, by number and name.
fn threads() -> Found {
    listed("/proc/self/task", |path| {
        fs::read_to_string(path.join("comm")).ok().map(|name| name.trim().to_owned())
    })
}

/// The open descriptors of this process, by number and by what they are of.
fn descriptors() -> Found {
    let mut found = listed("/proc/self/fd", |path| Some(fs::read_link(path).ok()?.display().to_string()));
    // The one through which they were listed.
    found.retain(|(number, _)| fs::exists(format!("/proc/self/fd/{number}")).unwrap_or(false));
    found
}

/// Those that end while they are listed are not there.
fn listed(folder: &str, name: impl Fn(&std::path::Path) -> Option<String>) -> Found {
    let entries = fs::read_dir(folder).expect("Linux").filter_map(Result::ok);
    entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, name(&entry.path())?))).collect()
}

fn is_alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

/// Runs the body of the test of this name in a process in which there is nothing else.
pub fn alone(test: &str, body: impl FnOnce()) {
    if is_alone() {
        return body();
    }
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    let output = command.args(["--exact", test, "--nocapture"]).env(ALONE, "1").output().expect("it starts");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("test result: ok. 1 passed"), "alone:\n{said}");
}
