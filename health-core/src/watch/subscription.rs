//! Transitions for one reader: in order, merged while it is slow, none of the last ones lost.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::Stream;

use super::crowd::Place;
use super::transition::{Topic, Transition};

/// The transitions since the subscription, in their order.
///
/// A reader that is slow holds up nobody and finds at most one transition for each check, each probe, the phase and the
/// way out: it leads from the oldest status that was not read to the newest ([`missed`](Transition::missed) says how many it
/// stands for), so the last word about each of them is never lost. A check that left its status and came back to it
/// while nobody read is told too, as one transition from a status to itself.
///
/// What was true before the subscription is not told: subscribe first, then ask how everything stands. It ends when
/// the engine has stopped, after everything pending has been read. It keeps nothing alive, and dropping it costs
/// nothing. It is a [`Stream`] as well.
///
/// ```
/// # async fn follow(mut subscription: health_core::Subscription) {
/// while let Some(transition) = subscription.next().await {
///     println!("{:?}", transition.change());
/// }
/// # }
/// ```
#[must_use = "what nobody reads is merged and forgotten"]
pub struct Subscription {
    mailbox: Arc<Mailbox>,
    begins_after: u64,
    /// Of those who are counted.
    _place: Option<Place>,
}

/// What has not been read yet. The journal knows it weakly, the reader holds it.
#[derive(Default)]
pub(super) struct Mailbox {
    state: Mutex<Pending>,
}

#[derive(Default)]
struct Pending {
    in_order: BTreeMap<u64, (Topic, Transition)>,
    by_topic: BTreeMap<Topic, u64>,
    /// Whoever waits for more.
    reader: Option<Waker>,
    is_closed: bool,
}

impl Subscription {
    /// Of what comes after the transition of this number.
    pub(super) fn new(begins_after: u64, place: Option<Place>) -> Self {
        Self { mailbox: Arc::default(), begins_after, _place: place }
    }

    pub(super) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// The [number](Transition::sequence) of the last transition before the subscription, 0 if there was none: what it
    /// tells has a larger one, and what is looked at after it was made is no older.
    #[must_use]
    pub fn begins_after(&self) -> u64 {
        self.begins_after
    }

    /// The next transition; `None` when the engine has stopped and everything has been read.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Transition> {
        poll_fn(|context| self.mailbox.poll(context)).await
    }
}

impl Stream for Subscription {
    type Item = Transition;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Transition>> {
        self.mailbox.poll(context)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // Wakers are foreign code also when they are dropped, and the journal may be the one that drops the mailbox.
        let reader = self.mailbox.state().reader.take();
        drop(reader);
    }
}

impl Mailbox {
    /// Nothing that can panic runs under the lock, so what it guards is whole even if it were poisoned.
    fn state(&self) -> MutexGuard<'_, Pending> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a transition for the reader, who is to be woken later. Runs no foreign code.
    pub(super) fn leave(&self, topic: Topic, mut transition: Transition) {
        let mut state = self.state();
        let unread = state.by_topic.insert(topic, transition.sequence);
        if let Some((_, unread)) = unread.and_then(|sequence| state.in_order.remove(&sequence)) {
            transition = transition.merged_with(&unread);
        }
        state.in_order.insert(transition.sequence, (topic, transition));
    }

    /// Whether the reader has read everything and waits for more.
    pub(super) fn is_heard(&self) -> bool {
        let state = self.state();
        state.in_order.is_empty() && state.reader.is_some()
    }

    pub(super) fn close(&self) {
        self.state().is_closed = true;
    }

    /// The reader, if it waits and there is something to tell it.
    pub(super) fn reader_to_wake(&self) -> Option<Waker> {
        let mut state = self.state();
        let has_news = state.is_closed || !state.in_order.is_empty();
        if has_news { state.reader.take() } else { None }
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Option<Transition>> {
        let reader = context.waker().clone();
        let mut state = self.state();
        if let Some((_, (topic, transition))) = state.in_order.pop_first() {
            state.by_topic.remove(&topic);
            return Poll::Ready(Some(transition));
        }
        if state.is_closed {
            return Poll::Ready(None);
        }
        let before = state.reader.replace(reader);
        drop(state);
        drop(before);
        Poll::Pending
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.mailbox.state();
        let mut debug = f.debug_struct("Subscription");
        debug.field("pending", &state.in_order.len()).field("is_closed", &state.is_closed).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::SystemTime;

    use futures::task::ArcWake;
    use futures::{FutureExt, StreamExt};
    use proptest::prelude::*;

    use super::*;
    use crate::watch::Change;
    use crate::{Phase, Probe, ShutdownStep, Status};

    const TOPICS: [Topic; 6] = [
        Topic::Check(0),
        Topic::Check(1),
        Topic::Mute(0),
        Topic::Probe(Probe::Ready),
        Topic::Phase,
        Topic::Shutdown,
    ];

    /// What the topic changes to, as a number; every topic passes through the same three values.
    fn change(topic: Topic, from: usize, to: usize) -> Change {
        let (old, new) = (Status::ALL[from], Status::ALL[to]);
        let phases = [Phase::Starting, Phase::Running, Phase::Draining];
        match topic {
            Topic::Check(_) => Change::Check { name: "c".into(), from: Ok(old), to: Ok(new), summary: None },
            Topic::Mute(_) if to == 0 => Change::Unmuted { name: "c".into() },
            Topic::Mute(_) => Change::Muted {
                name: "c".into(),
                until: SystemTime::UNIX_EPOCH,
                reason: to.to_string().into(),
            },
            Topic::Probe(probe) => Change::Probe { probe, from: old, to: new },
            Topic::Phase => Change::Phase { from: phases[from], to: phases[to] },
            Topic::Shutdown => {
                let steps = [ShutdownStep::Draining, ShutdownStep::Finishing, ShutdownStep::Finished];
                Change::Shutdown { step: steps[to], under_way: to as u64 }
            }
        }
    }

    #[derive(Default)]
    struct Model {
        /// By topic: how it stood when it was last read, how it stands, and how many are unread.
        topics: BTreeMap<Topic, (usize, usize, u64, u64)>,
        sequence: u64,
        last_read: u64,
    }

    impl Model {
        fn push(&mut self, mailbox: &Mailbox, topic: Topic, to: usize) {
            self.sequence += 1;
            let (_, now, unread, sequence) = self.topics.entry(topic).or_default();
            let change = change(topic, *now, to);
            (*now, *sequence) = (to, self.sequence);
            *unread += 1;
            let (sequence, at) = (self.sequence, SystemTime::UNIX_EPOCH);
            mailbox.leave(topic, Transition { sequence, at, missed: 0, change });
        }

        /// What has to be read next.
        fn pop(&mut self) -> Option<(u64, u64, Change)> {
            let unread = self.topics.iter_mut().filter(|(_, (.., unread, _))| *unread > 0);
            let (topic, (read, now, unread, sequence)) =
                unread.min_by_key(|(_, (.., sequence))| *sequence)?;
            assert!(*sequence > self.last_read, "sequences increase");
            self.last_read = *sequence;
            let expected = (*sequence, *unread - 1, change(*topic, *read, *now));
            (*read, *unread) = (*now, 0);
            Some(expected)
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(usize, usize),
        Read,
        Close,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0..TOPICS.len(), 0..3_usize).prop_map(|(topic, to)| Step::Push(topic, to)),
            4 => Just(Step::Read),
            1 => Just(Step::Close),
        ]
    }

    proptest! {
        #[test]
        fn latest_wins_and_no_last_word_is_lost(steps in prop::collection::vec(step(), 0..120)) {
            let mut subscription = Subscription::new(0, None);
            let mailbox = Arc::clone(subscription.mailbox());
            let mut model = Model::default();
            let mut is_closed = false;
            let mut read = |model: &mut Model, is_closed: bool| {
                let got = subscription.next().now_or_never();
                match model.pop() {
                    Some(expected) => {
                        let got = got.flatten().expect("something is pending");
                        assert_eq!((got.sequence(), got.missed(), got.change().clone()), expected);
                        true
                    }
                    None => {
                        assert_eq!(got, is_closed.then_some(None), "pending while open, over once closed");
                        false
                    }
                }
            };
            for step in steps {
                match step {
                    // The journal leaves nothing in a box that is closed.
                    Step::Push(topic, to) if !is_closed => model.push(&mailbox, TOPICS[topic], to),
                    Step::Push(..) => {}
                    Step::Read => drop(read(&mut model, is_closed)),
                    Step::Close => {
                        is_closed = true;
                        mailbox.close();
                    }
                }
                prop_assert!(mailbox.state().in_order.len() <= TOPICS.len());
            }
            mailbox.close();
            while read(&mut model, true) {}
            prop_assert!(!read(&mut model, true), "over is over");
            prop_assert!(mailbox.state().by_topic.is_empty());
        }
    }

    struct Counts(AtomicUsize);

    impl ArcWake for Counts {
        fn wake_by_ref(counts: &Arc<Self>) {
            counts.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_reader_is_woken_once_and_only_when_there_is_something() {
        let mut subscription = Subscription::new(0, None);
        let mailbox = Arc::clone(subscription.mailbox());
        let counts = Arc::new(Counts(AtomicUsize::new(0)));
        let waker = futures::task::waker(Arc::clone(&counts));
        assert!(subscription.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
        assert!(mailbox.reader_to_wake().is_none(), "nothing to say");
        let mut model = Model::default();
        model.push(&mailbox, Topic::Phase, 1);
        mailbox.reader_to_wake().expect("it waits").wake();
        assert_eq!(counts.0.load(Ordering::SeqCst), 1);
        assert!(mailbox.reader_to_wake().is_none(), "it has not come back yet");
        assert!(subscription.poll_next_unpin(&mut Context::from_waker(&waker)).is_ready());
        assert!(subscription.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
        mailbox.close();
        mailbox.reader_to_wake().expect("it waits for the end").wake();
        drop(waker);
        assert!(
            subscription
                .poll_next_unpin(&mut Context::from_waker(futures::task::noop_waker_ref()))
                .is_ready()
        );
    }

    #[test]
    fn a_dropped_subscription_lets_go_of_its_reader_though_the_journal_still_looks() {
        let mut subscription = Subscription::new(0, None);
        let looked_at = Arc::clone(subscription.mailbox());
        let counts = Arc::new(Counts(AtomicUsize::new(0)));
        let waker = futures::task::waker(Arc::clone(&counts));
        assert!(subscription.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
        drop((subscription, waker));
        assert_eq!(Arc::strong_count(&counts), 1);
        drop(looked_at);
    }
}
