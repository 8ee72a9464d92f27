//! What a reader gets and when, without a socket and on a clock that stands still.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody as _};
use actix_web::web::Bytes;
use health_core::{Health, Reporter, ShutdownStep, Spec};
use tokio::time::advance;

use super::event::COMMENT;
use super::live::Live;

const HEARTBEAT: Duration = Duration::from_secs(15);
const IN_DOUBT: Duration = Duration::from_secs(1);
const FAREWELL: Duration = Duration::from_secs(5);
const A_MOMENT: Duration = Duration::from_millis(1);

/// A body that is asked as a connection asks: until there is nothing more to say, and again when it is woken.
struct Connection {
    body: Live,
    woken: Arc<Woken>,
    waker: Waker,
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Connection {
    fn new(health: &Health, opening: Option<Bytes>) -> Self {
        let woken = Arc::new(Woken::default());
        let body = Live::new(opening, health.subscribe(), health.phase());
        assert_eq!(body.size(), BodySize::Stream);
        Self { body, waker: Waker::from(Arc::clone(&woken)), woken }
    }

    /// All that it says when it is asked, and whether that is the end.
    fn asked(&mut self) -> (Vec<String>, bool) {
        let mut said = Vec::new();
        loop {
            match Pin::new(&mut self.body).poll_next(&mut Context::from_waker(&self.waker)) {
                Poll::Ready(Some(Ok(bytes))) => said.push(String::from_utf8(bytes.to_vec()).unwrap()),
                Poll::Ready(None) => return (said, true),
                Poll::Pending => return (said, false),
            }
        }
    }

    /// All that it says if it has woken the connection.
    fn says(&mut self) -> (Vec<String>, bool) {
        if self.woken.0.swap(0, Ordering::SeqCst) == 0 { (Vec::new(), false) } else { self.asked() }
    }
}

fn comments(count: usize) -> (Vec<String>, bool) {
    (vec![String::from_utf8(COMMENT.to_vec()).unwrap(); count], false)
}

fn consumer() -> (Health, Reporter) {
    let consumer = Reporter::new(Spec::named("consumer").max_age("1d"));
    (Health::builder().reporter(&consumer).build().unwrap().start(), consumer)
}

/// A connection that is open and has said everything.
async fn open() -> (Health, Reporter, Connection) {
    let (health, consumer) = consumer();
    consumer.healthy();
    tokio::task::yield_now().await;
    let mut connection = Connection::new(&health, Some("opening".into()));
    assert_eq!(connection.asked(), (vec!["opening".into()], false));
    advance(IN_DOUBT - A_MOMENT).await;
    assert_eq!(connection.says(), comments(0));
    advance(A_MOMENT * 2).await;
    assert_eq!(connection.says(), comments(1), "to find out whether anybody is left");
    (health, consumer, connection)
}

#[tokio::test(start_paused = true)]
async fn a_silence_is_broken_after_fifteen_seconds_and_no_sooner() {
    let (_health, consumer, mut connection) = open().await;
    for _ in 0..3 {
        advance(HEARTBEAT - A_MOMENT).await;
        assert_eq!(connection.says(), comments(0));
        advance(A_MOMENT * 2).await;
        assert_eq!(connection.says(), comments(1));
    }
    // What is said is no silence.
    advance(HEARTBEAT - A_MOMENT * 5).await;
    consumer.degraded("slow");
    let (said, _) = connection.says();
    assert!(said[0].contains(r#""to":"degraded","summary":"slow""#), "{said:?}");
    tokio::task::yield_now().await;
    drop(connection.says());
    advance(HEARTBEAT - A_MOMENT * 5).await;
    assert_eq!(connection.says(), comments(0));
    advance(A_MOMENT * 10).await;
    assert_eq!(connection.says(), comments(1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_moves_is_asked_whether_anybody_is_left_twice_and_then_let_be() {
    let (_health, _consumer, mut connection) = open().await;
    for moves_in_vain in [0, 0, 10] {
        assert_eq!(connection.asked(), comments(1), "at once");
        for _ in 0..moves_in_vain {
            assert_eq!(connection.asked(), comments(0));
        }
        // What was the end may have come after the first comment, and then it takes one more.
        for _ in 0..1 + usize::from(moves_in_vain > 0) {
            advance(IN_DOUBT + A_MOMENT).await;
            assert_eq!(connection.says(), comments(1), "and once more");
        }
        advance(IN_DOUBT * 3).await;
        assert_eq!(connection.says(), comments(0), "as quiet as before");
    }
    advance(HEARTBEAT).await;
    assert_eq!(connection.says(), comments(1));
}

#[tokio::test(start_paused = true)]
async fn one_that_leaves_in_the_beginning_is_asked_twice_too() {
    let (health, _consumer) = consumer();
    let mut connection = Connection::new(&health, Some("opening".into()));
    assert_eq!(connection.asked(), (vec!["opening".into()], false));
    advance(A_MOMENT).await;
    assert_eq!(connection.asked(), comments(0));
    for _ in 0..2 {
        advance(IN_DOUBT + A_MOMENT).await;
        let (said, _) = connection.says();
        assert_eq!(said.last().map(String::as_bytes), Some(&COMMENT[..]));
    }
    advance(IN_DOUBT * 3).await;
    assert_eq!(connection.says(), comments(0));
}

#[tokio::test(start_paused = true)]
async fn who_talks_without_end_is_not_talked_to() {
    let (_health, _consumer, mut connection) = open().await;
    // Much, but with pauses.
    for _ in 0..10 {
        for _ in 0..900 {
            assert!(!connection.asked().1);
        }
        advance(IN_DOUBT + A_MOMENT).await;
        assert_eq!(connection.says(), comments(1));
    }
    let ends = (0..).take_while(|_| !connection.asked().1).count();
    assert!(ends <= 1_000, "{ends}");
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_engine_which_it_does_not_keep() {
    let (health, consumer, mut connection) = open().await;
    health.drain();
    drop(health);
    let (said, is_over) = connection.says();
    assert!(said[0].contains(r#""phase":"draining""#), "what was pending is said: {said:?}");
    assert!(is_over);
    // Nothing hears it any more.
    consumer.unhealthy("late");
}

/// It goes on until this time is over.
async fn goes_on_for(connection: &mut Connection, time: Duration) {
    advance(time - A_MOMENT).await;
    assert!(!connection.says().1);
    advance(A_MOMENT * 2).await;
}

#[tokio::test(start_paused = true)]
async fn it_ends_some_seconds_after_the_process_has_begun_to_drain() {
    let (health, consumer, mut connection) = open().await;
    health.drain();
    let (said, is_over) = connection.says();
    assert!(said[0].contains(r#""phase":"draining""#) && !is_over, "{said:?}");
    advance(FAREWELL / 2).await;
    consumer.degraded("slow");
    assert!(connection.says().0[0].contains(r#""to":"degraded""#));
    goes_on_for(&mut connection, FAREWELL / 2).await;
    assert_eq!(connection.says(), (vec![], true));
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_while_it_drains_may_stay_as_long() {
    let (health, _consumer) = consumer();
    health.drain();
    let mut connection = Connection::new(&health, None);
    assert!(!connection.asked().1);
    goes_on_for(&mut connection, FAREWELL).await;
    assert!(connection.says().1);
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_if_the_process_does() {
    let (health, _consumer, mut connection) = open().await;
    health.drain();
    assert!(!connection.says().1);
    advance(FAREWELL - A_MOMENT).await;
    health.resume();
    assert!(connection.says().0[0].contains(r#""phase":"running""#));
    for _ in 0..3 {
        advance(FAREWELL).await;
        assert!(!connection.says().1);
    }
    health.drain();
    assert!(!connection.says().1);
    goes_on_for(&mut connection, FAREWELL).await;
    assert!(connection.says().1);
}

#[tokio::test(start_paused = true)]
async fn it_ends_at_once_when_nobody_is_let_in_any_more() {
    for step in [ShutdownStep::Finishing, ShutdownStep::Finished, ShutdownStep::CutOff] {
        let (health, _consumer, mut connection) = open().await;
        health.drain();
        health.shutdown_step(ShutdownStep::Draining);
        assert!(!connection.says().1);
        health.shutdown_step(step);
        let (said, is_over) = connection.says();
        assert!(said[0].contains(step.as_str()) && is_over, "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_who_reads_slowly_gets_a_backlog() {
    let (health, consumer, mut connection) = open().await;
    for turn in 0..1_000 {
        if turn % 2 == 0 {
            consumer.unhealthy("bad");
        } else {
            consumer.healthy();
        }
        tokio::task::yield_now().await;
    }
    consumer.degraded("in the end");
    drop(health);
    let (said, _) = connection.asked();
    assert!(said.len() <= 3, "one for the check, one for ready, one for the phase: {said:?}");
    let of_check = said.iter().find(|said| said.contains(r#""check":"consumer""#)).unwrap();
    assert!(of_check.contains(r#""from":"healthy","to":"degraded","summary":"in the end","missed":1000}"#));
}
