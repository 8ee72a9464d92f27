//! The thread of one listener, with a runtime of its own: what holds up the application does not hold up this.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use actix_web::rt::{self, System};
use tokio::sync::oneshot;

use super::application::{Conversing, Served};
use super::connection::converse;
use super::door::Door;
use super::haproxy_agent;
use super::limits::Limits;
use super::line::Line;
use super::listener::Listener;
use super::load::Load;
use super::turns::Turns;

/// How long answers that are under way may take to end when the listener stops.
const GRACE: Duration = Duration::from_secs(1);
/// How long the end of a thread is waited for: the grace, and as much again for a busy machine.
const PATIENCE: Duration = Duration::from_secs(2);

/// A thread that serves until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    stop: Option<oneshot::Sender<()>>,
    end: Arc<End>,
}

impl Place {
    /// Serves in a thread of its own, from now on.
    pub(super) fn start(listener: Listener, served: Served, limits: Limits) -> io::Result<Self> {
        let (stop, is_stopped) = oneshot::channel();
        let (begun, has_begun) = mpsc::channel();
        let end = Arc::new(End::default());
        let ending = Ending(Arc::clone(&end));
        let place = Self { stop: Some(stop), end };
        let run = move || {
            // Last of all, when everything that was served is gone.
            let _ending = ending;
            run(listener, served, limits, is_stopped, &begun);
        };
        thread::Builder::new().name("health-listener".into()).spawn(run)?;
        let ended = |_| Err(io::Error::other("the thread of the listener ended before it had begun"));
        has_begun.recv().unwrap_or_else(ended)?;
        Ok(place)
    }

    /// Accepts nothing any more, and ends when what is under way has been answered.
    pub(super) fn finish(&mut self) {
        if let Some(stop) = self.stop.take() {
            // If nobody hears it, it has ended already.
            let _heard = stop.send(());
        }
    }

    /// Ends at once.
    pub(super) fn stop_now(&mut self) {
        self.stop = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop_now();
        self.end.wait(PATIENCE);
    }
}

/// Whether a thread has ended.
#[derive(Debug, Default)]
struct End {
    has_come: Mutex<bool>,
    comes: Condvar,
}

impl End {
    fn wait(&self, limit: Duration) {
        let until = Instant::now() + limit;
        let mut has_come = self.has_come.lock().unwrap_or_else(PoisonError::into_inner);
        while !*has_come {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let woken = self.comes.wait_timeout(has_come, left).unwrap_or_else(PoisonError::into_inner);
            has_come = woken.0;
        }
    }
}

/// Held by the thread until its end.
struct Ending(Arc<End>);

impl Drop for Ending {
    fn drop(&mut self) {
        *self.0.has_come.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.comes.notify_all();
    }
}

fn run(
    listener: Listener,
    served: Served,
    limits: Limits,
    is_stopped: oneshot::Receiver<()>,
    begun: &mpsc::Sender<io::Result<()>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(begun.send(Err(error))),
    };
    System::with_tokio_rt(move || runtime).block_on(async {
        let answer = async {
            if listener.is_haproxy_agent() {
                let door = Door::open(listener)?;
                drop(begun.send(Ok(())));
                until_stopped(haproxy_agent::admit(door, &served, limits), is_stopped).await;
                return Ok(());
            }
            let exposure = listener.exposure();
            let (door, service) =
                (Door::open(listener)?, served.service(exposure, limits.connections).await?);
            drop(begun.send(Ok(())));
            serve(door, service, limits, is_stopped).await;
            Ok(())
        };
        if let Err(error) = answer.await {
            drop(begun.send(Err(error)));
        }
    });
}

async fn serve(door: Door, service: impl Conversing, limits: Limits, is_stopped: oneshot::Receiver<()>) {
    let load = Load::new(limits);
    let finishes = until_stopped(admit(door, Rc::new(service), Rc::clone(&load)), is_stopped).await;
    // The door is closed. Connections that wait for a request are not waited for.
    let until = Instant::now() + GRACE;
    while finishes && load.answers.get() > 0 && Instant::now() < until {
        rt::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Lets clients in until that is over; whether what is under way may end.
async fn until_stopped(admitting: impl Future<Output = Never>, is_stopped: oneshot::Receiver<()>) -> bool {
    let (mut admitting, mut is_stopped) = (pin!(admitting), pin!(is_stopped));
    poll_fn(|context| {
        if let Poll::Ready(stopped) = is_stopped.as_mut().poll(context) {
            return Poll::Ready(stopped.is_ok());
        }
        admitting.as_mut().poll(context).map(|never| match never {})
    })
    .await
}

pub(super) enum Never {}

/// Lets clients in, as many as there may be; the others wait in the backlog of the kernel.
async fn admit(mut door: Door, service: Rc<impl Conversing>, load: Rc<Load>) -> Never {
    loop {
        load.vacancy().await;
        let (guest, peer) = door.next().await;
        let slot = load.admit();
        let service = Rc::clone(&service);
        rt::spawn(async move {
            let slot = slot;
            let limit = slot.0.limits.request;
            if let Ok(Ok(stream)) = rt::time::timeout(limit, guest.greeted()).await {
                let line = Line::new(stream, Turns::new(Rc::clone(&slot.0)));
                let conversation = service.call((line.clone(), peer));
                converse(line, conversation).await;
            }
        });
    }
}

/// Where a client comes from; nothing is known of one on a Unix socket.
pub(super) type Peer = Option<SocketAddr>;
