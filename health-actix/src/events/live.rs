//! What one reader gets, for as long as it stays.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use health_core::{Change, Phase, ShutdownStep, Subscription, Transition};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::event::{self, COMMENT};

/// After how long a silence it says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How soon after a first comment a second one tells whether anybody is left: the answer to the first has come by then.
const IN_DOUBT: Duration = Duration::from_secs(1);
/// How often in that time a reader may be heard of. One that only reads has little to be heard of.
const MOST_DISTURBANCES: usize = 1_000;
/// How long it goes on once the process is leaving: its reader sees that begin, and whoever stops a server that waits for
/// its connections waits no longer for this one.
const FAREWELL: Duration = Duration::from_secs(5);

/// The body of an answer that ends with the engine, or with its reader, or some seconds after the process has begun to
/// drain. Who wants to see more of that comes again.
///
/// It knows nothing but its subscription, so it keeps no engine alive; and what is not taken stays there and is merged,
/// so a slow reader holds up nobody.
///
/// # One that has gone
///
/// A client that closes its connection looks like one that has sent its last request and goes on reading: actix-http
/// tells us nothing, and would notice with the second write after it. But it polls the body then. So a poll that neither
/// news nor the clock has caused is taken for a doubt, and two comments, a second apart, find out.
pub(super) struct Live {
    opening: Option<Bytes>,
    transitions: Subscription,
    /// Until when nothing has to be said.
    silence: Pin<Box<Sleep>>,
    /// Whether it was asked since it last said something, and had nothing to say.
    has_said_all: bool,
    is_in_doubt: bool,
    /// How often something else than news or the clock has woken it, since the clock or the doubt began.
    disturbances: usize,
    /// When it ends by itself.
    leaving: Option<Pin<Box<Sleep>>>,
}

impl Live {
    /// What comes after this phase. Needs a runtime with a clock around it.
    pub(super) fn new(opening: Option<Bytes>, transitions: Subscription, phase: Phase) -> Self {
        let mut live = Self {
            opening,
            transitions,
            silence: Box::pin(sleep(IN_DOUBT)),
            has_said_all: false,
            is_in_doubt: true,
            disturbances: 0,
            leaving: None,
        };
        if phase == Phase::Draining {
            live.leaves_within(FAREWELL);
        }
        live
    }

    fn leaves_within(&mut self, limit: Duration) {
        let end = Instant::now() + limit;
        if self.leaving.as_ref().is_none_or(|leaving| end < leaving.deadline()) {
            self.leaving = Some(Box::pin(sleep_until(end)));
        }
    }

    fn heeds(&mut self, change: &Change) {
        match change {
            Change::Phase { to: Phase::Draining, .. } => self.leaves_within(FAREWELL),
            Change::Phase { .. } => self.leaving = None,
            Change::Shutdown {
                step: ShutdownStep::Finishing | ShutdownStep::Finished | ShutdownStep::CutOff,
                ..
            } => self.leaves_within(Duration::ZERO),
            _ => {}
        }
    }

    fn has_left(&mut self, context: &mut Context<'_>) -> bool {
        let Some(leaving) = self.leaving.as_mut() else { return false };
        // The timer comes up to a millisecond later.
        leaving.deadline() <= Instant::now() || leaving.as_mut().poll(context).is_ready()
    }

    fn news(&mut self, context: &mut Context<'_>) -> Poll<Option<Transition>> {
        pin!(self.transitions.next()).poll(context)
    }

    fn says(&mut self, bytes: Bytes) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.has_said_all = false;
        // What is said while in doubt is an answer to nothing: the doubt has its time.
        if !self.is_in_doubt {
            self.silence.as_mut().reset(Instant::now() + HEARTBEAT);
        }
        Poll::Ready(Some(Ok(bytes)))
    }

    fn doubts(&mut self) {
        (self.is_in_doubt, self.disturbances) = (true, 0);
        self.silence.as_mut().reset(Instant::now() + IN_DOUBT);
    }

    /// The silence has lasted long enough.
    fn breaks_it(&mut self) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.is_in_doubt && self.disturbances > 0 {
            self.doubts();
        } else {
            (self.is_in_doubt, self.disturbances) = (false, 0);
        }
        self.says(COMMENT)
    }

    /// The connection has moved: there is room for more, the reader has said something, or it has gone.
    fn is_disturbed(&mut self) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.disturbances += 1;
        if self.disturbances > MOST_DISTURBANCES {
            // Who sends more than actix-http keeps has it go round and round for as long as there is an answer.
            return Poll::Ready(None);
        }
        if self.is_in_doubt {
            return Poll::Pending;
        }
        self.doubts();
        self.says(COMMENT)
    }
}

impl MessageBody for Live {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let live = &mut *self;
        if let Some(opening) = live.opening.take() {
            return live.says(opening);
        }
        if live.has_left(context) {
            return Poll::Ready(None);
        }
        match live.news(context) {
            Poll::Ready(Some(transition)) => {
                live.heeds(transition.change());
                return live.says(event::transition(&transition));
            }
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => {}
        }
        if live.silence.as_mut().poll(context).is_ready() {
            return live.breaks_it();
        }
        if std::mem::replace(&mut live.has_said_all, true) {
            return live.is_disturbed();
        }
        Poll::Pending
    }
}
