//! A program whose `main` returns while a check is stuck for a minute.

use std::sync::mpsc;
use std::thread::sleep;
use std::time::Duration;

use health_core::{Health, Probe, Spec};

fn main() {
    let runtime = match std::env::args().nth(1).as_deref() {
        Some("dedicated") => return dedicated(),
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

/// Async checks that block their threads, which are the engine's own.
fn dedicated() {
    let (entered, has_entered) = mpsc::channel();
    let mut builder = Health::builder();
    for n in 0..10 {
        let entered = entered.clone();
        builder = builder.check_fn(Spec::named(format!("stuck-{n}")).timeout("50ms"), move || {
            let _ = entered.send(());
            sleep(Duration::from_secs(60));
            async {}
        });
    }
    let health = builder.build().expect("a valid assembly").start_dedicated().expect("threads");
    for _ in 0..10 {
        has_entered.recv_timeout(Duration::from_secs(20)).expect("the checks have begun");
    }
    futures::executor::block_on(health.report(Probe::Ready));
}
