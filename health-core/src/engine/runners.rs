//! Threads that poll checks, and as many more as are blocked.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};
use std::{io, mem};

use async_task::{Runnable, Task};
use tokio::runtime::Handle;

use super::vigil::{Pace, Tick, Vigil};

/// How many threads wait for work when there is none.
pub(super) const BASE: usize = 2;
/// More threads than this do not help a process whose checks block.
pub(super) const MOST: usize = 64;
/// Nothing has been taken out of the queue for this long, although no thread is idle: all of them are blocked.
const STALL: Duration = Duration::from_millis(4);
/// How many threads are added at once at most.
const LARGEST_STEP: usize = 4;
/// For how long threads were not needed before they end.
const CALM: Duration = Duration::from_secs(1);

/// A queue of tasks, and the threads that poll them.
pub(super) struct Runners {
    queue: Mutex<Queue>,
    work: Condvar,
    /// What there is to cancel.
    tasks: Mutex<Tasks>,
    handle: Handle,
    vigil: Weak<Vigil>,
    this: Weak<Self>,
}

#[derive(Default)]
struct Queue {
    ready: VecDeque<Runnable>,
    threads: usize,
    /// How many of them wait for work.
    idle: usize,
    /// How many of the idle ones are to end.
    surplus: usize,
    has_stopped: bool,
    /// The vigil has been asked to look soon, and has not yet said that it need not.
    is_watched: bool,
    watch: Watch,
}

/// What the vigil has seen of the queue.
#[derive(Default)]
struct Watch {
    /// How many tasks have been taken out of the queue.
    taken: u64,
    /// What that number was when it was last seen to have changed, and when.
    seen: Option<(u64, Instant)>,
    step: usize,
    calm_since: Option<Instant>,
}

#[derive(Default)]
struct Tasks {
    next: u64,
    unfinished: HashMap<u64, Task<()>>,
}

/// Nothing that can panic runs under one of the locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Runners {
    /// The first threads, in the context of that runtime.
    pub(super) fn start(handle: Handle, vigil: &Arc<Vigil>) -> io::Result<Arc<Self>> {
        let runners = Arc::new_cyclic(|this: &Weak<Self>| Self {
            queue: Mutex::default(),
            work: Condvar::new(),
            tasks: Mutex::default(),
            handle,
            vigil: Arc::downgrade(vigil),
            this: Weak::clone(this),
        });
        for _ in 0..BASE {
            if let Err(refused) = runners.add_thread() {
                runners.stop();
                return Err(refused);
            }
        }
        let attended: Weak<Self> = Arc::downgrade(&runners);
        vigil.attend(attended);
        Ok(runners)
    }

    /// Polls the future on one of the threads until it has ended or all stops. A panic of it ends it alone.
    pub(super) fn spawn(self: &Arc<Self>, future: impl Future<Output = ()> + Send + 'static) {
        let runners = Arc::clone(self);
        let schedule = move |runnable| runners.schedule(runnable);
        // Held until the task is in the list that it leaves at its end.
        let mut tasks = lock(&self.tasks);
        let key = tasks.next;
        tasks.next += 1;
        let listed = Listed { runners: Arc::downgrade(self), key };
        let (runnable, task) = async_task::spawn(listed.around(future), schedule);
        tasks.unfinished.insert(key, task);
        drop(tasks);
        runnable.schedule();
    }

    fn schedule(&self, runnable: Runnable) {
        let mut queue = lock(&self.queue);
        if queue.has_stopped && queue.threads == 0 {
            drop(queue);
            return contain(|| drop(runnable));
        }
        queue.ready.push_back(runnable);
        if queue.idle > 0 {
            self.work.notify_one();
        }
        let may_wait = queue.ready.len() > queue.idle && !mem::replace(&mut queue.is_watched, true);
        drop(queue);
        if may_wait {
            if let Some(vigil) = self.vigil.upgrade() {
                vigil.hurry();
            }
        }
    }

    fn add_thread(self: &Arc<Self>) -> io::Result<()> {
        lock(&self.queue).threads += 1;
        let runners = Arc::clone(self);
        let started = thread::Builder::new().name("health-runner".into()).spawn(move || runners.run());
        started.map(drop).inspect_err(|_| lock(&self.queue).threads -= 1)
    }

    fn run(&self) {
        let _context = self.handle.enter();
        while let Some(runnable) = self.next() {
            // Drops the future of one that was cancelled.
            contain(|| {
                let _ = runnable.run();
            });
        }
    }

    /// Waits for work; `None` when the thread is not needed any more.
    fn next(&self) -> Option<Runnable> {
        let mut queue = lock(&self.queue);
        loop {
            if let Some(runnable) = queue.ready.pop_front() {
                queue.watch.taken += 1;
                return Some(runnable);
            }
            if queue.has_stopped || queue.surplus > 0 {
                queue.surplus = queue.surplus.saturating_sub(1);
                queue.threads -= 1;
                return None;
            }
            queue.idle += 1;
            queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    /// Cancels everything. What is not being polled at this moment is dropped on the threads that are free, on a new
    /// one if none is; a thread that is blocked ends when it is released.
    pub(super) fn stop(self: &Arc<Self>) {
        // Cancelled outside the lock, which a task takes when it is dropped.
        let tasks = mem::take(&mut lock(&self.tasks).unfinished);
        drop(tasks);
        let mut queue = lock(&self.queue);
        queue.has_stopped = true;
        let needs_thread = queue.idle == 0 && !queue.ready.is_empty();
        drop(queue);
        self.work.notify_all();
        if needs_thread {
            // Without one it is left to the first that is released.
            let _ = self.add_thread();
        }
    }

    #[cfg(test)]
    pub(super) fn threads(&self) -> usize {
        lock(&self.queue).threads
    }

    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        lock(&self.queue).idle
    }

    #[cfg(test)]
    pub(super) fn unfinished(&self) -> usize {
        lock(&self.tasks).unfinished.len()
    }
}

/// What panics in a future or in its destructor has ended all the same. What it panics with is leaked, as to drop it
/// could panic again.
fn contain(foreign: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(foreign)) {
        mem::forget(payload);
    }
}

/// Takes a task off the list when its future has gone.
struct Listed {
    runners: Weak<Runners>,
    key: u64,
}

impl Listed {
    async fn around(self, future: impl Future<Output = ()>) {
        future.await;
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let Some(runners) = self.runners.upgrade() else { return };
        let task = lock(&runners.tasks).unfinished.remove(&self.key);
        if let Some(task) = task {
            task.detach();
        }
    }
}

impl Queue {
    /// How many threads are to be added now.
    fn wanted(&mut self, now: Instant) -> usize {
        let Watch { taken, seen, step, .. } = &mut self.watch;
        let since = match *seen {
            Some((was, since)) if was == *taken => since,
            _ => now,
        };
        *seen = Some((*taken, since));
        let is_stalled = !self.ready.is_empty() && self.idle == 0;
        if !is_stalled || now.saturating_duration_since(since) < STALL {
            if !is_stalled {
                *step = 0;
            }
            return 0;
        }
        *seen = Some((*taken, now));
        *step = (*step * 2).clamp(1, LARGEST_STEP);
        (*step).min(MOST.saturating_sub(self.threads))
    }

    /// How many idle threads are to end now.
    fn spare(&mut self, now: Instant) -> usize {
        if self.idle <= BASE || !self.ready.is_empty() {
            self.watch.calm_since = None;
            return 0;
        }
        let calm_since = *self.watch.calm_since.get_or_insert(now);
        if now.saturating_duration_since(calm_since) < CALM {
            return 0;
        }
        self.watch.calm_since = None;
        self.idle - BASE
    }

    fn pace(&mut self) -> Pace {
        self.is_watched = !self.ready.is_empty() && !self.has_stopped;
        match self.is_watched {
            true if self.threads < MOST => Pace::Fast,
            true => Pace::Slow,
            false if self.idle > BASE => Pace::Slow,
            false => Pace::Rest,
        }
    }
}

impl Tick for Runners {
    fn tick(&self, now: Instant) -> Pace {
        let mut queue = lock(&self.queue);
        let wanted = queue.wanted(now);
        queue.surplus = queue.spare(now);
        if queue.surplus > 0 {
            self.work.notify_all();
        }
        let pace = queue.pace();
        drop(queue);
        if let Some(this) = self.this.upgrade() {
            // One that is refused is asked for again at the next tick.
            let _ = (0..wanted).try_for_each(|_| this.add_thread());
        }
        pace
    }

    fn resumed(&self, _now: Instant) {
        let mut queue = lock(&self.queue);
        queue.watch.seen = None;
        queue.watch.calm_since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(ready: usize, threads: usize, idle: usize) -> Queue {
        let runnable = |_| async_task::spawn(async {}, |_| {}).0;
        Queue { ready: (0..ready).map(runnable).collect(), threads, idle, ..Queue::default() }
    }

    #[test]
    fn threads_are_added_while_all_are_blocked_and_something_waits() {
        let (start, mut queue) = (Instant::now(), queue(1, BASE, 0));
        let mut wanted = |taken, millis| {
            queue.watch.taken = taken;
            let wanted = queue.wanted(start + Duration::from_millis(millis));
            queue.threads += wanted;
            wanted
        };
        assert_eq!(wanted(2, 0), 0, "the first look");
        assert_eq!(wanted(2, 3), 0, "a look too soon");
        assert_eq!(wanted(2, 5), 1);
        assert_eq!(wanted(3, 10), 0, "the one that was added has taken something");
        assert_eq!(wanted(3, 15), 2);
        assert_eq!(wanted(3, 20), 4);
        assert_eq!(wanted(3, 25), 4);
        let rest: usize = (6..100).map(|look| wanted(3, look * 5)).sum();
        assert_eq!(BASE + 11 + rest, MOST);
    }

    #[test]
    fn no_thread_is_added_while_one_is_idle_or_nothing_waits() {
        for (ready, idle) in [(1, 1), (0, 0)] {
            let (start, mut queue) = (Instant::now(), queue(ready, BASE, idle));
            for look in 0..100 {
                assert_eq!(queue.wanted(start + Duration::from_millis(look * 5)), 0);
            }
        }
    }

    #[test]
    fn the_calm_after_a_stall_begins_with_one_thread_again() {
        let (start, mut queue) = (Instant::now(), queue(1, BASE, 0));
        let at = |millis| start + Duration::from_millis(millis);
        queue.wanted(start);
        assert_eq!([queue.wanted(at(5)), queue.wanted(at(10))], [1, 2]);
        queue.idle = 1;
        assert_eq!(queue.wanted(at(15)), 0);
        queue.idle = 0;
        assert_eq!(queue.wanted(at(25)), 1);
    }

    #[test]
    fn what_is_idle_for_a_while_ends_down_to_the_base() {
        let (start, mut queue) = (Instant::now(), queue(0, 12, 8));
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!([queue.spare(start), queue.spare(at(999)), queue.spare(at(1_000))], [0, 0, 8 - BASE]);
        assert_eq!(queue.spare(at(1_100)), 0, "the calm is counted anew");
        queue.idle = BASE;
        assert_eq!(queue.spare(at(1_500)), 0, "those that are blocked are not spare");
        queue.idle = 8;
        assert_eq!([queue.spare(at(1_600)), queue.spare(at(2_599))], [0, 0]);
    }

    #[test]
    fn the_vigil_need_not_look_when_nothing_waits() {
        for (ready, threads, idle, pace) in [
            (1, BASE, 0, Pace::Fast),
            (1, MOST, 0, Pace::Slow),
            (0, MOST, MOST, Pace::Slow),
            (0, MOST, BASE, Pace::Rest),
        ] {
            assert_eq!(queue(ready, threads, idle).pace(), pace, "{ready} {threads} {idle}");
        }
    }
}
