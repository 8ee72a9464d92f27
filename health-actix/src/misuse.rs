//! Settings of pollers that would hurt, said once in the log.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;

/// The overviews about which it has been said. Every worker has endpoints of its own, so it is kept here.
static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The overview is unhealthy while the process starts and drains: a kubelet that takes it for liveness kills processes
/// that are only busy leaving.
pub(crate) fn overview_asked(request: &HttpRequest) {
    let agent = request.headers().get(USER_AGENT);
    if !agent.is_some_and(|agent| agent.as_bytes().starts_with(b"kube-probe/")) {
        return;
    }
    // The pattern and not the path: what a caller can vary must not fill the memory.
    let pattern = request.match_pattern().unwrap_or_default();
    if SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(pattern.clone()) {
        tracing::warn!(
            target: "health", path = %pattern,
            "a kubelet asks the overview, which is unhealthy while the process starts and drains: a probe asks the \
             path of its own, /live, /ready or /startup below this one unless changed",
        );
    }
}
