//! Whose turn it is on a connection, and since when.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::limits::Limits;
use super::load::Load;

/// How much is read before it is looked at, and how much of what comes during an answer, so that who leaves is noticed.
/// A request can be smaller than what is kept of it by a hundred times: of a pipeline no more is taken apart than this.
pub(super) const AT_ONCE: usize = 1024;

/// The turns of one connection: the client sends the head of a request, we answer, the client takes the answer. A clock
/// runs over each of the client's turns; ours end by themselves, because every answer has a deadline.
#[derive(Debug)]
pub(super) struct Turns {
    pub(super) load: Rc<Load>,
    /// Answers that are being made or sent; a pipeline can make it more than one.
    answering: Cell<usize>,
    /// What was read since the last whole head.
    ahead: Cell<usize>,
    /// What was read since it was our turn to look at it.
    unseen: Cell<usize>,
    /// Whether what fills the limit has been looked at, so that a head that just fits is found.
    is_judged: Cell<bool>,
    /// Since when the client could have sent the next head.
    awaited_since: Cell<Instant>,
    /// Since when something that we said waits to be taken.
    untaken_since: Cell<Option<Instant>>,
    /// Whether the connection ends with the answer.
    is_last: Cell<bool>,
    /// Whether the head did not fit.
    is_too_large: Cell<bool>,
    /// Who wanted to read when it was not the client's turn.
    held_up: RefCell<Option<Waker>>,
}

/// What may be read now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// So many bytes.
    UpTo(usize),
    /// Nothing before this waker is woken.
    Later,
    /// Nothing any more.
    Over,
    /// Nothing: the head is too large.
    TooLarge,
}

/// Which turn the client did not end in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// No byte of a head has come.
    Silent,
    /// A part of a head has come.
    Request,
    /// The answer was not taken.
    Answer,
}

impl Turns {
    pub(super) fn new(load: Rc<Load>) -> Rc<Self> {
        Rc::new(Self {
            load,
            answering: Cell::new(0),
            ahead: Cell::new(0),
            unseen: Cell::new(0),
            is_judged: Cell::new(false),
            awaited_since: Cell::new(Instant::now()),
            untaken_since: Cell::new(None),
            is_last: Cell::new(false),
            is_too_large: Cell::new(false),
            held_up: RefCell::new(None),
        })
    }

    /// What may be read. Nothing while an answer waits to be taken, so that who never reads cannot fill our memory with
    /// answers to ever more requests.
    pub(super) fn reading(&self, waker: &Waker) -> Reading {
        let is_answering = self.answering.get() > 0;
        if self.is_last.get() && !is_answering {
            return Reading::Over;
        }
        let room = self.load.limits.head.saturating_sub(self.ahead.get());
        let at_once = room.min(AT_ONCE.saturating_sub(self.unseen.get()));
        if self.untaken_since.get().is_some() || (at_once == 0 && is_answering) {
            self.held_up.replace(Some(waker.clone()));
            return Reading::Later;
        }
        if at_once > 0 {
            return Reading::UpTo(at_once);
        }
        if room > 0 {
            // What has come is looked at before this is asked again.
            self.unseen.set(0);
            waker.wake_by_ref();
            return Reading::Later;
        }
        if self.is_judged.replace(true) {
            self.is_too_large.set(true);
            return Reading::TooLarge;
        }
        waker.wake_by_ref();
        Reading::Later
    }

    pub(super) fn has_read(&self, bytes: usize) {
        self.ahead.set(self.ahead.get().saturating_add(bytes));
        self.unseen.set(self.unseen.get().saturating_add(bytes));
    }

    /// A head is whole: our turn, until the answer has been sent or dropped. Whether it is the last one: when a body
    /// was announced, which nobody is going to read, and when others wait for a connection.
    pub(super) fn head_is_whole(self: &Rc<Self>, announces_body: bool) -> Answering {
        self.ahead.set(0);
        self.is_judged.set(false);
        self.answering.set(self.answering.get() + 1);
        self.load.answers.set(self.load.answers.get() + 1);
        if announces_body || self.load.is_full() {
            self.is_last.set(true);
        }
        Answering(Rc::clone(self))
    }

    /// Something that we said was not taken at once.
    pub(super) fn is_not_taken(&self) {
        if self.untaken_since.get().is_none() {
            self.untaken_since.set(Some(Instant::now()));
        }
    }

    /// Everything that we said was taken, at least by the kernel.
    pub(super) fn is_taken(&self) {
        if self.untaken_since.take().is_some() {
            self.clients_turn();
        }
    }

    fn clients_turn(&self) {
        if self.answering.get() == 0 {
            self.awaited_since.set(Instant::now());
        }
        if let Some(waker) = self.held_up.take() {
            waker.wake();
        }
    }

    pub(super) fn is_too_large(&self) -> bool {
        self.is_too_large.get()
    }

    /// Which of the client's turns is over, if one is; else how long there is nothing to look for.
    fn judge(&self, now: Instant) -> Result<Duration, Overdue> {
        let Limits { request, answer, .. } = self.load.limits;
        let (since, limit, overdue) = match self.untaken_since.get() {
            Some(since) => (since, answer, Overdue::Answer),
            None if self.answering.get() > 0 => return Ok(request.min(answer)),
            None if self.ahead.get() == 0 => (self.awaited_since.get(), request, Overdue::Silent),
            None => (self.awaited_since.get(), request, Overdue::Request),
        };
        let left = limit.saturating_sub(now.saturating_duration_since(since));
        // Another clock may be started meanwhile, but none that ends before this.
        if left.is_zero() { Err(overdue) } else { Ok(left.min(request).min(answer)) }
    }

    /// Waits until the client has not ended its turn in time.
    pub(super) async fn overdue(&self) -> Overdue {
        loop {
            match self.judge(Instant::now()) {
                Ok(left) => tokio::time::sleep(left).await,
                Err(overdue) => return overdue,
            }
        }
    }
}

/// An answer that is being made or sent.
#[derive(Debug)]
pub(super) struct Answering(Rc<Turns>);

impl Answering {
    pub(super) fn is_last(&self) -> bool {
        self.0.is_last.get()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let turns = &self.0;
        turns.answering.set(turns.answering.get().saturating_sub(1));
        turns.load.answers.set(turns.load.answers.get().saturating_sub(1));
        if turns.answering.get() == 0 {
            turns.clients_turn();
        }
    }
}

#[cfg(test)]
mod tests;
