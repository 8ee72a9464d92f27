//! Every instance behind HAProxy is restarted in turn, under load and with nothing tried twice, and no request fails;
//! the example that shows it measures what it says, because without a drain delay it counts failures.

use std::process::Stdio;
use std::time::Duration;

use health_tests::programs::example;
use health_tests::servers::installed;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;
use tokio::time::timeout;

/// How long a rollout of half a minute may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// The exit code of the example, and its row for this way by the names of the columns.
struct Ran {
    code: Option<i32>,
    printed: String,
}

impl Ran {
    /// `None` when there is no HAProxy here.
    async fn with(arguments: &[&str]) -> Option<Self> {
        installed("haproxy")?;
        let ran = Command::new(example("rolling_restart"))
            .args(arguments)
            // It would build `actix_app` anew, which is there already.
            .env_remove("CARGO")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let id = ran.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw).expect("it runs");
        let ended = ran.wait_with_output();
        tokio::pin!(ended);
        let ran = match timeout(PATIENCE, &mut ended).await {
            Ok(ran) => ran,
            // Not killed: it has processes of its own to stop.
            Err(_) => {
                kill_process(id, Signal::TERM).expect("it runs");
                ended.await
            }
        };
        let ran = ran.expect("it can be waited for");
        let printed = String::from_utf8(ran.stdout).expect("text");
        println!("{printed}");
        Some(Self { code: ran.status.code(), printed })
    }

    /// What its one row says in this column.
    fn number(&self, column: &str) -> u64 {
        let mut lines = self.printed.lines().skip_while(|line| !line.starts_with("way"));
        let at = lines.next().and_then(|line| line.split_whitespace().position(|name| name == column));
        let cell =
            at.and_then(|at| lines.next()?.split_whitespace().nth(at)).and_then(|cell| cell.parse().ok());
        cell.unwrap_or_else(|| panic!("no number in column {column} of\n{}", self.printed))
    }
}

/// Two rounds in which nothing is lost, with a drain delay of so many milliseconds: several times what HAProxy needs until
/// it calls an instance that leaves like this.
async fn loses_nothing(way: &str, drain: &str, out_as: &str) {
    let Some(ran) = Ran::with(&["--way", way, "--drain", drain]).await else {
        return;
    };
    assert_eq!((ran.code, ran.number("failed")), (Some(0), 0), "{}", ran.printed);
    assert_eq!(ran.number("restarts"), 6);
    // Under load all the time: each restart takes two seconds at least.
    let (requests, orders) = (ran.number("requests"), ran.number("orders"));
    assert!(requests > 6 * 2 * 90, "{requests}");
    assert!(orders * 2 + 16 >= requests, "{orders} orders in {requests} requests");
    assert_eq!(ran.number("kept"), orders);
    assert!(ran.printed.contains(&format!(" ms  {out_as} ")), "{}", ran.printed);
    assert!(ran.printed.contains("  6 x 0\n"), "{}", ran.printed);
}

#[tokio::test]
async fn when_haproxy_asks_for_ready() {
    loses_nothing("http", "3000", "DOWN").await;
}

#[tokio::test]
async fn when_haproxy_stops_softly_on_404() {
    loses_nothing("404", "2000", "NOLB").await;
}

#[tokio::test]
async fn when_haproxy_asks_the_agent() {
    loses_nothing("agent", "2000", "weight 0").await;
}

/// However it asks, what it measures is the drain delay and not luck.
async fn loses_something(way: &str) {
    let Some(ran) = Ran::with(&["--way", way, "--drain", "0", "--rate", "400"]).await else {
        return;
    };
    assert_eq!(ran.code, Some(1), "{}", ran.printed);
    assert!(ran.number("failed") > 0, "{}", ran.printed);
    assert!(ran.printed.contains("; HAProxy: "), "{}", ran.printed);
}

#[tokio::test]
async fn without_a_drain_delay_it_counts_failures() {
    loses_something("http").await;
}

#[tokio::test]
async fn without_a_drain_delay_a_soft_stop_comes_too_late() {
    loses_something("404").await;
}

#[tokio::test]
async fn without_a_drain_delay_the_agent_comes_too_late() {
    loses_something("agent").await;
}

#[tokio::test]
async fn what_cannot_be_tried_is_said() {
    let said = async |arguments: &[&str]| {
        let ran = Command::new(example("rolling_restart")).args(arguments).kill_on_drop(true).output();
        let ran = timeout(PATIENCE, ran).await.expect("it ends in time").expect("it starts");
        (ran.status.code(), String::from_utf8(ran.stderr).expect("text"))
    };
    let (code, text) = said(&["--way", "pigeon"]).await;
    assert_eq!(code, Some(2));
    assert!(text.starts_with("error: there is no way `pigeon`\n"), "{text}");
    let (code, text) = said(&["--rounds", "0"]).await;
    assert_eq!(code, Some(2));
    assert!(text.starts_with("error: `--rounds` must be a number from 1 to 1000, not `0`\n"), "{text}");
}
