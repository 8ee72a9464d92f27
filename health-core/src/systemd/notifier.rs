//! Tells systemd what it has not been told yet, and goes on telling what must be repeated.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::{Duration, Instant};

use super::Options;
use super::dog::Dog;
use super::environment::Environment;
use super::leave::{Leave, RENEWAL};
use super::line;
use super::outlet::{Outlet, say};
use super::progress::Progress;
use crate::engine::{Engine, Pace, Subject, Tick};
use crate::{Phase, Probe, Status};

/// How often the runtime is handed a task at least, and how long a message that was not taken is kept.
const SECOND: Duration = Duration::from_secs(1);
/// Watchdogs of less than a second are looked after more often.
const TICK: Duration = Duration::from_millis(100);
const QUICK_TICK: Duration = Duration::from_millis(5);

/// The engine holds it; observers and the vigil look in.
pub(crate) struct Notifier {
    engine: Weak<Engine>,
    may_resume: bool,
    tick: Duration,
    state: Mutex<State>,
}

struct State {
    outlet: Outlet,
    told: Told,
    /// When it was last tried to tell what has not been taken.
    owed: Option<Instant>,
    progress: Progress,
    dog: Option<Dog>,
    /// Whether it has been said that the dog goes without, and that no more time is asked for.
    is_dog_mourned: bool,
    is_leave_over: bool,
    leave: Leave,
}

#[derive(Default)]
struct Told {
    ready: bool,
    stopping: bool,
    status: String,
}

impl Notifier {
    /// `None`, and no thread, when nobody wants to be told.
    pub(crate) fn start(engine: &Arc<Engine>, options: Options) -> Option<Arc<Self>> {
        let environment = Environment::read(|name| std::env::var_os(name), std::process::id());
        let unusable = |error: &dyn std::fmt::Display| {
            tracing::error!(target: "health", %error, "systemd is told nothing");
        };
        let environment = environment.inspect_err(|fault| unusable(fault)).ok().flatten()?;
        Self::in_environment(environment, engine, options).inspect_err(|refused| unusable(refused)).ok()
    }

    fn in_environment(
        environment: Environment,
        engine: &Arc<Engine>,
        options: Options,
    ) -> io::Result<Arc<Self>> {
        let Environment { socket, watchdog, faults } = environment;
        for error in faults {
            tracing::error!(target: "health", error, "the watchdog of systemd is not fed");
        }
        let outlet = Outlet::to(socket)?;
        let now = Instant::now();
        let dog = watchdog.map(|limit| Dog::new(limit, now));
        let period = dog.as_ref().map_or(SECOND, |dog| SECOND.min(dog.freshness() / 2));
        let notifier = Arc::new(Self {
            engine: Arc::downgrade(engine),
            may_resume: options.may_resume,
            tick: if watchdog.is_some_and(|limit| limit < SECOND) { QUICK_TICK } else { TICK },
            state: Mutex::new(State {
                outlet,
                told: Told::default(),
                owed: None,
                progress: Progress::every(period),
                dog,
                is_dog_mourned: false,
                is_leave_over: false,
                leave: Leave::new(options.startup_budget, now),
            }),
        });
        let attended: Weak<Self> = Arc::downgrade(&notifier);
        engine.vigil().attend(attended);
        let observer = Arc::downgrade(&notifier);
        let tell = move |_: &_| {
            if let Some(notifier) = observer.upgrade() {
                notifier.tell();
            }
        };
        engine.journal().observe(tell)?;
        notifier.tell();
        Ok(notifier)
    }

    /// Tells what has changed since it was last told. Waits for nobody, but for whoever is telling at this moment.
    pub(crate) fn tell(&self) {
        let Some(engine) = self.engine.upgrade() else { return };
        let _clock = engine.runtime().enter();
        self.tell_of(&engine, &mut self.state());
        // What must be repeated, or was not taken, is up to the vigil.
        engine.vigil().arm();
    }

    /// Nothing that can panic runs under the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_of(&self, engine: &Engine, state: &mut State) {
        // Under the lock, so that what is told last is what was seen last.
        let report = engine.look_at(Subject::Whole);
        let (phase, status) = (report.phase(), line::of(&report, engine.status(Probe::Live)));
        let told = &mut state.told;
        let stopping = phase == Phase::Draining && !told.stopping && !self.may_resume;
        // Who drains may have come up unnoticed; after the end is told it is too late.
        let has_come_up = match phase {
            Phase::Starting => false,
            Phase::Running => true,
            Phase::Draining => !told.stopping && engine.has_come_up(),
        };
        let mut ready = has_come_up && !told.ready;
        if ready && stopping {
            // By itself: systemd overlooks it in a message that tells of the end.
            told.ready = state.outlet.send("READY=1");
            if !told.ready {
                state.owed = Some(Instant::now());
                return;
            }
            ready = false;
        }
        let mut message = String::new();
        if ready {
            message.push_str("READY=1\n");
        }
        if stopping {
            message.push_str("STOPPING=1\n");
            if state.dog.is_some() {
                message.push_str("WATCHDOG_USEC=0\n");
            }
        }
        if status != told.status {
            message.push_str("STATUS=");
            message.push_str(&status);
        }
        if message.is_empty() || state.outlet.send(message.trim_end()) {
            state.owed = None;
            told.ready |= ready;
            told.stopping |= stopping;
            told.status = status;
            if stopping {
                // Each food would set the watch again, and nobody could feed it after the end of the engine.
                state.dog = None;
            }
        } else {
            state.owed = Some(Instant::now());
        }
    }

    /// Feeds the dog if all is well, and remembers whether it was.
    fn feed(&self, engine: &Engine, state: &mut State, now: Instant) {
        let Some(dog) = state.dog.as_mut().filter(|dog| dog.is_due(self.tick, now)) else { return };
        let why = if engine.status(Probe::Live) == Status::Unhealthy {
            Some("live is unhealthy")
        } else if !state.progress.is_within(dog.freshness(), now) {
            Some("the runtime of the engine makes no progress")
        } else {
            None
        };
        if why.is_none() && state.outlet.send("WATCHDOG=1") {
            dog.is_fed(now);
            state.is_dog_mourned = false;
        }
        if let Some(why) = why.filter(|_| dog.is_starving(now) && !state.is_dog_mourned) {
            state.is_dog_mourned = true;
            say(move || {
                tracing::error!(target: "health", why, "the watchdog of systemd is not fed: it is about to end the process");
            });
        }
    }

    /// Asks for more time if the start makes progress and can still end well.
    fn ask_for_time(engine: &Engine, state: &mut State, now: Instant) {
        let has_limit = engine.waits_for_startup();
        if has_limit && state.leave.is_used_up(now) && !state.is_leave_over {
            state.is_leave_over = true;
            say(|| {
                tracing::error!(target: "health", "the start-up budget is used up: systemd is asked for no more time");
            });
        }
        let Some(more) = state.leave.due(has_limit, now) else { return };
        let can_end = !engine.waits_in_vain();
        if can_end
            && state.progress.is_within(RENEWAL / 2, now)
            && state.outlet.send(&format!("EXTEND_TIMEOUT_USEC={}", more.as_micros()))
        {
            state.leave.is_asked(now);
        }
    }
}

impl Tick for Notifier {
    fn tick(&self, now: Instant) -> Pace {
        let Some(engine) = self.engine.upgrade() else { return Pace::Rest };
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Somebody is telling; that is over by the next tick.
            Err(TryLockError::WouldBlock) => return Pace::Slow,
        };
        // By the clock of the checks, which stands still where a test has paused it.
        let _clock = engine.runtime().enter();
        let is_starting = engine.phase() == Phase::Starting;
        if is_starting || state.dog.is_some() {
            state.progress.look(engine.runtime(), now);
        }
        if state.owed.is_some_and(|tried| now.saturating_duration_since(tried) >= SECOND) {
            self.tell_of(&engine, &mut state);
        }
        if is_starting {
            Self::ask_for_time(&engine, &mut state, now);
        }
        self.feed(&engine, &mut state, now);
        if state.dog.is_some() && self.tick < TICK {
            Pace::Fast
        } else if state.dog.is_some() || is_starting || state.owed.is_some() {
            Pace::Slow
        } else {
            Pace::Rest
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    use std::thread;

    use super::*;
    use crate::Health;

    #[tokio::test]
    async fn who_drains_is_not_ready_also_while_somebody_is_telling() {
        let address =
            SocketAddr::from_abstract_name(format!("health-notifier-{}", std::process::id())).unwrap();
        let _manager = UnixDatagram::bind_addr(&address).unwrap();
        let health = Health::builder().build().unwrap().start();
        let engine = &health.engine;
        let environment = Environment { socket: address, watchdog: None, faults: Vec::new() };
        let options = Options { startup_budget: SECOND, may_resume: false };
        let notifier = Notifier::in_environment(environment, engine, options).unwrap();
        engine.tell_through(Arc::clone(&notifier));
        assert_eq!(engine.status(Probe::Ready), Status::Healthy);
        thread::scope(|threads| {
            let telling = notifier.state();
            threads.spawn(|| health.drain());
            let end = Instant::now() + 10 * SECOND;
            while engine.status(Probe::Ready) == Status::Healthy && Instant::now() < end {
                thread::yield_now();
            }
            let ready = engine.status(Probe::Ready);
            drop(telling);
            assert_eq!(ready, Status::Unhealthy);
        });
    }
}
