//! Code of others, called so that its panic ends here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::redact;

/// Calls it; if it panics, what the panic said, redacted.
pub(super) fn contained(foreign: impl FnOnce()) -> Option<String> {
    let payload = catch_unwind(AssertUnwindSafe(foreign)).err()?;
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(|text| &**text));
    let said = text.map_or_else(|| "a payload that is no text".into(), redact::text);
    if text.is_none() {
        // It may panic when it is dropped, and the payload of that panic again: it is not dropped at all.
        std::mem::forget(payload);
    }
    Some(said)
}
