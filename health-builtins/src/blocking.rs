//! What may never come back, on a thread of its own.
//!
//! The kernel does not return from a question about a network file system that hangs, and nobody can cancel it.
//! So a thread is given away for each look, and not one of the application's pool: a runtime waits for the threads
//! of its pool before it ends, so one that is stuck there holds up the exit of the process.

use std::any::TypeId;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use health_core::Failure;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::Unit;

/// A look that has not come back for so long may never do so: no check recommends a timeout that is longer.
const LONG: Duration = Duration::from_secs(5);
/// No more of one kind are out at one path; whoever comes then waits.
const AT_ONCE: usize = 4;

/// The looks that are out, of all checks of the process: of a check nothing is left when it was made for one run.
static OUT: Mutex<Vec<Look>> = Mutex::new(Vec::new());

/// Tells those who wait that one of them has come back.
static BACK: Notify = Notify::const_new();

#[derive(Clone, PartialEq, Eq)]
struct Look {
    of: Place,
    since: Instant,
}

/// Where somebody looks, and for what: that a file is slow to be written says nothing about who lists the folder.
#[derive(Clone, PartialEq, Eq)]
struct Place {
    path: PathBuf,
    /// The closure that looks: each that is written down has a type of its own.
    kind: TypeId,
}

/// Begins a look at a path, and waits until it comes back. Dropped, it leaves the look to itself, and its thread ends
/// when it comes back.
///
/// While four by the same closure are out at the path it first waits until one of them comes back, and while one has
/// been out for five seconds none is begun: what hangs is hung on to by a few threads at most, however many times it
/// is asked.
///
/// # Errors
///
/// One has been out for long, or there is no thread to be had.
pub(crate) async fn look<T, F>(at: &Path, look: F) -> Result<T, Failure>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let out = Out::to(Place { path: at.to_owned(), kind: TypeId::of::<F>() }).await?;
    let (sender, found) = oneshot::channel();
    let thread = thread::Builder::new().name("health-look".to_owned());
    let begun = thread.spawn(move || {
        let found = look();
        // First, so that whoever hears of it may look again.
        drop(out);
        drop(sender.send(found));
    });
    begun.map_err(|error| Failure::new("no thread can be started").because(error))?;
    found.await.map_err(|error| Failure::new("the look has come to nothing").because(error))
}

/// A look that is out until this is dropped.
struct Out(Look);

impl Out {
    async fn to(place: Place) -> Result<Self, Failure> {
        loop {
            // Before it is asked whether it has to wait: whoever comes back in between is heard.
            let mut back = pin!(BACK.notified());
            back.as_mut().enable();
            if let Some(out) = Self::unless_others_are(&place)? {
                return Ok(out);
            }
            back.await;
        }
    }

    /// Nothing while as many are out as may be.
    fn unless_others_are(place: &Place) -> Result<Option<Self>, Failure> {
        let mut out = all_out();
        let there = || out.iter().filter(|look| look.of == *place);
        if let Some(time) = there().map(|look| look.since.elapsed()).max().filter(|time| *time >= LONG) {
            let time = Unit::Seconds.write(time.as_secs_f64());
            return Err(Failure::new(format!("the last look has not come back for {time}")));
        }
        if there().count() >= AT_ONCE {
            return Ok(None);
        }
        let look = Look { of: place.clone(), since: Instant::now() };
        out.push(look.clone());
        Ok(Some(Self(look)))
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        let mut out = all_out();
        if let Some(place) = out.iter().position(|look| *look == self.0) {
            out.swap_remove(place);
        }
        drop(out);
        BACK.notify_waiters();
    }
}

fn all_out() -> MutexGuard<'static, Vec<Look>> {
    OUT.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::FutureExt as _;

    use super::*;

    fn out_at(path: &Path) -> usize {
        all_out().iter().filter(|look| look.of.path == path).count()
    }

    /// One closure, whoever asks.
    async fn released(at: &Path, by: mpsc::Receiver<u8>) -> Result<u8, Failure> {
        look(at, move || by.recv().unwrap_or_default()).await
    }

    /// Comes back at once.
    fn nobody() -> mpsc::Receiver<u8> {
        mpsc::channel().1
    }

    async fn all_come_back(at: &Path) {
        while out_at(at) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_hangs_is_not_asked_again_and_again() {
        let stuck = Path::new("/stuck");
        let (release, one) = mpsc::channel();
        assert!(released(stuck, one).now_or_never().is_none());
        // Not yet for long.
        tokio::time::sleep(LONG - Duration::from_millis(100)).await;
        let (second, two) = mpsc::channel();
        second.send(2).unwrap();
        assert_eq!(released(stuck, two).await.unwrap(), 2);
        tokio::time::sleep(Duration::from_millis(100)).await;
        for _ in 0..10 {
            let refused = released(stuck, nobody()).now_or_never().unwrap().unwrap_err();
            assert!(refused.summary().unwrap().starts_with("the last look has not come back for 5"));
        }
        assert_eq!(out_at(stuck), 1);
        // Who asks something else there may, and so may who asks it elsewhere.
        assert_eq!(look(stuck, || 3).await.unwrap(), 3);
        assert_eq!(released(Path::new("/elsewhere"), nobody()).await.unwrap(), 0);
        release.send(1).unwrap();
        all_come_back(stuck).await;
        assert_eq!(released(stuck, nobody()).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn where_many_look_the_next_waits() {
        let busy = Path::new("/busy");
        let releases = [(); AT_ONCE].map(|()| {
            let (release, one) = mpsc::channel();
            assert!(released(busy, one).now_or_never().is_none());
            release
        });
        let (last, five) = mpsc::channel();
        last.send(5).unwrap();
        let mut fifth = pin!(released(busy, five));
        assert!(fifth.as_mut().now_or_never().is_none());
        assert_eq!(out_at(busy), AT_ONCE);
        releases[2].send(1).unwrap();
        assert_eq!(fifth.await.unwrap(), 5);
        drop(releases);
        all_come_back(busy).await;
    }

    #[tokio::test]
    async fn one_that_panics_is_not_out_any_more() {
        let at = Path::new("/panics");
        let lost = look(at, || std::panic::resume_unwind(Box::new("quietly"))).await;
        let lost: Failure = lost.map(|(): ()| ()).unwrap_err();
        assert_eq!(lost.summary(), Some("the look has come to nothing"));
        assert_eq!(out_at(at), 0);
    }
}
