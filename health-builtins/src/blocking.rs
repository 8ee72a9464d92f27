//! What may never come back, on a thread of its own.
//!
//! The kernel does not return from a question about a network file system that hangs, and nobody can cancel it.
//! So a thread is given away for each look, and not one of the application's pool: a runtime waits for the threads
//! of its pool before it ends, so one that is stuck there holds up the exit of the process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use health_core::Failure;
use tokio::sync::oneshot;

use crate::Unit;

/// A look that has not come back for so long may never do so.
const LONG: Duration = Duration::from_secs(1);
/// No more are out at one path, however short their time.
const AT_ONCE: usize = 4;

/// The looks that are out, of all checks of the process: of a check nothing is left when it was made for one run.
static OUT: Mutex<Vec<Look>> = Mutex::new(Vec::new());

#[derive(Clone, PartialEq, Eq)]
struct Look {
    at: PathBuf,
    since: Instant,
}

/// Begins a look at a path, and waits until it comes back. Dropped, it leaves the look to itself, and its thread ends
/// when it comes back.
///
/// While one has been out at the path for a second, or four are out, none is begun: what hangs is hung on to by a few
/// threads at most, however many times it is asked.
///
/// # Errors
///
/// One has been out for long, or there is no thread to be had.
pub(crate) async fn look<T: Send + 'static>(
    at: &Path,
    look: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let out = Out::to(at)?;
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
    fn to(at: &Path) -> Result<Self, Failure> {
        let mut out = all_out();
        let there = || out.iter().filter(|look| look.at == at);
        let longest = there().map(|look| look.since.elapsed()).max();
        if let Some(time) = longest.filter(|time| *time >= LONG || there().count() >= AT_ONCE) {
            let time = Unit::Seconds.write(time.as_secs_f64());
            return Err(Failure::new(format!("the last look has not come back for {time}")));
        }
        let look = Look { at: at.to_owned(), since: Instant::now() };
        out.push(look.clone());
        Ok(Self(look))
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        let mut out = all_out();
        if let Some(place) = out.iter().position(|look| *look == self.0) {
            out.swap_remove(place);
        }
    }
}

fn all_out() -> MutexGuard<'static, Vec<Look>> {
    OUT.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_hangs_is_not_asked_again_and_again() {
        let (release, released) = mpsc::channel::<()>();
        let stuck = Path::new("/stuck");
        let first = look(stuck, move || released.recv());
        assert!(tokio::time::timeout(Duration::from_millis(20), first).await.is_err());
        // Not yet for long.
        assert_eq!(look(stuck, || 1).await.unwrap(), 1);
        let more = [(); AT_ONCE - 1].map(|()| Out::to(stuck).unwrap());
        assert!(look(stuck, || unreachable!()).await.is_err());
        drop(more);
        assert_eq!(look(stuck, || 1).await.unwrap(), 1);
        tokio::time::sleep(LONG).await;
        let refused = look(stuck, || unreachable!()).await.unwrap_err();
        assert!(refused.summary().unwrap().starts_with("the last look has not come back for 1."));
        assert_eq!(look(Path::new("/elsewhere"), || 2).await.unwrap(), 2);
        release.send(()).unwrap();
        while all_out().iter().any(|look| look.at == stuck) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(look(stuck, || 3).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn one_that_panics_is_not_out_any_more() {
        let at = Path::new("/panics");
        let lost = look(at, || std::panic::resume_unwind(Box::new("quietly"))).await;
        let lost: Failure = lost.map(|(): ()| ()).unwrap_err();
        assert_eq!(lost.summary(), Some("the look has come to nothing"));
        assert!(!all_out().iter().any(|look| look.at == at));
    }
}
