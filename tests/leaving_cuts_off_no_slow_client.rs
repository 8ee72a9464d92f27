//! Clients that take their time get the whole of an answer before a process that leaves has gone, or its exit code says
//! that they did not. Only Linux tells how much of an answer its client has taken.

#![cfg(target_os = "linux")]

use std::time::Duration;

use health_tests::http::Wire;
use health_tests::leaving::Leaving;
use health_tests::servers::eventually;
use rustix::process::Signal;

const PROGRAM: &str = env!("CARGO_BIN_EXE_leaves_when_told");

/// A client that has stopped to take an answer whose end is handed out, so that no request is under way.
async fn stalled(leaving: &Leaving) -> Wire {
    let mut wire = Wire::to(leaving.address).await;
    wire.send("GET /unsent HTTP/1.1\r\nHost: x\r\n\r\n").await;
    eventually("the end is handed out", async || {
        tokio::time::sleep(Duration::from_millis(600)).await;
        let is_handed_out = leaving.said().iter().any(|line| line == "handed out");
        if !is_handed_out {
            wire.some(64 * 1024).await;
        }
        is_handed_out
    })
    .await;
    wire
}

#[tokio::test]
async fn a_client_that_takes_its_time_gets_the_end_of_its_answer() {
    let mut leaving = Leaving::start(PROGRAM, &[]).await;
    leaving.is_ready().await;
    let mut wire = stalled(&leaving).await;
    leaving.signal(Signal::TERM);
    leaving.says("finishing with 0").await;
    // Longer than connections without a request may stay.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let answer = wire.whatever_comes().await;
    assert!(answer.ends_with(b"\r\n0\r\n\r\n"), "the end of {} bytes is missing", answer.len());
    assert_eq!(leaving.ends().await, 0);
}

#[tokio::test]
async fn an_answer_that_is_never_taken_is_cut_off_and_the_code_says_so() {
    let mut leaving = Leaving::start(PROGRAM, &[("FINISH_MS", "3000")]).await;
    leaving.is_ready().await;
    let _never_read = stalled(&leaving).await;
    leaving.signal(Signal::TERM);
    assert_eq!(leaving.ends().await, 1);
    assert!(leaving.said().contains(&"cut_off with 1".into()), "{:?}", leaving.said());
    let logged = leaving.logged();
    assert!(logged.contains(r#"under_way="1 unsent answers""#), "{logged}");
}
