//! Checks made of checks. One of the two servers that they ask is meant to be down.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use health_builtins::combine::{Combine as _, all_of, any_of};
use health_builtins::tcp::Tcp;

use crate::found::Found;
use crate::own_service::OwnService;

const GROUP: &str = "combined";

pub(crate) fn checks(found: Found, own: &OwnService) -> Found {
    let up = || Tcp::connect(own.address.to_string());
    let closed = closed_port();
    let down = || Tcp::connect(format!("127.0.0.1:{closed}"));
    let fast = Duration::from_millis(500);
    // Where they are worth an entry of their own, register them in a group with a `Quorum` instead.
    let any = any_of([up().member("first"), down().member("second")]);
    let all = all_of([up().member("first"), up().degraded_if_slower_than(fast).member("again")]);
    found
        .remark(GROUP, "of two servers one is meant to be down")
        .check(GROUP, "any-of", any, "both of two servers accept connections")
        .check(GROUP, "all-of", all, "all of them do")
        .check(GROUP, "slow", up().degraded_if_slower_than(fast), "it took less than 500 ms")
        .check(GROUP, "only-if", down().only_if(is_leader), "its server is down, and nobody needs it now")
        .check(GROUP, "breaker", down().circuit_breaker(), "it was asked, and is up")
}

/// Stands for a condition of the application's.
fn is_leader() -> bool {
    false
}

/// Where nobody listens; the port is free once the listener is dropped.
fn closed_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.map_or(1, |address| address.port())
}
