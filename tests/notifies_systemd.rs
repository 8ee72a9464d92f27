//! A program that tells systemd how it is, and obeys the lines on its input. The first argument is its start-up budget,
//! the second `resumes` for one that may, or `drops` for one that forgets to open its gate.

use std::io::{self, BufRead as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use health_core::{Gate, Health, Outcome, Probe, Scope, Spec, Systemd};
use tokio::runtime::{Builder, Handle};

/// What the checks say; all is well at the start, but for what startup waits for.
#[derive(Default)]
struct World {
    is_migrated: AtomicBool,
    is_dead: AtomicBool,
    is_slow: AtomicBool,
    is_lost: AtomicBool,
}

impl World {
    fn schema(&self) -> Outcome {
        let is_there = self.is_migrated.load(Ordering::SeqCst);
        if is_there { Outcome::healthy() } else { Outcome::unhealthy("table orders is missing") }
    }

    fn alive(&self) -> Outcome {
        let is_dead = self.is_dead.load(Ordering::SeqCst);
        if is_dead { Outcome::unhealthy("deadlocked") } else { Outcome::healthy() }
    }

    fn cache(&self) -> Result<Outcome, io::Error> {
        if self.is_lost.load(Ordering::SeqCst) {
            return Err(io::Error::other("postgres://app:hunter2@db.internal is gone"));
        }
        let is_slow = self.is_slow.load(Ordering::SeqCst);
        let slow = format!(
            "{}\nREADY=1\r\nMAINPID=1 password=hunter2 \u{202e} {}",
            "slow ".repeat(4),
            "x".repeat(2_000)
        );
        Ok(if is_slow { Outcome::degraded(slow) } else { Outcome::healthy() })
    }
}

fn start(world: &Arc<World>, gate: &Gate) -> Health {
    let mut arguments = std::env::args().skip(1);
    let mut systemd = Systemd::new();
    if let Some(budget) = arguments.next() {
        systemd = systemd.startup_budget(budget);
    }
    if arguments.next().as_deref() == Some("resumes") {
        systemd = systemd.may_resume();
    }
    let often = |name| Spec::named(name).interval(Duration::from_millis(100));
    Health::builder()
        .check_with(often("schema").probe(Probe::Startup), Arc::clone(world), async |world| world.schema())
        .check_with(
            // What it said before the runtime was blocked stands.
            often("alive").probe(Probe::Live).scope(Scope::Local).max_age("1h"),
            Arc::clone(world),
            async |world| world.alive(),
        )
        .check_with(often("cache").critical(false), Arc::clone(world), async |world| world.cache())
        .gate(gate)
        .systemd(systemd)
        .build()
        .expect("it can be built")
        .start()
}

fn threads() -> String {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a system that tells");
    let name =
        |task: io::Result<std::fs::DirEntry>| std::fs::read_to_string(task.ok()?.path().join("comm")).ok();
    let mut names: Vec<_> = tasks.filter_map(name).map(|name| name.trim_end().to_owned()).collect();
    names.sort();
    names.join(",")
}

fn obey(health: Health, world: &World, gate: Option<Gate>, runtime: &Handle) {
    let barrier = Arc::new(Barrier::new(2));
    let mut health = Some(health);
    for order in io::stdin().lock().lines().map_while(Result::ok) {
        match (&*order, &health) {
            ("migrate", _) => world.is_migrated.store(true, Ordering::SeqCst),
            ("open", _) => gate.iter().for_each(Gate::open),
            ("die", _) => world.is_dead.store(true, Ordering::SeqCst),
            ("live", _) => world.is_dead.store(false, Ordering::SeqCst),
            ("be slow", _) => world.is_slow.store(true, Ordering::SeqCst),
            ("be lost", _) => world.is_lost.store(true, Ordering::SeqCst),
            ("drain", Some(health)) => health.drain(),
            ("open and leave", Some(health)) => {
                gate.iter().for_each(Gate::open);
                health.drain();
                std::process::exit(0);
            }
            ("resume", Some(health)) => health.resume(),
            ("block", _) => {
                let barrier = Arc::clone(&barrier);
                drop(runtime.spawn(async move {
                    println!("blocked");
                    barrier.wait();
                }));
            }
            ("release", _) => drop(barrier.wait()),
            ("end", _) => health = None,
            ("threads", _) => println!("threads {}", threads()),
            (other, _) => panic!("{other:?} is no order"),
        }
    }
    std::process::exit(0);
}

fn main() {
    tracing_subscriber::fmt().with_ansi(false).with_writer(io::stdout).init();
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (world, gate) = (Arc::new(World::default()), Gate::new("listening"));
        let health = start(&world, &gate);
        let gate = (std::env::args().nth(2).as_deref() != Some("drops")).then_some(gate);
        let handle = Handle::current();
        std::thread::spawn(move || obey(health, &world, gate, &handle));
        std::future::pending::<()>().await;
    });
}
