//! The rules of the turns, without a socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use tokio::time::{advance, timeout};

use super::*;

const LIMITS: Limits =
    Limits { connections: 2, request: Duration::from_secs(5), answer: Duration::from_secs(3), head: 100 };

fn turns() -> Rc<Turns> {
    Turns::new(Load::new(LIMITS))
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (Arc::clone(&count), Waker::from(count))
    }

    fn woken(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_of_who_does_not_listen() {
    let (turns, (count, waker)) = (turns(), Count::new());
    assert_eq!(turns.reading(&waker), Reading::UpTo(100));
    turns.is_not_taken();
    assert_eq!(turns.reading(&waker), Reading::Later);
    assert_eq!(count.woken(), 0);
    turns.is_taken();
    assert_eq!(count.woken(), 1, "who was held up reads on");
    assert_eq!(turns.reading(&waker), Reading::UpTo(100));
    turns.is_taken();
    assert_eq!(count.woken(), 0, "once");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_just_fits_is_looked_at_before_it_is_too_large() {
    let (turns, (count, waker)) = (turns(), Count::new());
    turns.has_read(40);
    assert_eq!(turns.reading(&waker), Reading::UpTo(60));
    turns.has_read(60);
    assert_eq!(turns.reading(&waker), Reading::Later);
    assert_eq!(count.woken(), 1, "so that it is looked at");
    drop(turns.head_is_whole(false));
    assert_eq!(turns.reading(&waker), Reading::UpTo(100));
    turns.has_read(100);
    assert_eq!(turns.reading(&waker), Reading::Later);
    assert!(!turns.is_too_large());
    assert_eq!(turns.reading(&waker), Reading::TooLarge);
    assert!(turns.is_too_large());
}

#[tokio::test(start_paused = true)]
async fn what_comes_during_an_answer_waits_for_its_end() {
    let (turns, (count, waker)) = (turns(), Count::new());
    let (first, second) = (turns.head_is_whole(false), turns.head_is_whole(false));
    turns.has_read(100);
    for _ in 0..3 {
        assert_eq!(turns.reading(&waker), Reading::Later, "and is not too large");
    }
    drop(first);
    assert_eq!(count.woken(), 0);
    drop(second);
    assert_eq!(count.woken(), 1);
    assert_eq!(turns.load.answers.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_after_the_last_answer() {
    let (_, waker) = Count::new();
    for (announces_body, full) in [(true, false), (false, true)] {
        let turns = turns();
        let _slots = full.then(|| [turns.load.admit(), turns.load.admit()]);
        let answering = turns.head_is_whole(announces_body);
        assert!(answering.is_last());
        assert_eq!(turns.reading(&waker), Reading::UpTo(100));
        drop(answering);
        assert_eq!(turns.reading(&waker), Reading::Over);
    }
    let turns = turns();
    let _slot = turns.load.admit();
    assert!(!turns.head_is_whole(false).is_last());
}

#[tokio::test(start_paused = true)]
async fn the_clock_of_a_request_runs_from_the_last_answer_whatever_trickles_in() {
    let turns = turns();
    assert_eq!(turns.overdue().await, Overdue::Silent);
    for _ in 0..3 {
        // Ours, for as long as it takes.
        let answering = turns.head_is_whole(false);
        assert!(timeout(Duration::from_secs(3600), turns.overdue()).await.is_err());
        drop(answering);
        for _ in 0..4 {
            advance(Duration::from_secs(1)).await;
            turns.has_read(1);
            turns.is_taken();
            assert!(timeout(Duration::ZERO, turns.overdue()).await.is_err());
        }
        let since = Instant::now();
        assert_eq!(turns.overdue().await, Overdue::Request);
        assert!(since.elapsed() <= Duration::from_millis(1001), "{:?}", since.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn the_clock_of_an_answer_runs_until_all_of_it_is_taken() {
    let turns = turns();
    let answering = turns.head_is_whole(false);
    turns.is_not_taken();
    for _ in 0..2 {
        advance(Duration::from_secs(1)).await;
        turns.is_not_taken();
        assert!(timeout(Duration::ZERO, turns.overdue()).await.is_err());
    }
    // The answer is over, its bytes are not gone.
    drop(answering);
    let since = Instant::now();
    assert_eq!(turns.overdue().await, Overdue::Answer);
    assert!(since.elapsed() <= Duration::from_millis(1001), "{:?}", since.elapsed());
    turns.is_taken();
    let since = Instant::now();
    assert_eq!(turns.overdue().await, Overdue::Silent);
    assert!(since.elapsed() >= LIMITS.request, "the next request has its whole time");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_started_during_the_wait_ends_in_its_time() {
    let turns = turns();
    let other = Rc::clone(&turns);
    let takes_nothing = async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let answering = other.head_is_whole(false);
        other.is_not_taken();
        drop(answering);
        std::future::pending::<()>().await;
    };
    let since = Instant::now();
    tokio::select! {
        overdue = turns.overdue() => assert_eq!(overdue, Overdue::Answer),
        () = takes_nothing => {}
    }
    assert!(since.elapsed() <= Duration::from_millis(4001), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_talks_on_during_answers_is_not_listened_to_for_long() {
    let (turns, (count, waker)) = (Turns::new(Load::new(Limits { head: 16 * 1024, ..LIMITS })), Count::new());
    let mut heard = 0;
    let mut hear = |turns: &Turns| {
        while let Reading::UpTo(bytes) = turns.reading(&waker) {
            turns.has_read(bytes);
            heard += bytes;
        }
        std::mem::take(&mut heard)
    };
    assert_eq!((hear(&turns), count.woken()), (AT_ONCE, 1), "looked at before more is read");
    // A pipeline: before one answer has ended, the next one begins.
    let mut answering = turns.head_is_whole(false);
    assert_eq!(hear(&turns), AT_ONCE);
    for _ in 0..1000 {
        let next = turns.head_is_whole(false);
        drop(std::mem::replace(&mut answering, next));
        assert_eq!(hear(&turns), 0);
    }
    assert_eq!(count.woken(), 0);
    drop(answering);
    assert_eq!(count.woken(), 1, "who was held up reads on");
}
