//! The thread that the server is on, so that nothing that holds up the application's runtime holds up its end.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::thread;

use actix_web::dev;
use actix_web::rt::System;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::task::yield_now;

use super::sequence::Event;
use super::unsent;
use crate::goodbye::workers::{self, while_still};

/// A server that serves until it ends by itself or this is dropped: then connections that are left are closed.
#[derive(Debug)]
pub(super) struct Place {
    handle: dev::ServerHandle,
    ports: Vec<u16>,
    closes: Option<oneshot::Sender<()>>,
    _keeps: oneshot::Sender<()>,
}

impl Place {
    pub(super) fn serve(
        server: dev::Server,
        ports: Vec<u16>,
        events: UnboundedSender<Event>,
    ) -> io::Result<Self> {
        let ((closes, is_closed), (keeps, is_over)) = (oneshot::channel(), oneshot::channel());
        let handle = server.handle();
        let run = move || {
            let mut end = LastWord::new(events.clone());
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return end.is(Some(Err(error))),
            };
            System::with_tokio_rt(move || runtime).block_on(async {
                workers::are_of(&System::current());
                let ended = serve_until(server, is_closed, is_over, &events).await;
                // The workers are threads of this system.
                System::current().stop();
                for _ in 0..8 {
                    yield_now().await;
                }
                end.is(ended);
            });
        };
        thread::Builder::new().name("health-server".into()).spawn(run)?;
        Ok(Self { handle, ports, closes: Some(closes), _keeps: keeps })
    }

    /// Accepts no more, but what was accepted gets to its worker.
    pub(super) fn accept_no_more(&self) {
        // It is told at once.
        drop(self.handle.pause());
    }

    /// How many connections have not taken the whole of what was answered.
    pub(super) fn unsent(&self) -> usize {
        unsent::connections(&self.ports)
    }

    /// Closes the ports. Connections go on; the server ends when none is left.
    pub(super) fn close_ports(&mut self) {
        if let Some(closes) = self.closes.take() {
            // If nobody hears it, the server has ended already.
            let _heard = closes.send(());
        }
    }
}

/// Says how the server has ended, also when its thread panics, as when the application cannot be made.
struct LastWord(UnboundedSender<Event>, Option<io::Result<()>>);

impl LastWord {
    fn new(events: UnboundedSender<Event>) -> Self {
        Self(events, Some(Err(io::Error::other("the thread of the server has panicked"))))
    }

    fn is(&mut self, ended: Option<io::Result<()>>) {
        self.1 = ended;
    }
}

impl Drop for LastWord {
    fn drop(&mut self) {
        if let Some(ended) = self.1.take() {
            drop(self.0.send(Event::ServerEnded(ended)));
        }
    }
}

/// How the server has ended, unless it was over before.
async fn serve_until(
    server: dev::Server,
    is_closed: oneshot::Receiver<()>,
    is_over: oneshot::Receiver<()>,
    events: &UnboundedSender<Event>,
) -> Option<io::Result<()>> {
    let handle = server.handle();
    let (mut server, mut is_closed, mut is_over) = (pin!(server), pin!(is_closed), pin!(is_over));
    let (mut has_begun, mut is_open) = (false, true);
    poll_fn(|context| {
        if is_over.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        let closes = is_open && matches!(is_closed.as_mut().poll(context), Poll::Ready(Ok(())));
        let polled = if closes {
            is_open = false;
            while_still(|| {
                drop(handle.stop(true));
                // Now it tells the workers.
                server.as_mut().poll(context)
            })
        } else {
            server.as_mut().poll(context)
        };
        if polled.is_pending() && !std::mem::replace(&mut has_begun, true) {
            // Its workers have begun, each with a service of its own.
            drop(events.send(Event::ServerBegan));
        }
        polled.map(Some)
    })
    .await
}
