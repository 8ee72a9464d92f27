//! Settings that would hurt, of pollers and of dialects, said once in the log.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;

/// What has been said, and about which path. Every worker has endpoints of its own, so it is kept here.
static SAID: Mutex<BTreeSet<(Misuse, String)>> = Mutex::new(BTreeSet::new());

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Misuse {
    Overview,
    Exclude,
    Rendering,
}

/// The path, if this has not been said about it.
fn unsaid(misuse: Misuse, request: &HttpRequest) -> Option<String> {
    // The pattern and not the path: what a caller can vary must not fill the memory.
    let pattern = request.match_pattern().unwrap_or_default();
    let is_new = SAID.lock().unwrap_or_else(PoisonError::into_inner).insert((misuse, pattern.clone()));
    is_new.then_some(pattern)
}

/// The overview is unhealthy while the process starts and drains: a kubelet that takes it for liveness kills processes
/// that are only busy leaving.
pub(crate) fn overview_asked(request: &HttpRequest) {
    let agent = request.headers().get(USER_AGENT);
    if !agent.is_some_and(|agent| agent.as_bytes().starts_with(b"kube-probe/")) {
        return;
    }
    if let Some(path) = unsaid(Misuse::Overview, request) {
        tracing::warn!(
            target: "health", %path,
            "a kubelet asks the overview, which is unhealthy while the process starts and drains: a probe asks the \
             path of its own, /live, /ready or /startup below this one unless changed",
        );
    }
}

/// Somebody leaves out a check that does not exist, and so leaves out nothing.
pub(crate) fn unknown_excluded(request: &HttpRequest) {
    if let Some(path) = unsaid(Misuse::Exclude, request) {
        tracing::warn!(
            target: "health", %path,
            "a poller excludes a check that does not exist; the answer to `?verbose` names it",
        );
    }
}

/// A dialect could not write down what it was given.
pub(crate) fn not_rendered(request: &HttpRequest, why: &dyn Display) {
    if let Some(path) = unsaid(Misuse::Rendering, request) {
        tracing::error!(target: "health", %path, error = %why, "the answer could not be rendered");
    }
}
