//! Whatever happens to a server and the way to it, a check over HTTP says so in time, and is well again with the same
//! client once that is.

use std::net::SocketAddr;
use std::time::Duration;

use health_builtins::Recommended;
use health_builtins::http::{Downstream, Http};
use health_core::{HealthCheck, Spec, Status};
use health_deep_tests::asked::{Deep, SECRET};
use health_deep_tests::nginx::Nginx;
use health_deep_tests::proxy::{Fault, FaultProxy};
use health_tests::leaks::{Left, PATIENCE, Place, after, alone};
use health_tests::servers::eventually;
use reqwest::{Client, redirect};

const TIMEOUT: &str = "700ms";

fn client() -> Client {
    Client::builder().redirect(redirect::Policy::none()).build().expect("a client")
}

/// Each check there is, asked of the same server by the same client.
#[derive(Clone, Copy, Debug)]
enum Depth {
    Get,
    Head,
    Body,
    Downstream,
}

const DEPTHS: [Depth; 4] = [Depth::Get, Depth::Head, Depth::Body, Depth::Downstream];

impl Depth {
    fn deep(self, client: &Client, address: SocketAddr) -> Deep {
        let url = format!("http://{address}/ok?{SECRET}");
        match self {
            Self::Get => deep(Http::get(client, url).unwrap()),
            Self::Head => deep(Http::head(client, url).unwrap()),
            Self::Body => deep(Http::get(client, url).unwrap().body_is(|body| body == b"all is well")),
            Self::Downstream => deep(Downstream::of(client, url).unwrap()),
        }
    }
}

fn deep(check: impl Recommended + 'static) -> Deep {
    let spec: Spec = check.spec("service").timeout(TIMEOUT);
    Deep::started("service", spec, check)
}

/// What is done to the way or to the server, and what is said then, in one of these ways. None of them: a timeout.
const TABLE: [(What, &[&str]); 8] = [
    (What::Way(Fault::BlackHole), &[]),
    (What::Way(Fault::HalfOpen), &[]),
    (What::Way(Fault::Latency(Duration::from_secs(5))), &[]),
    (What::Way(Fault::Trickle), &[]),
    (What::Way(Fault::Reset), &["the connection was reset"]),
    (What::Suspended, &[]),
    // What was still to be read when the way ended decides which.
    (What::Killed, &["the connection was closed", "the connection was reset"]),
    (What::NotListening, &["cannot connect: connection refused"]),
];

#[derive(Clone, Copy, Debug)]
enum What {
    Way(Fault),
    Suspended,
    /// Through a way that is still there, as a balancer is.
    Killed,
    /// And nobody on the way either.
    NotListening,
}

#[tokio::test]
async fn every_fault_is_told_in_time_and_mended() {
    let Some(mut nginx) = Nginx::start().await else { return };
    // One client for all of them, as in an application.
    let client = client();
    for (what, expected) in TABLE {
        let proxy = FaultProxy::to(nginx.address()).await;
        let way = if matches!(what, What::NotListening) { nginx.address() } else { proxy.address() };
        let deep = DEPTHS.map(|depth| depth.deep(&client, way));
        // There is a connection that was good.
        for deep in &deep {
            deep.told().await.is_healthy();
        }
        match what {
            What::Way(fault) => proxy.set(fault),
            What::Suspended => nginx.suspend(),
            What::Killed | What::NotListening => nginx.kill(),
        }
        // On that connection, and on a new one; all at once, because most of them wait.
        for _ in 0..2 {
            let [get, head, body, downstream] = &deep;
            let told = tokio::join!(get.told(), head.told(), body.told(), downstream.told());
            for (depth, told) in DEPTHS.iter().zip([told.0, told.1, told.2, told.3]) {
                match told.summary.as_deref().filter(|summary| expected.contains(summary)) {
                    Some(summary) => told.is_unhealthy(summary),
                    None => {
                        assert!(expected.is_empty(), "{what:?} {depth:?}: {told:?}");
                        told.timed_out();
                    }
                }
            }
        }
        match what {
            What::Way(_) => proxy.set(Fault::None),
            What::Suspended => nginx.resume(),
            What::Killed | What::NotListening => nginx.restart().await,
        }
        for deep in &deep {
            deep.recovers().await;
        }
    }
}

#[tokio::test]
async fn a_run_is_one_request_on_a_connection_that_is_kept() {
    // A thousand of all checks together.
    const RUNS: usize = 250;
    let Some(nginx) = Nginx::start().await else { return };
    let (client, proxy) = (client(), FaultProxy::to(nginx.address()).await);
    let url = format!("http://{}/ok", proxy.address());
    let mut so_far = nginx.requests();
    for depth in DEPTHS {
        match depth {
            Depth::Get => many(RUNS, &Http::get(&client, &url).unwrap()).await,
            Depth::Head => many(RUNS, &Http::head(&client, &url).unwrap()).await,
            Depth::Body => many(RUNS, &Http::get(&client, &url).unwrap().body_is(|_| true)).await,
            Depth::Downstream => many(RUNS, &Downstream::of(&client, &url).unwrap()).await,
        }
        so_far += RUNS;
        // A line is written when the answer has been sent.
        eventually("the last one is counted", async || nginx.requests() >= so_far).await;
        assert_eq!(nginx.requests(), so_far, "{depth:?}");
    }
    // Also a body that nobody needs, and that comes in many pieces.
    let big = Http::get(&client, format!("http://{}/big", proxy.address())).unwrap();
    many(20, &big.at_most(200_000)).await;
    assert_eq!((proxy.accepted(), proxy.open()), (1, 1), "one connection for all of them");
}

async fn many(runs: usize, check: &impl HealthCheck) {
    for run in 0..runs {
        let outcome = check.check().await.unwrap_or_else(|failure| panic!("run {run}: {failure:?}"));
        assert_eq!(outcome.status(), Status::Healthy, "run {run}: {outcome:?}");
    }
}

#[test]
fn runs_leave_nothing_behind() {
    alone("runs_leave_nothing_behind", || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let Some(nginx) = runtime.block_on(Nginx::start()) else { return };
        let address = nginx.address();
        let left = after(Place::SeveralThreads, PATIENCE, async || {
            let (client, proxy) = (client(), FaultProxy::to(address).await);
            let url = |path| format!("http://{}{path}", proxy.address());
            let (get, too_long) =
                (Http::get(&client, url("/ok")).unwrap(), Http::get(&client, url("/big")).unwrap());
            let downstream = Downstream::of(&client, url("/ok")).unwrap();
            many(500, &get).await;
            many(500, &downstream).await;
            many(50, &too_long).await;
            // Those that are cut off take their connections with them, and leave the others.
            proxy.set(Fault::BlackHole);
            for _ in 0..50 {
                let cut_off = tokio::time::timeout(Duration::from_millis(5), get.check()).await;
                assert!(cut_off.is_err(), "it answered");
            }
            proxy.set(Fault::None);
            many(10, &get).await;
            // A connection that was begun when another became free is kept too, so there can be more than one.
            eventually("only those are open that are kept", async || proxy.open() < 10).await;
        });
        assert_eq!(left, Left::nothing());
    });
}
