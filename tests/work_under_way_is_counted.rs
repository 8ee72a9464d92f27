//! What is under way is counted from its beginning to its end, over all threads, and is never overlooked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use futures::stream::{self, StreamExt as _};
use health_actix::goodbye;
use health_core::{Change, Health, ShutdownStep, Spec};
use health_tests::http::{Wire, serve};
use health_tests::servers::eventually;
use health_tests::transitions::{pending, told};
use tokio::sync::Semaphore;
use tokio::task::yield_now;

fn started() -> Health {
    Health::builder().build().unwrap().start()
}

fn sum(health: &Health) -> u64 {
    health.under_way().iter().map(|(_, under_way)| under_way).sum()
}

#[tokio::test]
async fn it_is_counted_by_name_until_it_ends() {
    let health = started();
    assert_eq!(health.under_way(), []);
    health.work_ended().await;
    let (one, other) = (health.work("requests"), health.work("requests"));
    assert_eq!(health.under_way(), [("requests".into(), 0)]);
    let (import, first, second) = (health.hold(String::from("imports")), one.begin(), other.clone().begin());
    let third = one.begin();
    assert_eq!(health.under_way(), [("imports".into(), 1), ("requests".into(), 3)]);
    let ends = tokio::spawn({
        let health = health.clone();
        async move { health.work_ended().await }
    });
    for held in [import, second, third] {
        yield_now().await;
        assert!(!ends.is_finished());
        drop(held);
    }
    assert_eq!(health.under_way(), [("requests".into(), 1)], "a kind that nobody counts is forgotten");
    drop(first);
    ends.await.unwrap();
    drop((one, other));
    assert_eq!(health.under_way(), []);
    assert_eq!(format!("{:?} {:?}", health.work("a"), health.hold("b")), r#"Work("a") Hold("b")"#);
}

/// What begins before something else ends is never taken for nothing, whichever is looked at first.
#[tokio::test]
async fn what_is_handed_over_is_always_under_way() {
    let health = started();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for names in [["a", "b"], ["c", "c"]] {
            let (health, is_over) = (&health, &is_over);
            let mut hold = health.hold(names[0]);
            scope.spawn(move || {
                let works = names.map(|name| health.work(name));
                for turn in 0.. {
                    hold = if turn % 64 == 0 { health.hold(names[1]) } else { works[turn % 2].begin() };
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                }
                drop(hold);
            });
        }
        let seen: BTreeSet<_> = (0..20_000).map(|_| sum(&health)).collect();
        is_over.store(true, Ordering::Relaxed);
        // What ends while it looks may be counted still.
        assert!(seen.first() >= Some(&2), "{seen:?}");
    });
    assert_eq!(sum(&health), 0);
}

#[tokio::test(start_paused = true)]
async fn work_keeps_no_engine_alive() {
    let witness = Arc::new(());
    let weak = Arc::downgrade(&witness);
    let held = |_: Arc<()>| std::future::pending::<()>();
    let health = Health::builder().check_with(Spec::named("holds").timeout("1h"), witness, held);
    let health = health.build().unwrap().start();
    let (work, hold) = (health.work("requests"), health.hold("imports"));
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(weak.strong_count() > 0);
    drop(health);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(weak.strong_count(), 0);
    drop((work.begin(), hold));
}

#[tokio::test]
async fn whoever_listens_hears_how_far_it_has_come() {
    let health = started();
    assert!(health.has_been_heard(), "nobody listens");
    let mut subscription = health.subscribe();
    let _hold = health.hold("imports");
    health.drain();
    health.shutdown_step(ShutdownStep::Draining);
    assert!(!health.has_been_heard());
    let heard = pending(&mut subscription);
    assert_eq!(
        heard.iter().map(told).collect::<Vec<_>>(),
        ["phase running-draining", "ready healthy-unhealthy", "shutdown draining"]
    );
    let Change::Shutdown { step: ShutdownStep::Draining, under_way: 1, .. } = heard[2].change() else {
        panic!("{heard:?}")
    };
    assert!(health.has_been_heard(), "it waits for more");
    for step in [ShutdownStep::Finishing, ShutdownStep::CutOff] {
        health.shutdown_step(step);
    }
    assert!(!health.has_been_heard());
    let heard = pending(&mut subscription);
    assert_eq!((heard.len(), heard[0].missed()), (1, 1), "a slow reader hears the last one");
    assert_eq!(told(&heard[0]), "shutdown cut_off");
    drop(subscription);
    health.shutdown_step(ShutdownStep::Finished);
    assert!(health.has_been_heard(), "who is gone need not hear");
}

/// From the call to the last byte; and whoever hangs up ends it.
#[tokio::test]
async fn a_request_is_under_way_until_its_answer_is_handed_out() {
    let health = started();
    let release = Arc::new(Semaphore::new(0));
    let (middleware, released) = (goodbye(&health), Arc::clone(&release));
    let served = serve(2, move |config| {
        let (released, held) = (Arc::clone(&released), Arc::clone(&released));
        let streams = move || {
            let released = Arc::clone(&released);
            let last = stream::once(async move {
                released.acquire().await.expect("never closed").forget();
                Ok::<_, actix_web::Error>(Bytes::from_static(b"last"))
            });
            let first = stream::once(async { Ok(Bytes::from_static(b"first")) });
            async move { HttpResponse::Ok().streaming(first.chain(last)) }
        };
        let holds = move || {
            let held = Arc::clone(&held);
            async move {
                held.acquire().await.expect("never closed").forget();
                "done"
            }
        };
        let switches = || async {
            let endless = stream::pending::<Result<Bytes, actix_web::Error>>();
            HttpResponse::SwitchingProtocols().upgrade("echo").streaming(endless)
        };
        config.service(
            web::scope("")
                .wrap(middleware.clone())
                .route("/stream", web::get().to(streams))
                .route("/held", web::get().to(holds))
                .route("/switches", web::get().to(switches)),
        );
    });
    let counted = async |expected: u64| {
        eventually("so many are under way", async || sum(&health) == expected).await;
    };
    let asked = async |path: &str| {
        let mut wire = Wire::to(served.address).await;
        wire.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        wire
    };
    let (mut held, gone) = (asked("/held").await, asked("/held").await);
    counted(2).await;
    let mut streamed = asked("/stream").await;
    assert_eq!(streamed.head().await.code, 200);
    assert_eq!(sum(&health), 3, "its head alone is out");
    gone.reset();
    counted(2).await;
    release.add_permits(2);
    assert_eq!(held.answer().await.body, "done");
    assert!(streamed.rest().await.ends_with(b"last\r\n0\r\n\r\n"));
    counted(0).await;

    let mut switched = Wire::to(served.address).await;
    switched.send("GET /switches HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n").await;
    assert_eq!(switched.head().await.code, 101);
    assert_eq!(sum(&health), 0, "what is handed over is none of HTTP any more");
}
