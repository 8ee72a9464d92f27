//! Time in which the process did not run is held against no check, and what the wall clock says against nobody.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use health_tests::http::{Wire, get};
use health_tests::servers::{Process, Scratch, eventually, installed};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// Whoever asks begins a run.
const ASKED_ANEW: (&str, &str) = ("HEALTH_DEFAULTS__CACHE", "1ms");

/// Short durations, so that an observation expires in five seconds.
const SHORT: [(&str, &str); 3] = [
    ("HEALTH_DEFAULTS__INTERVAL", "500ms"),
    ("HEALTH_DEFAULTS__TIMEOUT", "4s"),
    ("HEALTH_DEFAULTS__MAX_AGE", "5s"),
];

/// The program, and what it has said.
struct Served {
    process: Process,
    address: SocketAddr,
    orders: ChildStdin,
    lines: Receiver<String>,
    /// The number of the last run of each check that it has told of.
    last_run: HashMap<String, u64>,
    held: HashMap<String, u64>,
    gone: HashMap<String, u64>,
}

impl Served {
    fn start<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_serves_until_stopped"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).envs(variables);
        let mut process = Process::start(&mut command);
        let (orders, output) = (process.0.stdin.take().unwrap(), process.0.stdout.take().unwrap());
        let (says, lines) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| says.send(line))
        });
        let address = lines.recv_timeout(PATIENCE).unwrap();
        let address = loop_until(&lines, address, |line| line.strip_prefix("listening on ")?.parse().ok());
        let (last_run, held, gone) = Default::default();
        Self { process, address, orders, lines, last_run, held, gone }
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.0.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Stops it, and returns when it is.
    fn stop(&self) {
        self.signal(Signal::STOP);
        let stat = format!("/proc/{}/stat", self.process.0.id());
        let until = Instant::now() + PATIENCE;
        while !fs::read_to_string(&stat).unwrap().contains(") T ") {
            assert!(Instant::now() < until, "it does not stop");
            thread::yield_now();
        }
    }

    fn hear(&mut self, line: &str) {
        let (subject, does) = line.split_at(line.match_indices(' ').nth(1).map_or(line.len(), |(at, _)| at));
        let Some((name, run)) = subject.split_once(' ') else { return };
        let Ok(run) = run.parse() else { return };
        match does {
            " is held" => drop(self.held.insert(name.into(), run)),
            " is gone" => drop(self.gone.insert(name.into(), run)),
            _ => {}
        }
        if does != " is gone" {
            self.last_run.insert(name.into(), run);
        }
    }

    /// Hears what it says until this is so.
    fn hear_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{what}"));
            self.hear(&line);
        }
    }

    /// What it has said so far; to be called when it can say no more.
    fn hear_all(&mut self) {
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(100)) {
            self.hear(&line);
        }
    }

    /// What was observed of each check.
    fn tell(&mut self) -> Vec<String> {
        self.order("tell");
        let mut told = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap();
            match &*line {
                "told" => return told,
                line if line.contains(" failed ") => told.push(line.into()),
                line => self.hear(line),
            }
        }
    }

    async fn is_well(&self) {
        eventually("live and ready are well", async || {
            let codes =
                (get(self.address, "/health/ready").await.code, get(self.address, "/health/live").await.code);
            codes == (200, 200)
        })
        .await;
    }
}

fn loop_until<T>(lines: &Receiver<String>, first: String, mut read: impl FnMut(&str) -> Option<T>) -> T {
    let mut line = first;
    loop {
        if let Some(read) = read(&line) {
            return read;
        }
        line = lines.recv_timeout(PATIENCE).unwrap();
    }
}

/// Which run of each check the answer is about.
fn runs(body: &str) -> HashMap<String, u64> {
    let json: Value = serde_json::from_str(body).unwrap();
    let run = |check: &Value| {
        let run = check["summary"].as_str()?.parse().ok()?;
        Some((check["name"].as_str()?.to_owned(), run))
    };
    json["checks"].as_array().unwrap().iter().filter_map(run).collect()
}

#[tokio::test]
async fn after_a_pause_the_first_poll_is_answered_from_new_runs() {
    is_paused(false).await;
}

/// Whoever was to cut off the run that was in flight comes to it only when it has been begun anew.
#[tokio::test]
async fn a_run_that_is_begun_anew_has_all_its_time() {
    is_paused(true).await;
}

async fn is_paused(engine_is_late: bool) {
    let is_long = std::env::var("HEALTH_LONG").as_deref() == Ok("1");
    let (pause, variables) = match is_long {
        true => (Duration::from_secs(60), &[][..]),
        false => (Duration::from_secs(6), &SHORT[..]),
    };
    let mut served = Served::start(variables.iter().copied().chain([ASKED_ANEW]));
    served.is_well().await;
    served.order("hold");
    // Nobody waits for this answer.
    let mut leaves = Wire::to(served.address).await;
    leaves.send("GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n").await;
    served.hear_until("three are held", |served| served.held.len() == 3);
    if engine_is_late {
        served.order("stall");
        loop {
            let line = served.lines.recv_timeout(PATIENCE).unwrap();
            if line == "stalled" {
                break;
            }
            served.hear(&line);
        }
        // The heartbeat asks it once a second, in vain.
        if !is_long {
            thread::sleep(Duration::from_millis(1_200));
        }
    }
    served.stop();
    let held = served.held.clone();
    let (mut ready, mut live) = (Wire::to(served.address).await, Wire::to(served.address).await);
    ready.send("GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n").await;
    live.send("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await;
    served.order("release");
    served.hear_all();
    let before = served.last_run.clone();
    thread::sleep(pause);
    served.signal(Signal::CONT);

    let (first_ready, first_live) = (ready.answer().await, live.answer().await);
    assert_eq!(first_ready.code, 200, "{}", first_ready.body);
    assert_eq!(first_live.code, 200, "{}", first_live.body);
    let (of_ready, of_live) = (runs(&first_ready.body), runs(&first_live.body));
    assert_eq!((of_ready.len(), of_live.len()), (4, 1), "{of_ready:?} {of_live:?}");
    for (name, run) in of_ready.iter().chain(&of_live) {
        assert!(*run > before[name], "{name}: run {run} is not newer than {}", before[name]);
    }
    for path in ["/health/ready", "/health/live"] {
        let again = get(served.address, path).await;
        assert_eq!(again.code, 200, "{}", again.body);
    }
    // Discarded: its destructor has run, it was begun anew, and nobody has observed a timeout or what it said.
    served.hear_until("the run that was stuck is dropped", |served| served.gone.contains_key("stuck"));
    assert_eq!(served.gone["stuck"], held["stuck"]);
    let told = served.tell();
    assert_eq!(told.len(), 6, "{told:?}");
    for line in &told {
        assert!(line.contains(" failed false degraded 0 unhealthy 0 "), "{line}");
    }
}

/// A wall clock that can be set, for one program.
struct WallClock {
    scratch: Scratch,
    ahead: File,
}

impl WallClock {
    /// `None` without a C compiler.
    fn new() -> Option<Self> {
        let compiler = installed("cc")?;
        let scratch = Scratch::new("clock");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/clock_ahead.c");
        let mut command = Command::new(compiler);
        command.args(["-O1", "-shared", "-fPIC", "-o"]).arg(scratch.path().join("clock.so")).arg(source);
        assert!(command.status().unwrap().success());
        let ahead = File::create(scratch.path().join("ahead")).unwrap();
        let clock = Self { scratch, ahead };
        clock.is_ahead(0);
        Some(clock)
    }

    fn is_ahead(&self, seconds: i64) {
        self.ahead.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }

    fn path(&self, file: &str) -> String {
        self.scratch.path().join(file).to_str().unwrap().to_owned()
    }
}

/// When the observation of `quick` was made, by the wall clock of the program.
fn at(body: &str) -> String {
    let json: Value = serde_json::from_str(body).unwrap();
    let checks = json["checks"].as_array().unwrap();
    let quick = checks.iter().find(|check| check["name"] == "quick").unwrap();
    quick["at"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_wall_clock_that_jumps_an_hour_changes_no_verdict() {
    let Some(clock) = WallClock::new() else { return };
    let (library, ahead) = (clock.path("clock.so"), clock.path("ahead"));
    let variables = [("LD_PRELOAD", &*library), ("CLOCK_AHEAD", &*ahead)];
    let mut served = Served::start(SHORT.into_iter().chain(variables));
    served.is_well().await;
    let mut hour = at(&get(served.address, "/health/ready").await.body)[..13].to_owned();
    // An hour forward, then two hours back.
    for seconds in [3600, -3600] {
        clock.is_ahead(seconds);
        let (jumped, mut seen) = (Instant::now(), false);
        // For longer than an observation lasts, every answer is well, those from before the jump first.
        while jumped.elapsed() < Duration::from_secs(6) || !seen {
            assert!(jumped.elapsed() < PATIENCE, "the clock has not jumped");
            for path in ["/health/ready", "/health/live"] {
                let answer = get(served.address, path).await;
                assert_eq!(answer.code, 200, "{}", answer.body);
                seen |= path == "/health/ready" && at(&answer.body)[..13] != hour;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        hour = at(&get(served.address, "/health/ready").await.body)[..13].to_owned();
    }
    for line in served.tell() {
        assert!(line.ends_with(" failed false degraded 0 unhealthy 0 stale 0"), "{line}");
    }
}
