//! The law of status codes.

use actix_web::http::StatusCode;
use health_core::{Status, View};

/// The code of every status.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Codes {
    healthy: StatusCode,
    degraded: StatusCode,
    unhealthy: StatusCode,
    /// In place of unhealthy while the process is leaving.
    draining: Option<StatusCode>,
}

impl Default for Codes {
    fn default() -> Self {
        let (ok, unavailable) = (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE);
        Self { healthy: ok, degraded: ok, unhealthy: unavailable, draining: None }
    }
}

impl Codes {
    pub(crate) fn set(&mut self, status: Status, code: StatusCode) {
        match status {
            Status::Healthy => self.healthy = code,
            Status::Degraded => self.degraded = code,
            Status::Unhealthy => self.unhealthy = code,
        }
    }

    pub(crate) fn set_draining(&mut self, code: StatusCode) {
        self.draining = Some(code);
    }

    pub(crate) fn of(self, verdict: Status, view: &View<'_>) -> StatusCode {
        match (verdict, self.draining) {
            (Status::Healthy, _) => self.healthy,
            (Status::Degraded, _) => self.degraded,
            (Status::Unhealthy, Some(draining)) if view.is_draining() => draining,
            (Status::Unhealthy, _) => self.unhealthy,
        }
    }
}
