//! Bytes on an HTTP/1 connection, in pieces: every answer is the verdict, a 404, a 405 or a refusal, and it ends.
//!
//! The first byte says after how many bytes the caller makes a pause; zero is never.
#![no_main]

use std::future::Future;
use std::pin::Pin;

use actix_http::HttpService;
use actix_service::{Service, ServiceFactory, map_config};
use actix_web::App;
use actix_web::dev::AppConfig;
use health_actix::dialect::{Dynamo, HealthJson, Kubernetes, MicroProfile, NativeLink, Spring};
use health_core::Exposure;
use health_fuzz::answers::judge_connection;
use health_fuzz::served_of;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

type Serve = &'static dyn Fn(DuplexStream) -> Pin<Box<dyn Future<Output = ()>>>;

thread_local! {
    /// Serves one connection, until it is closed.
    static SERVE: Serve = health_fuzz::run(served());
}

async fn served() -> Serve {
    let health = health_fuzz::of_every_kind();
    let app = App::new()
        .service(served_of(health.clone()))
        .service(served_of(health.clone()).mount("/checks").exposure(Exposure::Checks))
        .service(served_of(health.clone()).mount("/full").exposure(Exposure::Full))
        .service(served_of(health.clone()).dialect(Kubernetes::new()).exposure(Exposure::Full))
        .service(served_of(health.clone()).dialect(HealthJson::new()).mount("/json").exposure(Exposure::Full))
        .service(served_of(health.clone()).dialect(MicroProfile::new()).mount("/mp").exposure(Exposure::Full))
        .service(served_of(health.clone()).dialect(Spring::new()).exposure(Exposure::Full))
        .service(served_of(health.clone()).dialect(NativeLink::new()).exposure(Exposure::Full))
        .service(
            served_of(health.clone()).dialect(Dynamo::worker()).mount("/worker").exposure(Exposure::Full),
        )
        .service(served_of(health).dialect(Dynamo::frontend()).mount("/front").exposure(Exposure::Full));
    let factory = HttpService::build().h1(map_config(app, |()| AppConfig::default()));
    let service = factory.new_service(()).await.expect("a service");
    Box::leak(Box::new(move |stream| -> Pin<Box<dyn Future<Output = ()>>> {
        let connection = service.call((stream, None));
        // It ends with an error when the bytes were none that could be answered.
        Box::pin(async move { drop(connection.await) })
    }))
}

async fn converse(serve: Serve, bytes: &[u8], pause_after: usize) -> Vec<u8> {
    let (here, there) = duplex(1 << 20);
    let connection = tokio::task::spawn_local(serve(there));
    let (mut answers, mut requests) = tokio::io::split(here);
    let sending = async {
        for piece in bytes.chunks(pause_after.max(1)) {
            // The server may have hung up before.
            if requests.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(requests.shutdown().await);
    };
    let mut said = Vec::new();
    let (_, read) = tokio::join!(sending, answers.read_to_end(&mut said));
    read.expect("a connection in memory");
    connection.await.expect("no panic");
    said
}

fuzz_target!(|data: &[u8]| {
    let Some((pause_after, bytes)) = data.split_first() else { return };
    let pause_after = if *pause_after == 0 { bytes.len() } else { usize::from(*pause_after) };
    let serve = SERVE.with(|serve| *serve);
    let said = health_fuzz::run(async {
        let conversation = converse(serve, bytes, pause_after);
        tokio::time::timeout(health_fuzz::FOR_EVER, conversation).await.expect("a connection that ends")
    });
    judge_connection(&said);
});
