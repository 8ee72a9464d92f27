//! 600 new connections a second cost no wrong answer, while what is right changes all the time: neither of the endpoints
//! of an application, nor of the management listener, nor of the agent.
//!
//! For 2 s each; for as many as `HEALTH_STORM_SECONDS` says:
//!
//! ```sh
//! HEALTH_STORM_SECONDS=30 cargo test -p health-tests --release --test hundreds_of_new_connections_a_second -- --nocapture
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use health_actix::{endpoints, server};
use health_core::{Health, Reporter, Spec};
use health_tests::http::serve;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

const A_SECOND: u32 = 600;
/// How many at once, so that the timer keeps up.
const AT_ONCE: u32 = 6;
/// How long what is right stays right.
const STAYS: Duration = Duration::from_millis(97);
/// After which most pollers give up.
const POLLERS_WAIT: Duration = Duration::from_secs(1);
/// After which a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a question is put, and what the two answers begin with.
#[derive(Clone, Copy)]
struct Outlet {
    name: &'static str,
    question: &'static str,
    healthy: &'static str,
    unhealthy: &'static str,
}

const HTTP: Outlet = Outlet {
    name: "",
    question: "GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    healthy: "HTTP/1.1 200 ",
    unhealthy: "HTTP/1.1 503 ",
};

/// What is right: it has changed as often as this says, and is about to change when it is odd.
#[derive(Default)]
struct Truth(AtomicU64);

impl Truth {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    async fn changes(&self, db: &Reporter, ends: &AtomicBool) {
        let mut is_healthy = true;
        while !ends.load(Ordering::SeqCst) {
            sleep(STAYS).await;
            is_healthy = !is_healthy;
            self.0.fetch_add(1, Ordering::SeqCst);
            if is_healthy {
                db.healthy()
            } else {
                db.unhealthy("away")
            }
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// What was right from `before` to `after`: healthy, unhealthy, or one as well as the other. Of four counts the first is
/// healthy, the third unhealthy, and in between it changes.
fn was_right(before: u64, after: u64) -> (bool, bool) {
    match before % 4 {
        0 if after == before => (true, false),
        2 if after == before => (false, true),
        _ => (true, true),
    }
}

struct Answer {
    took: Duration,
    /// Whether only one answer would have been right.
    is_strict: bool,
    wrong: Option<String>,
}

async fn ask(address: SocketAddr, outlet: Outlet, truth: Arc<Truth>) -> Answer {
    let (began, before) = (Instant::now(), truth.now());
    let mut answer = Vec::new();
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(outlet.question.as_bytes()).await?;
        stream.read_to_end(&mut answer).await
    };
    let ended = timeout(PATIENCE, asked).await;
    let (took, after) = (began.elapsed(), truth.now());
    let answer = String::from_utf8_lossy(&answer);
    let (healthy, unhealthy) = was_right(before, after);
    let is_right = matches!(ended, Ok(Ok(_)))
        && (healthy && answer.starts_with(outlet.healthy)
            || unhealthy && answer.starts_with(outlet.unhealthy));
    let wrong = (!is_right).then(|| format!("{ended:?}: {answer:.40}, {before} to {after}"));
    Answer { took, is_strict: healthy != unhealthy, wrong }
}

/// Asks that often, whether or not it has been answered before.
async fn storm(address: SocketAddr, outlet: Outlet, truth: &Arc<Truth>, seconds: u32) -> Vec<Answer> {
    let mut ticks = interval(Duration::from_secs(1) * AT_ONCE / A_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut asked = Vec::new();
    for _ in 0..seconds * A_SECOND / AT_ONCE {
        ticks.tick().await;
        asked.extend((0..AT_ONCE).map(|_| tokio::spawn(ask(address, outlet, Arc::clone(truth)))));
    }
    let mut answers: Vec<_> = join_all(asked).await.into_iter().map(|answer| answer.unwrap()).collect();
    answers.sort_by_key(|answer| answer.took);
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_new_connections_a_second_cost_no_wrong_answer() {
    let seconds =
        std::env::var("HEALTH_STORM_SECONDS").map_or(2, |seconds| seconds.parse().expect("a number"));
    let db = Reporter::new(Spec::named("db").max_age("1h"));
    let health = Health::builder().reporter(&db).build().unwrap().start();
    db.healthy();
    let of_the_application = health.clone();
    let served = serve(2, move |config| {
        config.service(endpoints(of_the_application.clone()));
    });
    let bound = server(health).bind(("127.0.0.1", 0)).unwrap().bind_haproxy_agent(("127.0.0.1", 0)).unwrap();
    let management = bound.start().unwrap();
    let agent =
        Outlet { name: "the agent", question: "", healthy: "up 100%\n", unhealthy: "down #unhealthy\n" };
    let outlets = [
        (served.address, Outlet { name: "the endpoints", ..HTTP }),
        (management.addresses()[0], Outlet { name: "the management listener", ..HTTP }),
        (management.haproxy_agents()[0], agent),
    ];
    let (truth, ends) = (Arc::new(Truth::default()), Arc::new(AtomicBool::new(false)));
    let changing = tokio::spawn({
        let (truth, ends) = (Arc::clone(&truth), Arc::clone(&ends));
        async move { truth.changes(&db, &ends).await }
    });
    for (address, outlet) in outlets {
        let answers = storm(address, outlet, &truth, seconds).await;
        let of = |percent: usize| answers[(answers.len() - 1) * percent / 100].took;
        let wrong: Vec<_> = answers.iter().filter_map(|answer| answer.wrong.as_ref()).collect();
        println!(
            "{}: {} answers in {seconds} s, {} of them while nothing changed, {} wrong; median {:?}, 99 of 100 within \
             {:?}, the longest {:?}",
            outlet.name,
            answers.len(),
            answers.iter().filter(|answer| answer.is_strict).count(),
            wrong.len(),
            of(50),
            of(99),
            of(100),
        );
        assert!(wrong.is_empty(), "{}: {:?}", outlet.name, wrong[0]);
        // A machine that is busy with other things makes a few wait.
        assert!(of(50) < POLLERS_WAIT, "{}: {:?}", outlet.name, of(50));
    }
    ends.store(true, Ordering::SeqCst);
    changing.await.unwrap();
}

/// A thread that has to wait for its turn, as on a busy machine, finds everybody who has come meanwhile. Whom the kernel
/// has no room for tries again after a second, when a poller has given up.
#[tokio::test]
async fn those_who_come_at_once_are_kept_until_they_are_let_in() {
    let health = Health::builder().build().unwrap().start();
    let bound =
        server(health).max_connections(1).request_timeout(2 * PATIENCE).bind(("127.0.0.1", 0)).unwrap();
    let management = bound.start().unwrap();
    let address = management.addresses()[0];
    let holds_the_door = TcpStream::connect(address).await.unwrap();
    let come = (0..A_SECOND).map(|_| timeout(PATIENCE, TcpStream::connect(address)));
    let come: Vec<_> = join_all(come).await.into_iter().map(|came| came.expect("in time").unwrap()).collect();
    drop(holds_the_door);
    let answers = come.into_iter().map(async |mut stream| {
        stream.write_all(HTTP.question.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("in time").unwrap();
        assert!(answer.starts_with(HTTP.healthy), "{answer}");
    });
    join_all(answers).await;
}
