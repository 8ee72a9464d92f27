//! A rolling restart that loses nothing: HAProxy in front of three instances of `actix_app`, a steady load through it, and
//! every instance restarted in turn.
//!
//! Run with:
//!
//! ```sh
//! cargo run --example rolling_restart                # needs HAProxy
//! cargo run --example rolling_restart -- --rounds 20
//! cargo run --example rolling_restart -- --drain 0   # what is lost without a drain delay
//! ```
//!
//! Half of the requests place an order, and nothing is tried twice: neither here nor by HAProxy (`retries 0`, no
//! redispatch). A request fails when it gets no connection, no answer, half an answer, another code than 200, or when it
//! takes ten seconds, and is shown with what the log of HAProxy says about it. The orders that were answered are compared
//! with those that the instances have kept. `out after` is the longest time for which HAProxy went on sending requests to
//! an instance that was told to stop, which a drain delay has to be longer than, and `as` what it called the instance then.
//!
//! It ends with code 1 if something was lost or an instance ended with another code than 0, and with 2 if it could not be
//! tried.

mod arguments;
mod balancer;
mod connection;
mod ground;
mod instance;
mod load;
mod rollout;
mod way;

use std::collections::BTreeSet;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::Arguments;
use crate::ground::Ground;
use crate::rollout::Rollout;

/// How many failures are shown of each rollout.
const SHOWN: usize = 10;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match arguments::parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{}", arguments::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    let tried = tokio::select! {
        tried = run(&arguments) => tried,
        // So that what was started is stopped, and the temporary folder goes.
        told = told_to_stop() => told,
    };
    match tried {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

async fn told_to_stop() -> Result<bool, Box<dyn Error>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Err("told to stop".into())
}

/// Whether nothing was lost.
async fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let ground = Ground::find()?;
    let Arguments { rounds, drain, rate, .. } = arguments;
    let drain = milliseconds(*drain);
    println!("3 instances, {rounds} rounds, {rate} requests per second, {drain} of drain delay\n");
    println!(
        "{:<6}{:>10}{:>10}{:>8}{:>8}{:>8}{:>10}{:>10}  {:<10}{:>6}  exit codes",
        "way", "restarts", "requests", "failed", "orders", "kept", "longest", "out after", "as", "reused"
    );
    let mut lost_nothing = true;
    for way in &arguments.ways {
        let rollout = rollout::roll_out(*way, arguments, &ground).await?;
        show(&rollout);
        lost_nothing &= rollout.lost_nothing();
    }
    Ok(lost_nothing)
}

fn show(rollout: &Rollout) {
    let Rollout { way, tally, restarts, orders_kept, opened, reused, explained } = rollout;
    let outs = restarts.iter().filter_map(|restart| restart.out.as_ref());
    let out_after = outs.clone().map(|(after, _)| *after).max();
    let out_as: BTreeSet<_> = outs.map(|(_, status)| &**status).collect();
    println!(
        "{:<6}{:>10}{:>10}{:>8}{:>8}{orders_kept:>8}{:>10}{:>10}  {:<10}{:>6}  {}",
        way.as_str(),
        restarts.len(),
        tally.requests,
        tally.failures.len(),
        tally.orders,
        milliseconds(tally.longest),
        out_after.map_or_else(|| "never".to_owned(), milliseconds),
        out_as.into_iter().collect::<Vec<_>>().join(", "),
        format!("{} %", 100 * reused / (opened + reused).max(1)),
        exit_codes(rollout),
    );
    for failure in explained.iter().take(SHOWN) {
        println!("  {failure}");
    }
    if let Some(more) = explained.len().checked_sub(SHOWN + 1) {
        println!("  and {} more", more + 1);
    }
}

/// Each code, and how often.
fn exit_codes(rollout: &Rollout) -> String {
    let mut codes: Vec<_> = rollout.restarts.iter().map(|restart| restart.code).collect();
    codes.sort_unstable();
    let shown = |code: &Option<i32>| code.map_or_else(|| "killed".to_owned(), |code| code.to_string());
    let shown: Vec<_> = codes
        .chunk_by(|a, b| a == b)
        .filter_map(|same| Some(format!("{} x {}", same.len(), shown(same.first()?))))
        .collect();
    shown.join(", ")
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
