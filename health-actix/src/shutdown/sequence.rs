//! The steps out, in their order, on a thread of their own.

use std::io;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use health_core::{Health, Hold, Phase, Probe, ShutdownStep, Status};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep, timeout_at};

use super::place::Place;
use super::signals::End;
use super::{Exit, Shutdown};
use crate::goodbye::REQUESTS;

/// How long connections may stay open when no request is under way: one of them may still be handing out the end of an
/// answer, or bring a request that was sent before its client knew. Those that are left, and have nothing to send, are
/// idle.
const LINGER: Duration = Duration::from_secs(2);
/// How long until it is looked again whether slow clients have taken their answers.
const TAKING: Duration = Duration::from_millis(100);
/// How long ready could be green again while the process leaves.
const LOOKS_AGAIN: Duration = Duration::from_millis(50);
/// How long connections that are being accepted may take to get to their worker.
const SETTLING: Duration = Duration::from_millis(50);
/// How long those who listen have to hear the last step.
const LAST_WORD: Duration = Duration::from_millis(500);
/// For what the steps take beside the time they wait.
const SLACK: Duration = Duration::from_secs(2);
/// What a clock can count to.
pub(super) const FOR_EVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// What can happen on the way out.
#[derive(Debug)]
pub(super) enum Event {
    /// The workers have begun.
    ServerBegan,
    /// Nobody is let in, and no connection is left; or the server could not begin.
    ServerEnded(io::Result<()>),
    /// The process is told to leave.
    Signal,
    /// It ends now. Whoever has said its last word drops this.
    Hurry(SyncSender<()>),
    /// There was a moment at which nothing was under way.
    Idle,
    /// Nobody waits for the end any more.
    Abandoned,
}

/// What has to be done, and how far it is.
pub(super) struct Sequence {
    health: Health,
    shutdown: Shutdown,
    place: Place,
    events: UnboundedReceiver<Event>,
    /// For events of its own.
    says: UnboundedSender<Event>,
    end: End,
    has_begun: bool,
    /// How the server has ended.
    ended: Option<io::Result<()>>,
    is_abandoned: bool,
    /// One for each connection whose answer was cut off.
    unsent: Vec<Hold>,
}

impl Sequence {
    pub(super) fn new(
        health: Health,
        shutdown: Shutdown,
        place: Place,
        says: UnboundedSender<Event>,
        events: UnboundedReceiver<Event>,
    ) -> Self {
        let (has_begun, ended, is_abandoned, end) = (false, None, false, End::new());
        Self {
            health,
            shutdown,
            place,
            events,
            says,
            end,
            has_begun,
            ended,
            is_abandoned,
            unsent: Vec::new(),
        }
    }

    /// From serving to the end, for as long as the connections are to live.
    pub(super) async fn run(mut self) -> io::Result<Exit> {
        while !self.hear().await {
            if self.is_abandoned {
                return Ok(Exit::CUT_OFF);
            }
            match self.ended.take() {
                Some(Ok(())) if !self.has_begun => {
                    return Err(io::Error::other("the server has ended before it began"));
                }
                Some(ended) => return ended.map(|()| Exit::FINISHED),
                None => {}
            }
        }
        let Shutdown { drain_delay, finish_limit, exit_limit } = self.shutdown;
        let latest = drain_delay.saturating_add(finish_limit).saturating_add(SLACK);
        self.end.at_the_latest(exit_limit.map(|_| latest), Exit::CUT_OFF);
        // Before anything else: ready is red.
        self.health.drain();
        self.health.shutdown_step(ShutdownStep::Draining);
        if self.has_begun && was_ready(&self.health) {
            self.serve_on(drain_delay).await;
        }
        let counts_requests = self.counts_requests();
        self.place.accept_no_more();
        self.hear_for(SETTLING).await;
        self.place.close_ports();
        self.health.shutdown_step(ShutdownStep::Finishing);
        let exit = self.finish(finish_limit, counts_requests).await;
        self.health.shutdown_step(if exit.is_clean() {
            ShutdownStep::Finished
        } else {
            ShutdownStep::CutOff
        });
        self.let_everybody_hear().await;
        self.end.finally(exit_limit, exit);
        match self.ended {
            Some(Err(error)) => Err(error),
            _ => Ok(exit),
        }
    }

    /// Serves for this long, with ready red also if somebody resumes: there is no way back.
    async fn serve_on(&mut self, time: Duration) {
        let until = later(time);
        while !self.is_abandoned && self.ended.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.hear_for(left.min(LOOKS_AGAIN)).await;
            if self.health.phase() != Phase::Draining {
                self.health.drain();
            }
        }
    }

    /// Goes on as it is for this long.
    async fn hear_for(&mut self, time: Duration) {
        let until = later(time);
        while !self.is_abandoned && self.ended.is_none() && timeout_at(until, self.hear()).await.is_ok() {}
    }

    /// Waits until nothing is under way and every connection is closed or idle.
    async fn finish(&mut self, limit: Duration, counts_requests: bool) -> Exit {
        let (until, mut wait) = (later(limit), LINGER);
        loop {
            let is_idle = self.is_idle();
            if is_idle && self.ended.is_some() {
                return Exit::FINISHED;
            }
            if self.is_abandoned {
                return Exit::CUT_OFF;
            }
            let mut look_again = until;
            if !is_idle {
                self.tell_when_idle();
                wait = LINGER;
            } else if counts_requests {
                look_again = until.min(Instant::now() + wait);
            }
            if timeout_at(look_again, self.hear()).await.is_err() {
                let unsent = self.place.unsent();
                if counts_requests && self.is_idle() && unsent == 0 {
                    return Exit::FINISHED;
                }
                if Instant::now() >= until {
                    // For whoever reads what was cut off.
                    self.unsent.extend((0..unsent).map(|_| self.health.hold("unsent answers")));
                    return Exit::CUT_OFF;
                }
                wait = TAKING;
            }
        }
    }

    /// Takes in what has happened; whether it was that the process is told to leave.
    async fn hear(&mut self) -> bool {
        match self.events.recv().await {
            Some(Event::ServerBegan) => {
                self.has_begun = true;
                if !self.counts_requests() {
                    tracing::warn!(
                        target: "health",
                        "requests are not counted: without `.wrap(health_actix::goodbye(&health))` idle connections \
                         hold up the exit, no answer says that the process is leaving, and some may be dropped when \
                         the ports close",
                    );
                }
            }
            Some(Event::ServerEnded(ended)) => self.ended = Some(ended),
            Some(Event::Signal) => return true,
            Some(Event::Hurry(says)) => {
                self.health.shutdown_step(ShutdownStep::CutOff);
                drop(says);
            }
            Some(Event::Idle) => {}
            Some(Event::Abandoned) | None => self.is_abandoned = true,
        }
        false
    }

    /// Waits until those who listen have heard the last step, though not for long.
    async fn let_everybody_hear(&self) {
        let until = later(LAST_WORD);
        while !self.health.has_been_heard() && Instant::now() < until {
            sleep(Duration::from_millis(2)).await;
        }
    }

    fn tell_when_idle(&self) {
        let (health, says) = (self.health.clone(), self.says.clone());
        tokio::spawn(async move {
            health.work_ended().await;
            drop(says.send(Event::Idle));
        });
    }

    fn is_idle(&self) -> bool {
        self.health.under_way().iter().all(|(_, under_way)| *under_way == 0)
    }

    /// Whether the server has a goodbye. One that has not begun has no connections that could tell.
    fn counts_requests(&self) -> bool {
        !self.has_begun || self.health.under_way().iter().any(|(name, _)| name == REQUESTS)
    }
}

fn later(delay: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(delay).unwrap_or_else(|| now + FOR_EVER)
}

/// Whether anybody can ever have been told that the process is ready. Asked when it is draining.
fn was_ready(health: &Health) -> bool {
    let time = health.time_in(Probe::Ready);
    [Status::Healthy, Status::Degraded].iter().any(|status| !time.spent(*status).is_zero())
}
