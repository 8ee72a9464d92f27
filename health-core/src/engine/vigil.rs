//! A thread of the engine's own that only keeps time: it notices when the process was paused and what is stuck.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::Instant;

use super::pulse::Pulse;
pub(crate) use super::pulse::Stamp;
pub(crate) use super::rhythm::Pace;
use super::rhythm::{Next, Rhythm};

/// What the vigil looks after. A panic in here is contained.
pub(crate) trait Tick: Send + Sync {
    /// Looks, quickly and without waiting for anything: whoever holds up the vigil looks like a pause of the process.
    fn tick(&self, now: Instant) -> Pace;

    /// Called before a tick that does not follow from the one before: the process was paused in between, or the vigil
    /// was at rest. What was measured across the gap says nothing.
    fn resumed(&self, _now: Instant) {}
}

/// The thread, started with the first [`arm`](Self::arm) and ended when this is dropped. It runs in real time, also
/// where the time of a runtime is paused.
pub(crate) struct Vigil {
    core: Arc<Core>,
}

struct Core {
    pulse: Pulse,
    attended: Mutex<Vec<Weak<dyn Tick>>>,
    thread: Mutex<Option<Thread>>,
    has_ended: AtomicBool,
}

/// Nothing that can panic runs under one of the locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Vigil {
    /// Without a thread yet.
    pub(crate) fn new() -> Self {
        Self {
            core: Arc::new(Core {
                pulse: Pulse::new(Instant::now()),
                attended: Mutex::default(),
                thread: Mutex::default(),
                has_ended: AtomicBool::new(false),
            }),
        }
    }

    /// Something is in flight from here on that an attended [`Tick`] knows of. One atomic load while it is awake.
    ///
    /// Whoever arms first makes visible, to its own tick, what it arms for.
    pub(crate) fn arm(&self) {
        // A thread of the system takes no part in a controlled order.
        if !self.core.pulse.is_awake() && !crate::sync::IS_CONTROLLED {
            self.rouse();
        }
    }

    #[cold]
    fn rouse(&self) {
        let mut thread = lock(&self.core.thread);
        if self.core.has_ended.load(Ordering::Acquire) {
            return;
        }
        if thread.is_none() {
            let core = Arc::clone(&self.core);
            let started = thread::Builder::new().name("health-vigil".into()).spawn(move || core.keep());
            // Without a thread nothing is ever taken for a pause; the next one who arms tries again.
            *thread = started.ok().map(|started| started.thread().clone());
        }
        if let Some(thread) = &*thread {
            if self.core.pulse.rouse(Instant::now()) {
                thread.unpark();
            }
        }
    }

    /// Asks for a tick now, as after the last one the pace may be too slow for what has happened since.
    pub(crate) fn hurry(&self) {
        self.arm();
        if let Some(thread) = &*lock(&self.core.thread) {
            thread.unpark();
        }
    }

    /// To be taken when something begins that a pause would spoil, after [`arm`](Self::arm).
    pub(crate) fn stamp(&self) -> Stamp {
        self.core.pulse.stamp(Instant::now())
    }

    /// Whether the process was paused since, by half a second or more. To be asked after the clock was read that the
    /// answer is about, on any thread.
    pub(crate) fn was_paused_since(&self, stamp: Stamp) -> bool {
        self.core.pulse.was_paused_since(stamp, Instant::now())
    }

    /// Ends the thread, and there will be no other. From then on nothing is taken for a pause.
    pub(crate) fn end(&self) {
        self.core.has_ended.store(true, Ordering::Release);
        if let Some(thread) = &*lock(&self.core.thread) {
            thread.unpark();
        }
    }

    /// Has it looked after from now on, whenever it is awake, for as long as it lives. Does not wake it.
    pub(crate) fn attend(&self, tick: Weak<dyn Tick>) {
        lock(&self.core.attended).push(tick);
    }
}

impl Drop for Vigil {
    fn drop(&mut self) {
        self.end();
    }
}

impl Core {
    fn keep(&self) {
        let mut rhythm = Rhythm::default();
        let mut last = None;
        while !self.has_ended.load(Ordering::Acquire) {
            let now = Instant::now();
            let stamp = self.pulse.beat(now);
            let follows = last.replace(stamp) == Some(stamp);
            let pace = self.look(now, follows);
            match rhythm.after(pace, self.pulse.is_awake(), now) {
                Next::Wait(period) => thread::park_timeout(period),
                Next::Rouse(period) => {
                    self.pulse.rouse(now);
                    thread::park_timeout(period);
                }
                Next::LieDown(period) => {
                    self.pulse.rest(now);
                    thread::park_timeout(period);
                }
                Next::Sleep => {
                    last = None;
                    thread::park();
                }
            }
        }
    }

    /// Calls all that are attended and says what pace they want; those that are gone are forgotten.
    fn look(&self, now: Instant, follows: bool) -> Pace {
        let mut present = Vec::new();
        lock(&self.attended).retain(|tick| {
            present.extend(tick.upgrade());
            tick.strong_count() > 0
        });
        let look = |tick: Arc<dyn Tick>| {
            catch_unwind(AssertUnwindSafe(move || {
                if !follows {
                    tick.resumed(now);
                }
                tick.tick(now)
            }))
        };
        present.into_iter().map(|tick| look(tick).unwrap_or(Pace::Rest)).max().unwrap_or(Pace::Rest)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::time::Duration;

    use super::super::rhythm::SLOW;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Tells of every tick and wants the pace it was last given.
    struct Told {
        ticks: Mutex<Sender<&'static str>>,
        pace: Mutex<Pace>,
    }

    impl Tick for Told {
        fn tick(&self, _now: Instant) -> Pace {
            // Nobody may be listening any more.
            let _ = lock(&self.ticks).send("tick");
            *lock(&self.pace)
        }

        fn resumed(&self, _now: Instant) {
            let _ = lock(&self.ticks).send("resumed");
        }
    }

    fn told(pace: Pace) -> (Arc<Told>, Receiver<&'static str>) {
        let (ticks, told) = mpsc::channel();
        (Arc::new(Told { ticks: Mutex::new(ticks), pace: Mutex::new(pace) }), told)
    }

    fn attend<T: Tick + 'static>(vigil: &Vigil, tick: &Arc<T>) {
        let tick: Weak<T> = Arc::downgrade(tick);
        vigil.attend(tick);
    }

    fn until(what: &str, mut holds: impl FnMut() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < PATIENCE, "{what}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn it_ticks_while_it_is_needed_and_then_rests_until_it_is_armed_again() {
        let (tick, ticks) = told(Pace::Slow);
        let vigil = Vigil::new();
        attend(&vigil, &tick);
        assert!(lock(&vigil.core.thread).is_none(), "no thread before it is needed");
        for round in 0..2 {
            *lock(&tick.pace) = Pace::Slow;
            vigil.arm();
            assert!(vigil.core.pulse.is_awake());
            assert_eq!(ticks.recv_timeout(PATIENCE), Ok("resumed"), "in round {round}");
            assert_eq!(ticks.recv_timeout(PATIENCE), Ok("tick"));
            *lock(&tick.pace) = Pace::Rest;
            until("it rests", || !vigil.core.pulse.is_awake());
            // It looks once more before it sleeps.
            while ticks.recv_timeout(4 * SLOW).is_ok() {}
        }
        assert!(!vigil.core.pulse.is_awake(), "it does not wake by itself");
    }

    #[test]
    fn it_hurries_when_it_is_asked_to() {
        const TICKS: u32 = 50;
        let (tick, ticks) = told(Pace::Slow);
        let vigil = Vigil::new();
        attend(&vigil, &tick);
        let start = Instant::now();
        for _ in 0..TICKS {
            vigil.hurry();
            assert!(ticks.recv_timeout(PATIENCE).is_ok());
            while ticks.try_recv().is_ok() {}
        }
        assert!(start.elapsed() < SLOW * TICKS / 2, "{:?} for {TICKS} ticks", start.elapsed());
    }

    #[test]
    fn a_tick_that_panics_and_one_that_is_gone_cost_nobody_else_theirs() {
        struct Panics;
        impl Tick for Panics {
            fn tick(&self, _now: Instant) -> Pace {
                panic!("a tick that panics");
            }
        }
        let (gone, gone_ticks) = told(Pace::Fast);
        let (tick, ticks) = told(Pace::Fast);
        let panics = Arc::new(Panics);
        let vigil = Vigil::new();
        attend(&vigil, &gone);
        attend(&vigil, &panics);
        attend(&vigil, &tick);
        vigil.arm();
        assert!(gone_ticks.recv_timeout(PATIENCE).is_ok());
        drop(gone);
        for _ in 0..5 {
            assert!(ticks.recv_timeout(PATIENCE).is_ok());
        }
        until("what is gone is forgotten", || lock(&vigil.core.attended).len() == 2);
    }

    #[test]
    fn the_thread_ends_with_its_owner_awake_or_at_rest() {
        for pace in [Pace::Slow, Pace::Rest] {
            let (tick, ticks) = told(pace);
            let vigil = Vigil::new();
            attend(&vigil, &tick);
            vigil.arm();
            assert!(ticks.recv_timeout(PATIENCE).is_ok());
            if pace == Pace::Rest {
                until("it rests", || !vigil.core.pulse.is_awake());
            }
            let core = Arc::downgrade(&vigil.core);
            drop(vigil);
            until("the thread has ended", || core.strong_count() == 0);
        }
    }

    #[test]
    fn a_thread_that_blocks_is_no_pause() {
        let (tick, ticks) = told(Pace::Fast);
        let vigil = Vigil::new();
        attend(&vigil, &tick);
        vigil.arm();
        assert_eq!(ticks.recv_timeout(PATIENCE), Ok("resumed"));
        let stamp = vigil.stamp();
        let (release, released) = mpsc::channel::<()>();
        let blocked = thread::spawn(move || released.recv());
        // Longer than what would be a pause, in ticks that were kept; those of a machine that is too busy are none.
        let was_late = (0..300).any(|_| ticks.recv_timeout(PATIENCE) == Ok("resumed"));
        assert!(was_late || !vigil.was_paused_since(stamp));
        drop(release);
        assert!(blocked.join().is_ok_and(|ended| ended.is_err()));
    }

    #[cfg(unix)]
    mod stopped {
        use std::io::{self, BufRead, BufReader, Write};
        use std::process::{Child, Command, Stdio};

        use super::*;

        /// Names the process that is stopped, in its environment.
        const STOPPED: &str = "HEALTH_TEST_IS_STOPPED";

        struct Killed(Child);

        impl Killed {
            fn signal(&self, signal: &str) {
                let status = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
                assert!(status.is_ok_and(|status| status.success()), "kill {signal}");
            }
        }

        impl Drop for Killed {
            fn drop(&mut self) {
                // It may have ended.
                let _ = self.0.kill();
                let _ = self.0.wait();
            }
        }

        #[test]
        fn a_process_that_was_stopped_knows_it_at_once() {
            if std::env::var_os(STOPPED).is_some() {
                return be_stopped();
            }
            let name = "engine::vigil::tests::stopped::a_process_that_was_stopped_knows_it_at_once";
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", name, "--nocapture"]).env(STOPPED, "1");
            let mut child = Killed(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
            let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map(Result::unwrap);
            assert!(lines.any(|line| line.ends_with("begun")));
            child.signal("-STOP");
            thread::sleep(Duration::from_secs(1));
            // Read by the main thread as soon as it runs again, which may be before the vigil does.
            child.0.stdin.take().unwrap().write_all(b"\n").unwrap();
            child.signal("-CONT");
            assert!(lines.any(|line| line.ends_with("before: true, after: false, told: true")));
        }

        /// The other process.
        fn be_stopped() {
            let (tick, ticks) = told(Pace::Slow);
            let vigil = Vigil::new();
            attend(&vigil, &tick);
            vigil.arm();
            for expected in ["resumed", "tick", "tick"] {
                assert_eq!(ticks.recv_timeout(PATIENCE), Ok(expected));
            }
            let stamp = vigil.stamp();
            println!("begun");
            io::stdin().read_line(&mut String::new()).unwrap();
            let before = vigil.was_paused_since(stamp);
            let stamp = vigil.stamp();
            let told = ticks.iter().any(|told| told == "resumed");
            for _ in 0..4 {
                ticks.recv_timeout(PATIENCE).unwrap();
            }
            println!("\nbefore: {before}, after: {}, told: {told}", vigil.was_paused_since(stamp));
        }
    }
}
