//! What of its health this service serves beside its own port, where nothing that it does can hold up an answer.

use std::env;
use std::io;

use health_actix::Management;
use health_core::Health;

/// What the variables ask for; `None` if that is nothing. It answers for as long as it is kept.
pub(crate) fn start(health: &Health) -> io::Result<Option<Management>> {
    let (mut server, mut is_bound) = (health_actix::server(health.clone()), false);
    if let Ok(address) = env::var("MANAGEMENT") {
        (server, is_bound) = (server.bind(address)?, true);
    }
    if let Ok(address) = env::var("AGENT") {
        (server, is_bound) = (server.bind_haproxy_agent(address)?, true);
    }
    if is_bound { server.start().map(Some) } else { Ok(None) }
}
