//! The words of a worker.

use actix_web::web::Bytes;
use health_core::RenderError;
use serde::{Serialize, Serializer};

use super::super::Asked;
use super::is_up;

/// What of the body lasts as long as the report: all behind the uptime.
#[derive(Clone, Copy, PartialEq)]
struct Endpoints;

pub(super) fn body(asked: &Asked<'_>) -> Result<Vec<u8>, RenderError> {
    let endpoints: Bytes = asked.view().rendered(&Endpoints, || serde_json::to_vec(&ByName(asked)))?;
    let (status, uptime) = (if asked.is_passed() { "ready" } else { "notready" }, asked.uptime());
    let before = format!(
        r#"{{"status":"{status}","uptime":{{"secs":{},"nanos":{}}},"endpoints":"#,
        uptime.as_secs(),
        uptime.subsec_nanos()
    );
    let mut body = Vec::with_capacity(before.len() + endpoints.len() + 1);
    body.extend_from_slice(before.as_bytes());
    body.extend_from_slice(&endpoints);
    body.push(b'}');
    Ok(body)
}

/// Serialises what may be shown of each check, under its name.
struct ByName<'a>(&'a Asked<'a>);

impl Serialize for ByName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.0.view().entries();
        serializer.collect_map(
            entries.map(|entry| (entry.name(), if is_up(&entry) { "ready" } else { "notready" })),
        )
    }
}
