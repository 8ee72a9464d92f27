//! A program whose `main` returns while a blocking check is stuck for a minute.

use std::sync::mpsc;
use std::thread::sleep;
use std::time::Duration;

use health_core::{Health, Probe, Spec};

fn main() {
    let runtime = match std::env::args().nth(1).as_deref() {
        Some("tokio") => tokio::runtime::Builder::new_multi_thread().enable_all().build(),
        _ => tokio::runtime::Builder::new_current_thread().enable_all().build(),
    };
    let (entered, has_entered) = mpsc::channel();
    let stuck = move || {
        let _ = entered.send(());
        sleep(Duration::from_secs(60));
    };
    runtime.expect("a runtime").block_on(async {
        let builder = Health::builder().check_blocking(Spec::named("stuck").timeout("50ms"), stuck);
        let health = builder.build().expect("a valid assembly").start();
        health.report(Probe::Ready).await;
        has_entered.recv().expect("the check has begun");
    });
}
