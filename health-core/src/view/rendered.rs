//! Bytes that are rendered once and handed out as often as somebody asks.

use std::sync::OnceLock;

use bytes::Bytes;

use super::{Exposure, Form};

/// The rendered forms of one report, each made when it is first asked for.
#[derive(Default)]
pub(crate) struct Rendered {
    json: [OnceLock<Bytes>; 3],
    text: [OnceLock<Bytes>; 3],
}

impl Rendered {
    pub(super) fn get(&self, form: Form, exposure: Exposure, render: impl FnOnce() -> Bytes) -> Bytes {
        let [status, checks, full] = match form {
            Form::Json => &self.json,
            Form::Text => &self.text,
        };
        let slot = match exposure {
            Exposure::Status => status,
            Exposure::Checks => checks,
            Exposure::Full => full,
        };
        slot.get_or_init(render).clone()
    }
}
