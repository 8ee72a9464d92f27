//! What has to be looked at, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::sync::{Mutex, MutexGuard, PoisonError};

/// Something to do about a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// Its next run may be due.
    Run(usize),
    /// What is known about it may have expired.
    Expiry(usize),
    /// A mute of it may have ended.
    Unmute(usize),
}

/// Items in the order of their times. An item that comes up too early is put back by whoever takes it, so nothing ever
/// has to be found in the middle.
#[derive(Default)]
pub(super) struct Agenda {
    items: Mutex<BinaryHeap<Reverse<(Instant, Item)>>>,
    earlier: Notify,
}

impl Agenda {
    /// With room for what is nearly always on it: a run and an expiry of each check.
    pub(super) fn of(checks: usize) -> Self {
        Self { items: Mutex::new(BinaryHeap::with_capacity(2 * checks)), ..Self::default() }
    }

    pub(super) fn add(&self, at: Instant, item: Item) {
        let mut items = self.items();
        let is_first = items.peek().is_none_or(|Reverse((first, _))| at < *first);
        items.push(Reverse((at, item)));
        drop(items);
        if is_first {
            self.earlier.notify_one();
        }
    }

    /// Takes what is due into `due`, and says when the next is.
    pub(super) fn take_due(&self, now: Instant, due: &mut Vec<(Instant, Item)>) -> Option<Instant> {
        let mut items = self.items();
        while let Some(Reverse((at, _))) = items.peek() {
            if *at > now {
                return Some(*at);
            }
            due.extend(items.pop().map(|Reverse(item)| item));
        }
        None
    }

    /// Wakes whoever waits for what is due.
    pub(super) fn look_again(&self) {
        self.earlier.notify_one();
    }

    /// Waits until something is due before what was known to be the next.
    pub(super) async fn earlier(&self) {
        self.earlier.notified().await;
    }

    fn items(&self) -> MutexGuard<'_, BinaryHeap<Reverse<(Instant, Item)>>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
