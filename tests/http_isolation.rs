//! Rules 5 and 8 over HTTP: a check that blocks the engine's thread delays no answer that does not need it, and a
//! poller that hangs up cancels nothing.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use actix_web::dev::Service as _;
use actix_web::{App, HttpServer, rt, test, web};
use futures::future::Either;
use health_actix::endpoints;
use health_core::{Health, Probe, Scope, Spec, Status};
use health_tests::http::{Wire, get, serve};
use health_tests::servers::eventually;
use tokio::sync::{Notify, Semaphore};

/// Callers who may not see checks get what was observed in the last 100 ms, however short the cache.
const PAST_THE_FLOOR: Duration = Duration::from_millis(101);

#[tokio::test]
async fn a_check_that_blocks_the_engines_thread_delays_no_other_answer() {
    let (begun, has_begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (started, address) = mpsc::channel();
    let released = Mutex::new(released);
    // As under `#[actix_web::main]`: the engine and the server's own task share the one thread that is blocked.
    let main = thread::spawn(move || {
        rt::System::new().block_on(async move {
            let blocks = Arc::new(AtomicBool::new(false));
            let is_told = Arc::clone(&blocks);
            let blocking = move || {
                if is_told.load(Ordering::SeqCst) {
                    begun.send(()).unwrap();
                    // Forbidden in an async check, and survived.
                    released.lock().unwrap().recv().unwrap();
                }
                async {}
            };
            let spec = Spec::named("blocks").interval("never").cache("1ms").timeout("1h");
            let health = Health::builder()
                .check_fn(spec, blocking)
                .check_fn(Spec::named("innocent").probe([Probe::Startup]).scope(Scope::Local), || async {})
                .deadline("1h")
                .deadline_of(Probe::Startup, "1s")
                .build()
                .unwrap()
                .start();
            while health.status(Probe::Ready) != Status::Healthy {
                rt::time::sleep(Duration::from_millis(1)).await;
            }
            // The run at the start has passed; the one that a poll begins does not end.
            blocks.store(true, Ordering::SeqCst);
            rt::time::sleep(PAST_THE_FLOOR).await;
            let server = HttpServer::new(move || App::new().service(endpoints(health.clone())))
                .workers(1)
                .disable_signals()
                .bind(("127.0.0.1", 0))
                .unwrap();
            started.send(server.addrs()[0]).unwrap();
            drop(server.run().await);
        });
    });
    let address = address.recv().unwrap();
    let mut ready = Wire::to(address).await;
    ready.send("GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n").await;
    has_begun.recv().unwrap();

    // From here on the thread is blocked, for as long as this test likes.
    let pending = std::pin::pin!(ready.answer());
    let others = std::pin::pin!(async {
        for _ in 0..20 {
            for path in ["/health/live", "/health/startup"] {
                assert_eq!(get(address, path).await.code, 200, "{path}");
            }
            assert_eq!(get(address, "/health/checks/blocks").await.code, 404);
        }
    });
    let Either::Right(((), pending)) = futures::future::select(pending, others).await else {
        panic!("ready needs the check, which is blocked");
    };
    release.send(()).unwrap();
    assert_eq!(pending.await.code, 200, "the run was not lost");
    // The thread serves until the process ends.
    assert!(!main.is_finished());
}

/// A check that says when it begins, waits until it may end, and counts how often it has done either. Its first run
/// is well, every other one degraded.
struct Slow {
    begun: AtomicU32,
    ended: AtomicU32,
    has_begun: Notify,
    may_end: Semaphore,
}

/// With the first run over, so that the next is begun by a poll.
async fn slow() -> (Arc<Slow>, Health) {
    let slow = Arc::new(Slow {
        begun: AtomicU32::new(0),
        ended: AtomicU32::new(0),
        has_begun: Notify::new(),
        may_end: Semaphore::new(1),
    });
    let check = async |slow: Arc<Slow>| {
        slow.begun.fetch_add(1, Ordering::SeqCst);
        slow.has_begun.notify_one();
        slow.may_end.acquire().await.unwrap().forget();
        let ended = slow.ended.fetch_add(1, Ordering::SeqCst);
        if ended == 0 { Status::Healthy } else { Status::Degraded }
    };
    let spec = Spec::named("slow").interval("never").cache("1ms").timeout("1h");
    let run = move |slow| -> futures::future::BoxFuture<'static, Status> { Box::pin(check(slow)) };
    let health =
        Health::builder().check_with(spec, Arc::clone(&slow), run).deadline("1h").build().unwrap().start();
    eventually("the first run is over", async || health.status(Probe::Ready) == Status::Healthy).await;
    slow.has_begun.notified().await;
    rt::time::sleep(PAST_THE_FLOOR).await;
    (slow, health)
}

#[tokio::test]
async fn a_request_that_is_dropped_cancels_nothing() {
    let (slow, health) = slow().await;
    let app = test::init_service(App::new().service(endpoints(health.clone()))).await;
    let ask = || app.call(test::TestRequest::with_uri("/health/ready").to_request());
    {
        let mut leaving = Box::pin(ask());
        poll_fn(|context| {
            assert!(leaving.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        slow.has_begun.notified().await;
    }
    assert_eq!(health.status(Probe::Ready), Status::Healthy, "nothing was recorded");
    slow.may_end.add_permits(1);
    assert_eq!(ask().await.unwrap().status().as_u16(), 200);
    assert_eq!(health.status(Probe::Ready), Status::Degraded);
    let counts = (slow.begun.load(Ordering::SeqCst), slow.ended.load(Ordering::SeqCst));
    assert_eq!(counts, (2, 2), "the second poller got the run that the first had begun");
}

#[tokio::test]
async fn a_connection_that_is_reset_cancels_nothing() {
    /// Says when the request it belongs to is gone.
    struct Gone(Arc<Notify>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }

    let (slow, health) = slow().await;
    let gone = Arc::new(Notify::new());
    let told = Arc::clone(&gone);
    let served_health = health.clone();
    let served = serve(1, move |config| {
        let told = Arc::clone(&told);
        let scope = web::scope("").wrap_fn(move |request, service| {
            let gone = Gone(Arc::clone(&told));
            let answer = service.call(request);
            async move {
                let answer = answer.await;
                drop(gone);
                answer
            }
        });
        config.service(scope.service(endpoints(served_health.clone())));
    });
    let mut leaving = Wire::to(served.address).await;
    leaving.send("GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n").await;
    slow.has_begun.notified().await;
    leaving.reset();
    gone.notified().await;

    slow.may_end.add_permits(1);
    // Nobody asks again: what changes ready is the run that the poller had begun and left.
    eventually("the run ends and is recorded", async || health.status(Probe::Ready) == Status::Degraded)
        .await;
    let counts = (slow.begun.load(Ordering::SeqCst), slow.ended.load(Ordering::SeqCst));
    assert_eq!(counts, (2, 2));
}
