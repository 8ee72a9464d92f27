//! A process that is told to leave turns ready red, serves on for a while, lets what is under way finish within its
//! limit, and ends with a code that says whether it did.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use health_tests::http::{Wire, get};
use health_tests::leaving::Leaving;
use health_tests::servers::eventually;
use rustix::process::Signal;

const PROGRAM: &str = env!("CARGO_BIN_EXE_leaves_when_told");
const LONG: (&str, &str) = ("DRAIN_MS", "600000");

/// A request that the program does not answer before it is told to.
async fn held(leaving: &Leaving) -> Wire {
    let mut wire = Wire::to(leaving.address).await;
    wire.send("POST /held HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody").await;
    leaving.says("held").await;
    wire
}

#[tokio::test]
async fn ready_is_red_and_everything_else_goes_on_before_nobody_is_let_in() {
    let mut leaving = Leaving::start(PROGRAM, &[("DRAIN_MS", "2000"), ("HOLDS", "1")]).await;
    leaving.is_ready().await;
    let mut kept = Wire::to(leaving.address).await;
    kept.send("GET /work HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(kept.answer().await.header("connection"), None);
    leaving.signal(Signal::TERM);
    leaving.says("draining").await;
    let told = Instant::now();
    let ready = get(leaving.address, "/health/ready").await;
    assert_eq!((ready.code, ready.header("connection")), (503, Some("close")));
    assert_eq!(get(leaving.address, "/health/live").await.code, 200);
    kept.send("GET /work HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let answer = kept.answer().await;
    assert_eq!((answer.code, answer.header("connection")), (200, Some("close")));
    assert!(kept.rest().await.is_empty(), "and it is closed");
    leaving.lets_nobody_in().await;
    assert!(told.elapsed() > Duration::from_millis(1500), "{:?}", told.elapsed());
    // Steps that follow each other at once may be told as one.
    leaving.says("finishing with 1").await;
    leaving.order("let go");
    assert_eq!(leaving.ends().await, 0);
    let said = leaving.said();
    let steps = said.iter().skip_while(|line| *line != "phase draining");
    assert_eq!(
        steps.collect::<Vec<_>>(),
        [
            "phase draining",
            "ready unhealthy",
            "draining with 1",
            "finishing with 1",
            "finished with 0",
            "left with 0"
        ]
    );
}

#[tokio::test]
async fn nothing_makes_it_ready_again_while_it_leaves() {
    let mut leaving = Leaving::start(PROGRAM, &[("DRAIN_MS", "600000")]).await;
    leaving.is_ready().await;
    leaving.signal(Signal::TERM);
    leaving.says("draining").await;
    leaving.order("resume");
    leaving.says("resumed").await;
    eventually("it is red again", async || get(leaving.address, "/health/ready").await.code == 503).await;
    leaving.signal(Signal::TERM);
    assert_eq!(leaving.ends().await, 143);
}

#[tokio::test]
async fn a_request_that_has_begun_is_answered_though_nobody_is_let_in_any_more() {
    let mut leaving = Leaving::start(PROGRAM, &[]).await;
    leaving.is_ready().await;
    let mut half = Wire::to(leaving.address).await;
    half.send("POST /held HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf ").await;
    let mut whole = held(&leaving).await;
    let mut stream = Wire::to(leaving.address).await;
    stream.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(stream.head().await.code, 200);
    leaving.signal(Signal::TERM);
    leaving.lets_nobody_in().await;
    leaving.says("finishing with 3").await;
    half.send("whole").await;
    leaving.order("release");
    for (wire, body) in [(&mut half, "half whole"), (&mut whole, "body")] {
        let answer = wire.answer().await;
        assert_eq!((answer.code, &*answer.body, answer.header("connection")), (200, body, Some("close")));
    }
    assert_eq!(String::from_utf8(stream.rest().await).unwrap(), "5\r\nfirst\r\n4\r\nlast\r\n0\r\n\r\n");
    assert_eq!(leaving.ends().await, 0);
}

#[tokio::test]
async fn what_takes_longer_than_the_limit_is_cut_off_and_the_code_says_so() {
    let mut leaving = Leaving::start(PROGRAM, &[("FINISH_MS", "300")]).await;
    leaving.is_ready().await;
    let mut cut = held(&leaving).await;
    leaving.signal(Signal::TERM);
    assert_eq!(leaving.ends().await, 1);
    assert!(cut.whatever_comes().await.is_empty());
    assert!(leaving.said().contains(&"cut_off with 1".into()), "{:?}", leaving.said());
    let logged = leaving.logged();
    assert!(logged.contains("WARN") && logged.contains(r#"under_way="1 requests""#), "{logged}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    for (first, second, code) in [
        (Signal::TERM, Signal::TERM, 143),
        (Signal::TERM, Signal::INT, 130),
        (Signal::INT, Signal::TERM, 143),
    ] {
        let mut leaving = Leaving::start(PROGRAM, &[LONG]).await;
        leaving.is_ready().await;
        let _held = held(&leaving).await;
        leaving.signal(first);
        leaving.says("draining with 1").await;
        leaving.signal(second);
        assert_eq!(leaving.ends().await, code);
    }
}

#[tokio::test]
async fn a_signal_during_start_up_is_heard_and_nobody_is_waited_for() {
    for reason in ["GATE_STAYS_CLOSED", "STARTUP_FAILS", "MADE_LATE"] {
        let mut leaving = Leaving::start(PROGRAM, &[LONG, (reason, "1")]).await;
        if reason == "MADE_LATE" {
            leaving.says("making").await;
        } else {
            assert_eq!(get(leaving.address, "/health/ready").await.code, 503);
        }
        leaving.signal(Signal::TERM);
        assert_eq!(leaving.ends().await, 0, "{reason}");
        assert!(leaving.said().contains(&"phase draining".into()), "{:?}", leaving.said());
    }
}

#[tokio::test]
async fn an_application_that_cannot_be_made_is_an_error_and_no_silence() {
    let mut leaving = Leaving::start(PROGRAM, &[("MADE_BADLY", "1")]).await;
    assert_eq!(leaving.ends().await, 1);
    let logged = leaving.logged();
    assert!(logged.contains("the application cannot be made"), "{logged}");
    assert!(logged.contains("Error: "), "{logged}");
}

/// Not in the way of the system, which does not end the first process of a container.
#[tokio::test]
async fn a_signal_before_anything_is_served_ends_it_at_once() {
    let mut leaving = Leaving::start(PROGRAM, &[("STARTS_LATE", "1")]).await;
    leaving.signal(Signal::INT);
    assert_eq!(leaving.ends().await, 130);
}

#[tokio::test]
async fn other_work_holds_the_exit_until_it_has_ended() {
    let mut leaving = Leaving::start(PROGRAM, &[("HOLDS", "1")]).await;
    leaving.is_ready().await;
    leaving.signal(Signal::TERM);
    leaving.says("finishing with 1").await;
    leaving.lets_nobody_in().await;
    leaving.order("let go");
    assert_eq!(leaving.ends().await, 0);

    let mut leaving = Leaving::start(PROGRAM, &[("HOLDS", "1"), ("FINISH_MS", "100")]).await;
    leaving.signal(Signal::TERM);
    assert_eq!(leaving.ends().await, 1);
}

#[tokio::test]
async fn a_check_that_hangs_or_blocks_holds_up_nothing() {
    let mut leaving = Leaving::start(PROGRAM, &[("DRAIN_MS", "500"), ("EXIT_MS", "100")]).await;
    leaving.is_ready().await;
    leaving.order("block");
    leaving.says("blocked").await;
    let mut held = held(&leaving).await;
    leaving.signal(Signal::TERM);
    leaving.lets_nobody_in().await;
    leaving.order("release");
    assert_eq!(held.answer().await.code, 200);
    assert_eq!(leaving.ends().await, 0);
    let said = leaving.said();
    assert!(said.contains(&"finished with 0".into()) && !said.contains(&"left with 0".into()), "{said:?}");
}

#[tokio::test]
async fn the_management_listener_answers_until_the_last_request_is_done() {
    let mut leaving = Leaving::start(PROGRAM, &[("MANAGEMENT", "1")]).await;
    let management = leaving.told("management on ").await;
    leaving.is_ready().await;
    let mut held = held(&leaving).await;
    leaving.signal(Signal::TERM);
    leaving.lets_nobody_in().await;
    assert_eq!(get(management, "/health/live").await.code, 200);
    let ready = get(management, "/health/ready").await;
    assert_eq!((ready.code, ready.header("x-health-status")), (503, Some("unhealthy")));
    leaving.order("release");
    assert_eq!(held.answer().await.code, 200);
    assert_eq!(leaving.ends().await, 0);
    assert!(TcpStream::connect(management).is_err());
}

#[tokio::test]
async fn an_idle_connection_holds_up_nothing_where_requests_are_counted() {
    let mut leaving = Leaving::start(PROGRAM, &[("FINISH_MS", "600000")]).await;
    leaving.is_ready().await;
    let mut idle = Wire::to(leaving.address).await;
    idle.send("GET /work HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(idle.answer().await.code, 200);
    leaving.signal(Signal::TERM);
    assert_eq!(leaving.ends().await, 0);
    assert!(idle.whatever_comes().await.is_empty());
    assert_eq!(leaving.warnings("not counted"), 0);
}

#[tokio::test]
async fn an_answer_without_an_end_of_its_own_holds_up_nothing() {
    let mut leaving = Leaving::start(PROGRAM, &[("FINISH_MS", "600000")]).await;
    leaving.is_ready().await;
    let mut endless = Wire::to(leaving.address).await;
    endless.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(endless.head().await.code, 200);
    leaving.signal(Signal::TERM);
    assert_eq!(leaving.ends().await, 0);
}

#[tokio::test]
async fn without_a_goodbye_it_leaves_all_the_same_and_says_what_is_missing() {
    let mut leaving = Leaving::start(PROGRAM, &[("NO_GOODBYE", "1")]).await;
    leaving.is_ready().await;
    leaving.signal(Signal::TERM);
    leaving.lets_nobody_in().await;
    assert_eq!(leaving.ends().await, 0);
    assert_eq!(leaving.warnings("not counted"), 1);
}

#[tokio::test]
async fn a_server_that_may_take_for_ever_is_not_cut_off_by_the_end_of_another() {
    let mut leaving = Leaving::start(PROGRAM, &[("ANOTHER_ENDS_AT_ONCE", "1"), ("EXIT_MS", "never")]).await;
    leaving.is_ready().await;
    let mut held = held(&leaving).await;
    leaving.signal(Signal::TERM);
    leaving.says("another left with 0").await;
    // Longer than that one gives its process, which is 100 ms.
    tokio::time::sleep(Duration::from_millis(500)).await;
    leaving.order("release");
    assert_eq!(held.answer().await.code, 200);
    assert_eq!(leaving.ends().await, 0);
}

#[tokio::test]
async fn a_program_that_does_not_end_is_ended_with_its_code() {
    for (finish, code) in [("20000", 0), ("0", 1)] {
        let variables = [("NEVER_ENDS", "1"), ("HOLDS", "1"), ("EXIT_MS", "300"), ("FINISH_MS", finish)];
        let mut leaving = Leaving::start(PROGRAM, &variables).await;
        leaving.is_ready().await;
        leaving.signal(Signal::TERM);
        if code == 0 {
            leaving.order("let go");
        }
        leaving.says(&format!("left with {code}")).await;
        assert_eq!(leaving.ends().await, code);
        let what = format!("its process is ended, with code {code}");
        let is_said = || leaving.logged().contains(&what);
        eventually("it says why", async || is_said()).await;
    }
    // And a second signal is heard in that time too.
    let mut leaving = Leaving::start(PROGRAM, &[("NEVER_ENDS", "1"), ("EXIT_MS", "600000")]).await;
    leaving.signal(Signal::TERM);
    leaving.says("left with 0").await;
    leaving.signal(Signal::TERM);
    assert_eq!(leaving.ends().await, 143);
}
