//! Every instance restarted in turn, under load.

use std::error::Error;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::balancer::Balancer;
use crate::connection::Failure;
use crate::ground::Ground;
use crate::instance::Instance;
use crate::load::{Load, Tally};
use crate::way::Way;

/// One instance, stopped and started again.
pub(crate) struct Restart {
    /// How long HAProxy went on sending requests to it after it was told to stop, and what it called it then; `None` when it
    /// noticed nothing.
    pub(crate) out: Option<(Duration, String)>,
    /// The exit code; `None` when a signal killed it.
    pub(crate) code: Option<i32>,
}

/// What a rollout has done.
pub(crate) struct Rollout {
    pub(crate) way: Way,
    pub(crate) tally: Tally,
    pub(crate) restarts: Vec<Restart>,
    /// How many orders the instances have kept.
    pub(crate) orders_kept: u64,
    /// Connections that HAProxy opened to the instances, and requests for which it needed none.
    pub(crate) opened: u64,
    pub(crate) reused: u64,
    /// Each failure, with what HAProxy says about it.
    pub(crate) explained: Vec<String>,
}

impl Rollout {
    pub(crate) fn lost_nothing(&self) -> bool {
        self.tally.failures.is_empty()
            && self.tally.orders == self.orders_kept
            && self.restarts.iter().all(|restart| restart.code == Some(0))
    }
}

pub(crate) async fn roll_out(
    way: Way,
    arguments: &Arguments,
    ground: &Ground,
) -> Result<Rollout, Box<dyn Error>> {
    // In memory where there is some: the measurement is not about how long this machine takes to write to its disk.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
    let [front, one, two, three, agent_one, agent_two, agent_three] = ground.ports;
    let instance = |name, ports| Instance::new(name, ports, &ground.app, folder.path(), way, arguments.drain);
    let mut instances = [
        instance("one", [one, agent_one]),
        instance("two", [two, agent_two]),
        instance("three", [three, agent_three]),
    ];
    for instance in &mut instances {
        instance.start().await?;
    }
    let balancer = Balancer::start(&ground.haproxy, folder.path(), way, front, &instances)?;
    for instance in &instances {
        balancer.has_in(instance.name).await?;
    }

    let load = Load::start(front, arguments.rate);
    let mut restarts = Vec::new();
    for _ in 0..arguments.rounds {
        for instance in &mut instances {
            restarts.push(restart(instance, &balancer).await?);
        }
    }
    let tally = load.stop().await?;

    let (mut opened, mut reused, mut orders_kept) = (0, 0, 0);
    for instance in &instances {
        let server = balancer.server(instance.name).await?;
        (opened, reused) = (opened + server.opened, reused + server.reused);
        orders_kept += instance.orders()?;
    }
    let explained = tally.failures.iter().map(|failure| explain(failure, &balancer)).collect();
    balancer.end().await?;
    for instance in instances {
        instance.kill().await?;
    }
    Ok(Rollout { way, tally, restarts, orders_kept, opened, reused, explained })
}

async fn restart(instance: &mut Instance, balancer: &Balancer) -> Result<Restart, Box<dyn Error>> {
    let name = instance.name;
    let told = Instant::now();
    instance.terminate()?;
    let mut out = None;
    let ending = loop {
        tokio::select! {
            ending = instance.ended() => break ending?,
            status = balancer.has_out(name), if out.is_none() => out = Some((told.elapsed(), status?)),
        }
    };
    if ending.code != Some(0) {
        eprintln!("`{name}` has ended with {:?}; its log ends with\n{}", ending.code, ending.last_words);
    }
    instance.start().await?;
    balancer.has_in(name).await?;
    Ok(Restart { out, code: ending.code })
}

fn explain((number, failure): &(u64, Failure), balancer: &Balancer) -> String {
    let complaint = balancer.complaint_about(*number);
    format!("request {number}: {failure}; HAProxy: {}", complaint.as_deref().unwrap_or("no complaint"))
}
