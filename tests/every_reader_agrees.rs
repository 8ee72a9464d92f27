//! One service goes through every state in which a reader may find it, all real readers judge it at once, and every one of
//! them comes to the same: whether it gets traffic, and whether it is restarted. What each saw is what
//! `docs/readers.md` says.
#![cfg(target_os = "linux")]

#[path = "every_reader_agrees/balancers.rs"]
mod balancers;
#[path = "every_reader_agrees/kubelet.rs"]
mod kubelet;
#[path = "every_reader_agrees/monitors.rs"]
mod monitors;
#[path = "every_reader_agrees/prometheus.rs"]
mod prometheus;
#[path = "every_reader_agrees/reader.rs"]
mod reader;
#[path = "every_reader_agrees/service.rs"]
mod service;
#[path = "every_reader_agrees/systemd.rs"]
mod systemd;
#[path = "every_reader_agrees/table.rs"]
mod table;

use std::time::{Duration, Instant};

use futures::future::join_all;
use health_core::Probe;
use health_tests::servers::eventually;

use self::kubelet::Kubelet;
use self::reader::{Reader, Seen};
use self::service::{STATES, Service, State};
use self::systemd::Systemd;
use self::table::Table;

const DOCUMENT: &str = include_str!("../docs/readers.md");

/// How long a reader may take to come to what the others say.
const PATIENCE: Duration = Duration::from_secs(30);

fn agrees(state: &State, seen: &Seen) -> bool {
    seen.traffic.is_none_or(|traffic| traffic == state.traffic)
        && seen.restart.is_none_or(|restart| restart == state.restart)
}

/// What a reader makes of the service once it has settled, or when it takes too long to.
async fn settled(reader: &mut Box<dyn Reader>, state: &State) -> Seen {
    let until = Instant::now() + PATIENCE;
    loop {
        let seen = reader.look().await;
        if agrees(state, &seen) || Instant::now() > until {
            return seen;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reader_agrees() {
    if systemd::starts("every_reader_agrees") {
        return;
    }
    let systemd = Systemd::listen();
    let service = Service::start().await;
    let mut readers: Vec<Box<dyn Reader>> = Vec::new();
    readers.extend(balancers::haproxy(&service));
    readers.extend(balancers::nginx(&service).await);
    readers.extend(monitors::blackbox(&service).await);
    readers.extend(prometheus::prometheus(&service).await);
    readers.extend(monitors::curl(&service));
    readers.push(Box::new(Kubelet::of(service.address())));
    readers.push(Box::new(systemd));

    let mut table = Table::of(readers.iter().map(|reader| reader.name()));
    let mut disagree = Vec::new();
    for state in STATES {
        service.enter(state.name);
        let what = format!("{}: ready is {}", state.name, state.ready);
        eventually(&what, async || service.health.status(Probe::Ready) == state.ready).await;
        let seen = join_all(readers.iter_mut().map(|reader| settled(reader, state))).await;
        for (reader, seen) in readers.iter().zip(&seen) {
            if !agrees(state, seen) {
                disagree.push(format!("{}: {} says {:?}", state.name, reader.name(), seen));
            }
        }
        table.row(state, seen);
    }
    table.print();
    assert!(disagree.is_empty(), "{disagree:#?}");
    table.is_in(DOCUMENT);
}
