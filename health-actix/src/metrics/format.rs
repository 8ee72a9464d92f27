//! Which of the two formats is written.

use actix_web::http::header::{HeaderMap, HeaderValue};

use crate::accept;

/// A format that Prometheus reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus' own text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// What a caller likes best; text where it has no wish.
    pub(super) fn preferred(headers: &HeaderMap) -> Self {
        match accept::preferred(headers, &["text/plain", "application/openmetrics-text"]) {
            1 => Self::OpenMetrics,
            _ => Self::Text,
        }
    }

    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    pub(super) const fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.media_type())
    }
}
