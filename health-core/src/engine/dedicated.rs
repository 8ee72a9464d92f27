//! A place of the engine's own to run on, where a check that blocks its thread costs itself alone.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

use super::runners::Runners;
use super::vigil::Vigil;

/// How many threads serve the timers, the sockets and the engine's own tasks. None of them ever polls a check.
const WORKERS: usize = 2;

/// A runtime that serves timers and sockets, and other threads that poll checks. Dropping it waits for nothing: what is
/// not being polled is dropped soon, what blocks a thread when it is released.
pub(crate) struct Dedicated {
    /// Taken when it stops.
    runtime: Mutex<Option<Runtime>>,
    handle: Handle,
    runners: Arc<Runners>,
}

impl Dedicated {
    /// # Errors
    ///
    /// When the system refuses the threads or the descriptors for it.
    pub(crate) fn start(vigil: &Arc<Vigil>) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("health-engine")
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        // Dropped at once if the next step fails, which must not wait either.
        let runners = Runners::start(handle.clone(), vigil);
        match runners {
            Ok(runners) => Ok(Self { runtime: Mutex::new(Some(runtime)), handle, runners }),
            Err(refused) => {
                runtime.shutdown_background();
                Err(refused)
            }
        }
    }

    /// The runtime for what the engine does itself.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Polls what belongs to a check, in the context of the runtime but on none of its threads. It may block.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.runners.spawn(future);
    }

    /// Ends it without waiting for anything; what is spawned from here on is dropped.
    pub(crate) fn stop(&self) {
        self.runners.stop();
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Dedicated {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::sync::{Barrier, Weak};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::super::runners::{BASE, MOST};
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn dedicated() -> (Arc<Vigil>, Dedicated) {
        let vigil = Arc::new(Vigil::new());
        let dedicated = Dedicated::start(&vigil).unwrap();
        (vigil, dedicated)
    }

    /// Tasks that block their threads until the barrier is met; returns when as many as `begun` do.
    fn block(dedicated: &Dedicated, count: usize, begun: usize) -> Arc<Barrier> {
        let barrier = Arc::new(Barrier::new(count + 1));
        let (begins, has_begun) = mpsc::channel();
        for _ in 0..count {
            let (barrier, begins) = (Arc::clone(&barrier), begins.clone());
            dedicated.spawn(async move {
                // Nobody listens if none has to have begun.
                let _ = begins.send(());
                barrier.wait();
            });
        }
        for _ in 0..begun {
            has_begun.recv_timeout(PATIENCE).unwrap();
        }
        barrier
    }

    fn until(what: &str, mut holds: impl FnMut() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < PATIENCE, "{what}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn what_blocks_its_thread_costs_itself_alone() {
        for blocked in [1, 4, 10] {
            let (_vigil, dedicated) = dedicated();
            let barrier = block(&dedicated, blocked, 0);
            let (says, said) = mpsc::channel();
            let other = says.clone();
            dedicated.spawn(async move { other.send("at once").unwrap() });
            assert_eq!(said.recv_timeout(PATIENCE), Ok("at once"), "{blocked} block");
            dedicated.spawn(async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                tokio::spawn(async {}).await.unwrap();
                says.send("after a timer and a task of its own").unwrap();
            });
            assert_eq!(
                said.recv_timeout(PATIENCE),
                Ok("after a timer and a task of its own"),
                "{blocked} block"
            );
            assert!(dedicated.runners.threads() > blocked);
            barrier.wait();
            until("the threads end", || dedicated.runners.threads() == BASE);
        }
    }

    #[test]
    fn there_is_a_bound_and_beyond_it_nothing_is_lost() {
        let (_vigil, dedicated) = dedicated();
        let barrier = block(&dedicated, MOST, MOST);
        let (says, said) = mpsc::channel();
        dedicated.spawn(async move { says.send(()).unwrap() });
        assert_eq!(said.recv_timeout(Duration::from_millis(300)), Err(mpsc::RecvTimeoutError::Timeout));
        assert_eq!(dedicated.runners.threads(), MOST);
        barrier.wait();
        assert_eq!(said.recv_timeout(PATIENCE), Ok(()));
        until("the threads end", || dedicated.runners.threads() == BASE);
    }

    #[test]
    fn threads_are_kept_while_some_are_blocked_for_good() {
        let (_vigil, dedicated) = dedicated();
        let first = block(&dedicated, 3, 3);
        let second = block(&dedicated, 10, 10);
        second.wait();
        until("the others end", || dedicated.runners.threads() == BASE + 3);
        first.wait();
        until("all end", || dedicated.runners.threads() == BASE);
    }

    #[test]
    fn a_check_sees_the_runtime_and_is_on_none_of_its_threads() {
        let (_vigil, dedicated) = dedicated();
        let (says, said) = mpsc::channel();
        let expected = dedicated.handle().id();
        dedicated.spawn(async move {
            says.send((Handle::current().id(), thread::current().name().map(String::from))).unwrap();
        });
        let (id, name) = said.recv_timeout(PATIENCE).unwrap();
        assert_eq!((id, name.as_deref()), (expected, Some("health-runner")));
    }

    #[test]
    fn a_panic_ends_its_task_alone() {
        struct PanicsTwice;
        impl Drop for PanicsTwice {
            fn drop(&mut self) {
                panic!("a payload that panics");
            }
        }
        let (_vigil, dedicated) = dedicated();
        for _ in 0..10 {
            dedicated.spawn(async { std::panic::panic_any(PanicsTwice) });
        }
        let (says, said) = mpsc::channel();
        dedicated.spawn(async move { says.send(()).unwrap() });
        assert_eq!(said.recv_timeout(PATIENCE), Ok(()));
        until("no task is left", || dedicated.runners.unfinished() == 0);
        until("all threads are idle", || dedicated.runners.idle() == dedicated.runners.threads());
    }

    /// Says when it is dropped.
    struct Dropped(&'static str, Sender<&'static str>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            // Nobody may be listening any more.
            let _ = self.1.send(self.0);
        }
    }

    fn all_of(said: &Receiver<&'static str>, count: usize) -> Vec<&'static str> {
        let mut words: Vec<_> = (0..count).map(|_| said.recv_timeout(PATIENCE).unwrap()).collect();
        words.sort_unstable();
        words
    }

    #[test]
    fn dropping_it_waits_for_nothing_and_leaves_nothing() {
        let (vigil, dedicated) = dedicated();
        let (drops, dropped) = mpsc::channel();
        for name in ["pending", "sleeping"] {
            let (value, begins) = (Dropped(name, drops.clone()), mpsc::channel());
            dedicated.spawn(async move {
                let _value = value;
                begins.0.send(()).unwrap();
                match name {
                    "pending" => std::future::pending().await,
                    _ => tokio::time::sleep(PATIENCE * 60).await,
                }
            });
            begins.1.recv_timeout(PATIENCE).unwrap();
        }
        // No more threads are added, so that the last task stays in the queue.
        drop(vigil);
        let releases = [(); BASE].map(|()| {
            let ((release, released), (begins, has_begun)) = (mpsc::channel::<()>(), mpsc::channel());
            let value = Dropped("blocked", drops.clone());
            dedicated.spawn(async move {
                let _value = value;
                begins.send(()).unwrap();
                assert!(released.recv().is_err());
            });
            has_begun.recv_timeout(PATIENCE).unwrap();
            release
        });
        let value = Dropped("queued", drops.clone());
        dedicated.spawn(async move { drop(value) });
        let runners = Arc::downgrade(&dedicated.runners);
        drop(dedicated);
        assert_eq!(all_of(&dropped, 3), ["pending", "queued", "sleeping"]);
        assert!(dropped.try_recv().is_err(), "nothing was waited for");
        drop(releases);
        assert_eq!(all_of(&dropped, BASE), ["blocked"; BASE]);
        until("the threads end", || runners.strong_count() == 0);
    }

    #[test]
    fn it_may_be_dropped_anywhere() {
        let ends = |place: fn(Arc<Dedicated>, Sender<()>)| {
            let (_vigil, dedicated) = dedicated();
            let dedicated = Arc::new(dedicated);
            let runners: Weak<Runners> = Arc::downgrade(&dedicated.runners);
            let (says, said) = mpsc::channel();
            place(dedicated, says);
            said.recv_timeout(PATIENCE).unwrap();
            until("nothing is left", || runners.strong_count() == 0);
        };
        ends(|dedicated, says| {
            let runtime = Builder::new_current_thread().build().unwrap();
            runtime.block_on(async move { drop(dedicated) });
            says.send(()).unwrap();
        });
        ends(|dedicated, says| {
            let handle = dedicated.handle().clone();
            drop(handle.spawn(async move {
                drop(dedicated);
                says.send(()).unwrap();
            }));
        });
        ends(|dedicated, says| {
            let itself = Arc::clone(&dedicated);
            let (release, released) = mpsc::channel::<()>();
            dedicated.spawn(async move {
                assert!(released.recv().is_err());
                drop(itself);
                says.send(()).unwrap();
            });
            drop(dedicated);
            drop(release);
        });
    }
}
